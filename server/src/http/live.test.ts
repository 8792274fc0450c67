import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { signIn } from '../../test/support/session.ts';
import type { Job } from '../domain/job.ts';
import { aJob, aProject } from '../domain/testing.ts';
import { JobReader } from '../store/job-reader.ts';
import { SocketClient, type SocketOptions, Stage, TOKEN } from './testing.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage[Symbol.asyncDispose]());

const EVENTS = `subscription ($after: String, $filter: JobFilter) {
  jobEvents(after: $after, filter: $filter) { cursor kind fromState state job { name state reason } }
}`;
const ARCHIVE = 'mutation ($id: ID!) { archiveJobs(input: { ids: [$id] }) { __typename } }';
const STATUS = 'subscription ($id: ID!) { jobStatus(id: $id) { state reason } }';

interface ToldEvent {
  readonly cursor: string;
  readonly kind: string;
  readonly fromState: string | null;
  readonly state: string | null;
  readonly job: { readonly name: string; readonly state: string; readonly reason: string | null } | null;
}

class RawClient extends SocketClient {
  constructor(options: SocketOptions = {}) {
    super(stage.address, options);
  }
}

/** What the reference client is told, as it comes. */
function follow(query: string, variables: Record<string, unknown> = {}) {
  const client = createClient({
    url: `${stage.address.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${TOKEN}` },
    retryAttempts: 0,
  });
  const told: never[] = [];
  const done = (async () => {
    for await (const { data, errors } of client.iterate({ query, variables })) {
      if (errors !== undefined || data == null) throw new Error(JSON.stringify(errors));
      told.push(Object.values(data)[0] as never);
    }
  })();
  return { told: told as ToldEvent[], done, stop: () => client.dispose() };
}

/** A session of its own, by the headers with which a page shows it. */
const session = () => signIn(stage.address, TOKEN);
const lines = (headers: object) =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\r\n');

