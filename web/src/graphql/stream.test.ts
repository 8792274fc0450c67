import { createRoot } from 'solid-js';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { graphql } from './graphql.ts';
import { createSocket } from './socket.ts';
import { openStream, type StreamOptions } from './stream.ts';

/** A WebSocket whose other end is the test. */
class FakeWebSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  static all: FakeWebSocket[] = [];
  readyState = FakeWebSocket.CONNECTING;
  readonly sent: { type: string; id?: string; payload?: Readonly<Record<string, unknown>> }[] = [];
  onopen?: () => void;
  onclose?: (event: CloseEvent) => void;
  onmessage?: (message: { data: string }) => void;

  constructor() {
    FakeWebSocket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(code = 1000): void {
    this.readyState = FakeWebSocket.CLOSED;
    this.onclose?.(new CloseEvent('close', { code, reason: '' }));
  }
  async accept(): Promise<void> {
    this.readyState = FakeWebSocket.OPEN;
    this.onopen?.();
    await vi.advanceTimersByTimeAsync(1);
    await this.receive({ type: 'connection_ack' });
  }
  async receive(message: object): Promise<void> {
    this.onmessage?.({ data: JSON.stringify(message) });
    await vi.advanceTimersByTimeAsync(1);
  }
  /** What the client subscribed to with over this connection. */
  get subscriptions(): { id: string; variables: unknown }[] {
    return this.sent
      .filter(({ type }) => type === 'subscribe')
      .map(({ id = '', payload }) => ({ id, variables: payload?.['variables'] }));
  }
}

const document = graphql(`
  subscription Tail($jobId: ID!, $after: SafeInt) {
    logTail(jobId: $jobId, after: $after) {
      endOffset
    }
  }
`);

let onUnauthenticated: ReturnType<typeof vi.fn<() => void>>;
let dispose = (): void => {};

beforeEach(() => {
  vi.useFakeTimers();
  FakeWebSocket.all = [];
  vi.stubGlobal('WebSocket', FakeWebSocket);
  vi.stubGlobal('localStorage', { getItem: () => 'a-key' });
  vi.stubGlobal('addEventListener', vi.fn());
  vi.stubGlobal('removeEventListener', vi.fn());
  onUnauthenticated = vi.fn();
});
afterEach(() => {
  dispose();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

type Tail = { logTail: { endOffset: number } };
type Overrides = Partial<Pick<StreamOptions<Tail, { jobId: string }>, 'isFinished' | 'finished' | 'fault'>>;

function open(overrides: Overrides = {}) {
  const received: number[] = [];
  const socket = createRoot((disposeRoot) => {
    dispose = disposeRoot;
    return createSocket('ws://localhost/graphql', onUnauthenticated);
  });
  const stop = openStream(socket, {
    document,
    variables: { jobId: 'J', after: -100 },
    next: ({ logTail }) => received.push(logTail.endOffset),
    resume: ({ logTail }) => ({ after: logTail.endOffset }),
    isFinished: () => false,
    fault: (message) => {
      throw new Error(message);
    },
    ...overrides,
  });
  return { socket, stop, received };
}

async function connection(index: number): Promise<FakeWebSocket> {
  await vi.advanceTimersByTimeAsync(10_000);
  const found = FakeWebSocket.all[index];
  if (found === undefined) throw new Error(`There was no connection ${index}`);
  return found;
}

async function emit(webSocket: FakeWebSocket, endOffset: number): Promise<void> {
  const id = webSocket.subscriptions.at(-1)?.id;
  await webSocket.receive({ type: 'next', id, payload: { data: { logTail: { endOffset } } } });
}

it('goes on after a lost connection where the last result ended', async () => {
  const { received } = open();
  const first = await connection(0);
  await first.accept();
  expect(first.sent[0]).toEqual({ type: 'connection_init', payload: { session: 'a-key' } });
  await emit(first, 40);
  await emit(first, 90);
  first.close(1006);
  const second = await connection(1);
  await second.accept();
  await emit(second, 120);
  expect(first.subscriptions.map(({ variables }) => variables)).toEqual([{ jobId: 'J', after: -100 }]);
  expect(second.subscriptions.map(({ variables }) => variables)).toEqual([{ jobId: 'J', after: 90 }]);
  expect(received).toEqual([40, 90, 120]);
});

it('reports whether the page is live, and since when it is not', async () => {
  const { socket } = open();
  expect(socket.connection().status).toBe('connecting');
  const first = await connection(0);
  await first.accept();
  expect(socket.connection().status).toBe('live');
  const lostAt = Date.now();
  first.close(1006);
  const second = await connection(1);
  second.close(1006);
  expect(socket.connection()).toEqual({ status: 'reconnecting', since: lostAt });
});

it('opens a stream again that the server ended before its time', async () => {
  open();
  const socket = await connection(0);
  await socket.accept();
  await emit(socket, 40);
  await socket.receive({ type: 'complete', id: socket.subscriptions[0]?.id });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(socket.subscriptions.at(-1)?.variables).toEqual({ jobId: 'J', after: 40 });
  expect(socket.subscriptions).toHaveLength(2);
});

it('leaves a finished stream ended, and says so once', async () => {
  const finished = vi.fn();
  open({ isFinished: () => true, finished });
  const socket = await connection(0);
  await socket.accept();
  await socket.receive({ type: 'complete', id: socket.subscriptions[0]?.id });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(socket.subscriptions).toHaveLength(1);
  expect(finished).toHaveBeenCalledOnce();
});

it('tells of a refusal and does not ask again', async () => {
  const fault = vi.fn();
  open({ fault });
  const socket = await connection(0);
  await socket.accept();
  await socket.receive({
    type: 'error',
    id: socket.subscriptions[0]?.id,
    payload: [{ message: 'Job not found' }],
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(fault).toHaveBeenCalledExactlyOnceWith('Job not found');
  expect(socket.subscriptions).toHaveLength(1);
});

it('stops asking when the credential is refused', async () => {
  open();
  const socket = await connection(0);
  socket.close(4403);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(onUnauthenticated).toHaveBeenCalledOnce();
  expect(FakeWebSocket.all).toHaveLength(1);
});

it('takes a server that answers no ping for gone', async () => {
  open();
  const first = await connection(0);
  await first.accept();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(FakeWebSocket.all.length).toBeGreaterThan(1);
});

it('takes the server for gone at once when the machine loses its network', async () => {
  const { socket } = open();
  const first = await connection(0);
  await first.accept();
  const [, goOffline] = vi.mocked(addEventListener).mock.calls.find(([name]) => name === 'offline') ?? [];
  expect(socket.connection().status).toBe('live');
  if (typeof goOffline === 'function') goOffline(new Event('offline'));
  expect(socket.connection().status).toBe('reconnecting');
  await (await connection(1)).accept();
  expect(socket.connection().status).toBe('live');
});

it('is silent once it is stopped', async () => {
  const { stop, received } = open();
  const socket = await connection(0);
  await socket.accept();
  stop();
  await emit(socket, 40);
  expect(received).toEqual([]);
  expect(socket.sent.at(-1)?.type).toBe('complete');
});