async function openSockets(): Promise<number> {
  const metrics = await fetch(`${stage.address}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return Number(/^slurmql_websocket_connections (\d+)/m.exec(await metrics.text())?.[1]);
}

async function until(isRight: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 30_000; !isRight(); ) {
    if (Date.now() > deadline) throw new Error('It never came');
    await pause(5);
  }
}

/** The place of the newest event: who begins there misses nothing, however long the way to the server takes. */
const here = () => Buffer.from(`event:${stage.journal.newest}`).toString('base64url');

const reasons = (events: readonly ToldEvent[]) => events.map(({ job }) => job?.reason);
const globalId = (job: Job) => encodeGlobalID('Job', job.id);

describe('events of jobs', () => {
  it('come once and in order to all who ask for the same, wherever each of them began', async () => {
    const job = aJob({ reason: '0' });
    await stage.create([job]);
    const first = follow(EVENTS, { after: here() });
    for (let number = 1; number <= 10; number += 1) await stage.change(job.id, { reason: String(number) });
    await until(() => first.told.length === 10);
    const late = follow(EVENTS, { after: first.told[3]?.cursor });
    const last = follow(EVENTS, { after: here() });
    await until(() => late.told.length === 6);
    for (let number = 11; number <= 20; number += 1) await stage.change(job.id, { reason: String(number) });
    await until(() => first.told.length === 20 && late.told.length === 16 && last.told.length === 10);
    const numbers = (from: number) => Array.from({ length: 21 - from }, (_, index) => String(from + index));
    expect([first, late, last].map(({ told }) => reasons(told))).toEqual([numbers(1), numbers(5), numbers(11)]);
    for (const follower of [first, late, last]) await follower.stop();
  });

  it.each([
    ['with a list', 'jobEvents(after: $after) { job { id attempts { number } } }'],
    ['with what is read for each', 'jobEvents(after: $after) { job { id project { name } } }'],
    ['with a page', 'jobEvents(after: $after) { job { id tasks { nodes { name } } } }'],
    ['with a list of a list', 'jobEvents(after: $after) { job { id project { branches { name } } } }'],
    ['through a filter that reads', 'jobEvents(after: $after, filter: { search: "x" }) { job { id } }'],
  ])('%s come to all who ask for the same, also once the first who asked has left', async (_what, field) => {
    const query = `subscription ($after: String) { ${field} }`;
    const project = aProject({ name: 'x' });
    await stage.store.projects.save(project);
    const [after, job] = [here(), aJob({ projectId: project.id })];
    const first = follow(query, { after });
    await stage.create([job]);
    await until(() => first.told.length === 1);
    const second = follow(query, { after });
    await until(() => second.told.length === 1);
    await first.stop();
    await vi.waitFor(async () => expect(await openSockets()).toBe(1));
    await stage.change(job.id, { reason: 'changed' });
    await Promise.race([until(() => second.told.length === 2), second.done]);
    expect(second.told).toHaveLength(2);
    await second.stop();
  });

  it('are resumed by the reference client, which sends its variables as they are when it connects again', async () => {
    const job = aJob({ reason: '0' });
    await stage.create([job]);
    const sockets: WebSocket[] = [];
    const client = createClient({
      url: `${stage.address.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${TOKEN}` },
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: () => pause(10),
      shouldRetry: () => true,
      on: { connected: (socket) => void sockets.push(socket as WebSocket) },
    });
    const variables = { after: here() };
    const told: ToldEvent[] = [];
    client.subscribe<{ jobEvents: ToldEvent }>(
      { query: EVENTS, variables },
      {
        next: ({ data }) => {
          if (data == null) throw new Error('no data');
          variables.after = data.jobEvents.cursor;
          told.push(data.jobEvents);
        },
        error: () => undefined,
        complete: () => undefined,
      },
    );
    for (let number = 1; number <= 30; number += 1) {
      await stage.change(job.id, { reason: String(number) });
      if (number % 10 === 5) await until(() => told.length > 0);
      if (number % 10 === 0) sockets.at(-1)?.terminate();
    }
    await until(() => told.length >= 30);
    expect(reasons(told)).toEqual(Array.from({ length: 30 }, (_, index) => String(index + 1)));
    expect(sockets.length).toBeGreaterThan(1);
    await client.dispose();
  });

  it('begin with a reset at a place that is not known, and go on from now', async () => {
    const job = aJob();
    await stage.create([job]);
    const future = Buffer.from('event:999').toString('base64url');
    const lost = follow(EVENTS, { after: future });
    await until(() => lost.told.length === 1);
    await stage.change(job.id, { reason: 'later' });
    await until(() => lost.told.length === 2);
    expect(lost.told).toMatchObject([{ kind: 'RESET', job: null }, { kind: 'UPDATED' }]);
    const resumed = follow(EVENTS, { after: lost.told[0]?.cursor });
    await until(() => resumed.told.length === 1);
    expect(resumed.told).toEqual(lost.told.slice(1));
    await lost.stop();
    await resumed.stop();
  });

  it('begin with a reset where what came since has been forgotten', async () => {
    const job = aJob();
    await stage.create([job]);
    const start = here();
    for (let number = 1; number <= 5; number += 1) await stage.change(job.id, { reason: String(number) });
    await stage.journal.forget({ kept: 2, since: new Date(0) });
    const behind = follow(EVENTS, { after: start });
    await until(() => behind.told.length === 1);
    expect(behind.told).toMatchObject([{ kind: 'RESET' }]);
    await behind.stop();
  });

  it.each<[string, Partial<Job>, Partial<Job>, object]>([
    ['state', { state: 'PENDING' }, { state: 'RUNNING' }, { states: ['PENDING'] }],
    ['archive', { isArchived: false }, { isArchived: true }, { isArchived: false }],
    ['partition', { partition: 'gpu' }, { partition: 'cpu' }, { partitions: ['gpu'] }],
    ['number', { slurmJobId: '77001' }, { slurmJobId: '88002' }, { search: '77001' }],
  ])(
    'tell of a job that leaves and enters a filter by its %s, live and from the log',
    async (_by, inside, outside, filter) => {
      const job = aJob(outside);
      await stage.create([job]);
      const start = here();
      const live = follow(EVENTS, { filter, after: start });
      await stage.change(job.id, inside);
      await stage.change(job.id, { reason: 'within' });
      await stage.change(job.id, outside);
      await stage.change(job.id, { reason: 'unseen' });
      await stage.change(job.id, inside);
      await until(() => live.told.length === 4);
      const kinds = live.told.map(({ kind }) => (kind === 'REMOVED' ? 'left' : 'there'));
      expect(kinds).toEqual(['there', 'there', 'left', 'there']);
      await live.stop();
      // Read back, a job shows as it is now, so it is told that it left at least where it did.
      await stage.change(job.id, outside);
      const replayed = follow(EVENTS, { filter, after: start });
      await until(() => replayed.told.at(-1)?.kind === 'REMOVED');
      await replayed.stop();
    },
  );
});

describe('the status of a job', () => {
  it('is told at once, then at each change, and ends with the job', async () => {
    const job = aJob();
    await stage.create([job]);
    const status = follow(STATUS, { id: globalId(job) });
    await until(() => status.told.length === 1);
    await stage.change(job.id, { state: 'RUNNING' });
    await stage.change(job.id, { state: 'COMPLETED' });
    await status.done;
    expect(status.told.map(({ state }) => state)).toEqual(['PENDING', 'RUNNING', 'COMPLETED']);
    const after = follow(STATUS, { id: globalId(job) });
    await after.done;
    expect(after.told.map(({ state }) => state)).toEqual(['COMPLETED']);
  });
});

describe('a subscriber that stops reading', () => {
  it('costs a bounded backlog, slows nobody, and is told everything once it reads again', async () => {
    const job = aJob({ reason: '' });
    await stage.create([job]);
    const quick = follow(EVENTS, { after: here() });
    const slow = new RawClient();
    await slow.init();
    slow.subscribe('1', EVENTS, { after: here() });
    slow.socket.pause();
    const before = process.memoryUsage().rss;
    const padding = 'x'.repeat(25_000);
    const count = 600;
    for (let number = 1; number <= count; number += 1) await stage.change(job.id, { reason: `${number} ${padding}` });
    await until(() => quick.told.length === count);
    // 15 MB were told; what is held for the one that doesn't read is a fraction of it.
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
    slow.socket.resume();
    await slow.until(() => slow.messages.length >= count + 1);
    const numbers = (texts: readonly (string | null | undefined)[]) => texts.map((text) => Number(text?.split(' ')[0]));
    const expected = Array.from({ length: count }, (_, index) => index + 1);
    expect(numbers(reasons(quick.told))).toEqual(expected);
    const told = slow.messages.flatMap(({ payload }) => {
      const { data } = (payload ?? {}) as { data?: { jobEvents: ToldEvent } };
      return data === undefined ? [] : [data.jobEvents];
    });
    expect(numbers(reasons(told))).toEqual(expected);
    await quick.stop();
    slow.socket.terminate();
  });
});

describe('a connection is closed with', () => {
  const INIT = { type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } };
  const SUBSCRIBE = { id: '1', type: 'subscribe', payload: { query: EVENTS } };

  it.each<[number, string, (client: RawClient) => Promise<void>]>([
    [4400, 'a message that is none', async (client) => client.send('hello')],
    [4401, 'an operation before it is allowed', async (client) => client.send(SUBSCRIBE)],
    [4403, 'a wrong credential', async (client) => client.send({ ...INIT, payload: { authorization: 'Bearer no' } })],
    [
      4409,
      'two operations of one id',
      async (client) => {
        await client.init();
        client.send(SUBSCRIBE);
        client.send(SUBSCRIBE);
      },
    ],
    [
      4429,
      'two beginnings',
      async (client) => {
        await client.init();
        client.send(INIT);
      },
    ],
  ])('%i for %s', async (code, _what, provoke) => {
    const client = new RawClient();
    await client.opened();
    await provoke(client);
    expect(await client.closed).toBe(code);
  });

  it('4406 for no protocol that is spoken here', async () => {
    const client = new RawClient({ protocol: [] });
    expect(await client.closed).toBe(4406);
  });

  it('4408 when nothing begins', async () => {
    const client = new RawClient();
    expect(await client.closed).toBe(4408);
  });

  it('4403 when its session is ended', async () => {
    const headers = await session();
    const client = new RawClient({ headers: { ...headers } });
    await client.init({});
    client.subscribe('1', EVENTS);
    const other = new RawClient();
    await other.init();
    await fetch(`${stage.address}/session`, { method: 'DELETE', headers: { ...headers } });
    expect(await client.closed).toBe(4403);
    const again = new RawClient({ headers: { ...headers } });
    await again.opened();
    again.send({ type: 'connection_init' });
    expect(await again.closed).toBe(4403);
    expect(other.socket.readyState).toBe(WebSocket.OPEN);
    other.socket.terminate();
  });
});

describe('a connection', () => {
  it('whose client answers nothing does not hold up a stop of the server', { timeout: 20_000 }, async () => {
    const client = new RawClient();
    await client.init();
    client.subscribe('1', EVENTS);
    client.socket.pause();
    // Left to itself, the closing handshake would wait for half a minute.
    await stage[Symbol.asyncDispose]();
    client.socket.terminate();
  });

  it('does nothing more once its session is over, even if its client goes on', async () => {
    const [job, second] = [aJob({ state: 'COMPLETED' }), aJob({ state: 'COMPLETED' })];
    await stage.create([job, second]);
    const headers = await session();
    const client = new RawClient({ headers: { ...headers } });
    await client.init({});
    // It doesn't see that it is closed, so it doesn't close.
    client.socket.pause();
    await fetch(`${stage.address}/session`, { method: 'DELETE', headers: { ...headers } });
    client.subscribe('1', ARCHIVE, { id: globalId(job) });
    await new Promise<void>((resolve) => client.socket.ping(undefined, undefined, () => resolve()));
    // What another one asks for after that is done after that.
    const other = new RawClient();
    await other.init();
    other.subscribe('1', ARCHIVE, { id: globalId(second) });
    await other.until(() => other.messages.length === 3);
    expect((await stage.store.jobs.get(second.id))?.isArchived).toBe(true);
    expect((await stage.store.jobs.get(job.id))?.isArchived).toBe(false);
    client.socket.terminate();
    other.socket.terminate();
  });

  it('is read no faster than its client reads', async () => {
    const client = new RawClient();
    await client.init();
    client.socket.pause();
    const text = 'x'.repeat(900);
    let sent = 0;
    let isHeldUp = false;
    // Each is answered with the same payload, which nobody takes.
    for (; sent < 100_000 && !isHeldUp; sent += 1) {
      const written = new Promise<false>((resolve) => {
        client.socket.send(JSON.stringify({ type: 'ping', payload: { text } }), () => resolve(false));
      });
      isHeldUp = await Promise.race([written, pause(2_000, true)]);
    }
    expect(isHeldUp).toBe(true);
    client.socket.resume();
    await client.until(() => client.messages.length === sent + 1);
    client.socket.terminate();
  });

  it.each<[string, string, object]>([
    ['a query whose variables do not fit', 'query ($n: Int) { jobs(first: $n) { totalCount } }', { n: 'many' }],
    [
      'a subscription whose variables do not fit',
      'subscription ($f: JobFilter) { jobEvents(filter: $f) { cursor } }',
      { f: 'none' },
    ],
    ['a document that is nested too deeply', `{ jobs(filter: ${'['.repeat(4900)}) { totalCount } }`, {}],
  ])('outlives %s', async (_what, query, variables) => {
    const client = new RawClient();
    await client.init();
    client.subscribe('1', query, variables);
    client.subscribe('2', '{ viewer { name } }');
    await client.until(() => client.messages.some(({ id, type }) => id === '2' && type === 'complete'));
    await client.until(() =>
      client.messages.some((message) => message.id === '1' && /"message"/.test(JSON.stringify(message))),
    );
    client.socket.terminate();
  });
});

describe('a stream that breaks', () => {
  it('tells its client no more than that, and leaves the connection as it is', async () => {
    const client = new RawClient();
    await client.init();
    // A store that fails under a reader can't be had by way of a client.
    // biome-ignore lint/correctness/useYield: it breaks before it has anything to tell.
    const broken = vi.spyOn(stage.journal, 'follow').mockImplementation(async function* () {
      throw new Error('disk I/O error in /var/lib');
    });
    client.subscribe('1', EVENTS);
    await client.until(() => client.messages.length === 2);
    expect(client.messages.at(-1)).toMatchObject({ type: 'error', payload: [{ message: 'Unexpected error.' }] });
    broken.mockRestore();
    client.subscribe('2', '{ viewer { name } }');
    await client.until(() => client.messages.some(({ id, type }) => id === '2' && type === 'complete'));
    client.socket.terminate();
  });
});

describe('limits of a connection', () => {
  it('hold for the number of its operations and for how fast they are begun, and end nothing else', async () => {
    const client = new RawClient();
    await client.init();
    for (let number = 1; number <= 201; number += 1) client.subscribe(String(number), EVENTS);
    await client.until(() => client.messages.some(({ type }) => type === 'error'));
    expect(client.messages.at(-1)).toMatchObject({
      id: '201',
      payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }],
    });
    for (let number = 1; number <= 200; number += 1) client.send({ id: String(number), type: 'complete' });
    const isLimited = () => client.messages.some((message) => JSON.stringify(message).includes('RATE_LIMITED'));
    for (let number = 300; !isLimited() && number < 20_000; number += 1) {
      client.subscribe(String(number), '{ viewer { name } }');
      if (number % 200 === 0) await pause(10);
    }
    await client.until(isLimited);
    expect(client.socket.readyState).toBe(WebSocket.OPEN);
    client.socket.terminate();
  });
});

describe('what is kept for as long as an operation is open', () => {
  it.each<[string, string, object]>([
    ['id', 'x'.repeat(1001), { query: EVENTS }],
    ['document', '1', { query: `${EVENTS} #${'x'.repeat(100_000)}` }],
    ['variables', '1', { query: EVENTS, variables: { filter: { search: 'x'.repeat(100_000) } } }],
  ])('is refused where its %s is very long', async (_what, id, payload) => {
    const client = new RawClient();
    await client.init();
    client.send({ id, type: 'subscribe', payload });
    await client.until(() => client.messages.length >= 2);
    expect(JSON.stringify(client.messages[1])).toContain('LIMIT_EXCEEDED');
    client.subscribe('2', EVENTS);
    client.subscribe('3', '{ viewer { name } }');
    await client.until(() => client.messages.some((message) => message.id === '3' && message.type === 'complete'));
    expect(client.messages.filter((message) => message.id === '2')).toEqual([]);
    client.socket.terminate();
  });
});

describe('server-sent events', () => {
  async function* events(body: object, headers: Record<string, string> = {}) {
    const response = await fetch(`${stage.address}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
        ...headers,
      },
      body: JSON.stringify(body),
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, event, data] = /^event: (\w+)\ndata:(.*)$/s.exec(block) ?? [];
        if (event !== undefined) yield { event, data: data?.trim() === '' ? null : JSON.parse(data ?? 'null') };
      }
    }
  }

  it('tell the same as a WebSocket, resume where they were, and end with the job', async () => {
    const job = aJob();
    await stage.create([job]);
    const told: ToldEvent[] = [];
    const start = here();
    await stage.change(job.id, { state: 'RUNNING' });
    const first = events({ query: EVENTS, variables: { after: start } });
    told.push((await first.next()).value?.data.data.jobEvents);
    await first.return(undefined);
    await stage.change(job.id, { state: 'COMPLETED' });
    const second = events({ query: EVENTS, variables: { after: told[0]?.cursor } });
    told.push((await second.next()).value?.data.data.jobEvents);
    await second.return(undefined);
    expect(told.map(({ state }) => state)).toEqual(['RUNNING', 'COMPLETED']);
    const status = [];
    for await (const event of events({ query: STATUS, variables: { id: globalId(job) } })) status.push(event);
    expect(status).toMatchObject([
      { event: 'next', data: { data: { jobStatus: { state: 'COMPLETED' } } } },
      { event: 'complete', data: null },
    ]);
  });

  it('tell of a fault as a result', async () => {
    const told = [];
    for await (const event of events({ query: STATUS, variables: { id: 'nonsense' } })) told.push(event);
    expect(told).toMatchObject([
      { event: 'next', data: { errors: [{ extensions: { code: 'NOT_FOUND' } }] } },
      { event: 'complete' },
    ]);
  });

  /** A request byte by byte, of whose answer nothing is read. */
  async function ask(body: object, credential: string): Promise<Socket> {
    const text = JSON.stringify(body);
    const socket = connect(Number(new URL(stage.address).port), '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    socket.pause();
    const head = ['POST /graphql HTTP/1.1', `host: ${new URL(stage.address).host}`, 'accept: text/event-stream'];
    const headers = [...head, credential, 'content-type: application/json', `content-length: ${text.length}`];
    socket.write(`${headers.join('\r\n')}\r\n\r\n${text}`);
    return socket;
  }

  async function openStreams(): Promise<number> {
    const response = await fetch(`${stage.address}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return Number(/^slurmql_streams (\d+)/m.exec(await response.text())?.[1]);
  }

  it('to a receiver that does not read end with its session, and it is cut off', async () => {
    const job = aJob();
    await stage.create([job]);
    const headers = await session();
    vi.useFakeTimers({ toFake: ['setInterval'] });
    try {
      const receiver = await ask({ query: EVENTS, variables: { after: here() } }, lines(headers));
      await expect.poll(openStreams, { timeout: 30_000 }).toBe(1);
      const quick = follow(EVENTS, { after: here() });
      const padding = 'x'.repeat(100_000);
      for (let number = 1; number <= 200; number += 1) await stage.change(job.id, { reason: `${number} ${padding}` });
      // All that the other one can be sent has been sent by then.
      await until(() => quick.told.length === 200);
      await quick.stop();
      await fetch(`${stage.address}/session`, { method: 'DELETE', headers: { ...headers } });
      for (let pings = 0; pings < 3; pings += 1) {
        vi.advanceTimersByTime(12_000);
        await pause(20);
      }
      await expect.poll(openStreams, { timeout: 30_000 }).toBe(0);
      receiver.destroy();
    } finally {
      vi.useRealTimers();
    }
  });

  it('to a receiver that went away before they began are not begun', async () => {
    const job = aJob();
    await stage.create([job]);
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    // A store that takes its time, which a real one does under load alone.
    const { get } = JobReader.prototype;
    const slow = vi.spyOn(JobReader.prototype, 'get').mockImplementation(async function (this: JobReader, id) {
      asked.resolve();
      await answer.promise;
      return get.call(this, id);
    });
    const receiver = await ask({ query: STATUS, variables: { id: globalId(job) } }, `authorization: Bearer ${TOKEN}`);
    await asked.promise;
    const before = await openStreams();
    receiver.destroy();
    await pause(100);
    answer.resolve();
    await expect.poll(openStreams, { timeout: 30_000 }).toBe(before - 1);
    slow.mockRestore();
  });

  it('are not begun by a request whose session ended before it was read', async () => {
    const credential = await session();
    const text = JSON.stringify({ query: EVENTS });
    const socket = connect(Number(new URL(stage.address).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (bytes) => {
      answer += String(bytes);
    });
    const head = [
      'POST /graphql HTTP/1.1',
      `host: ${new URL(stage.address).host}`,
      lines(credential),
      'accept: text/event-stream',
    ];
    const headers = [...head, 'content-type: application/json', `content-length: ${text.length}`];
    await new Promise<void>((resolve) => {
      socket.write(`${headers.join('\r\n')}\r\n\r\n${text.slice(0, 10)}`, () => resolve());
    });
    await openStreams();
    await fetch(`${stage.address}/session`, { method: 'DELETE', headers: { ...credential } });
    socket.write(text.slice(10));
    await until(() => answer.includes('\r\n\r\n'));
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
    socket.destroy();
  });

  it.each(['*/*', 'text/*'])('come to whoever accepts %s, and end with the session', async (accept) => {
    const headers = await session();
    const response = await fetch(`${stage.address}/graphql`, {
      method: 'POST',
      headers: { ...headers, accept, 'content-type': 'application/json' },
      body: JSON.stringify({ query: EVENTS }),
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await fetch(`${stage.address}/session`, { method: 'DELETE', headers: { ...headers } });
    expect(await response.text()).toContain('UNAUTHENTICATED');
  });
});
