import { createRoot, createSignal } from 'solid-js';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { isActiveState } from '../lib/job-state.ts';
import type { JobState } from './graphql.ts';
import { type JobEvent, toChange } from './job-events.ts';
import type { JobRow } from './job-row.ts';
import type { JobSection, JobSectionOptions } from './job-section.ts';
import { createLiveJobs } from './live-jobs.ts';
import type { Page } from './live-list.ts';
import type { Socket } from './socket.ts';

function job(id: string, state: JobState): JobRow {
  return {
    id,
    name: `job ${id}`,
    slurmJobId: null,
    state,
    isActive: isActiveState(state),
    isArchived: false,
    actions: [],
    reason: null,
    exitCode: null,
    signal: null,
    command: 'true',
    gitCommit: null,
    partition: null,
    nodeList: null,
    submittedAt: '2026-01-01T00:00:00Z',
    startedAt: null,
    endedAt: null,
    arrayTaskId: null,
    tags: [],
    number: 1,
    project: null,
    cluster: { id: 'C', name: 'alpha' },
    resources: {
      ...{ nodes: null, tasks: null, cpusPerTask: null, memoryMb: null, array: null },
      ...{ gpus: null, gpusTotal: null, gpusPerTask: null, gpuType: null },
    },
    allocated: null,
    taskCounts: [],
    arrayParent: null,
  };
}

function page(...nodes: readonly JobRow[]): Page<JobRow> {
  return { edges: nodes.map((node) => ({ cursor: node.id, node })), hasNextPage: false, totalCount: nodes.length };
}

let cursor = 0;
function changed(now: JobRow, fromState: JobState | null, state: JobState = now.state): JobEvent {
  cursor += 1;
  const kind = fromState === null ? 'CREATED' : fromState === state ? 'UPDATED' : 'STATE_CHANGED';
  return { cursor: String(cursor), kind, request: null, fromState, state, job: now };
}

/** The server's side of the stream, and of the pages: each page that is asked for waits until it is answered. */
class FakeServer {
  payload: { variables: Record<string, unknown> } | undefined;
  readonly pages: ((answer: Page<JobRow>) => void)[] = [];
  #connected = new Set<() => void>();
  #next: (result: { data: { jobEvents: JobEvent } }) => void = () => {};

  readonly socket: Pick<Socket, 'client' | 'connection' | 'onConnected'> = {
    connection: () => ({ status: 'live', since: 0 }),
    onConnected: (listener) => {
      this.#connected.add(listener);
      return () => this.#connected.delete(listener);
    },
    client: {
      subscribe: (payload: FakeServer['payload'], sink: { next: FakeServer['emitResult'] }) => {
        this.payload = payload;
        this.#next = sink.next;
        return () => {};
      },
    } as unknown as Socket['client'],
  };
  emitResult = (result: { data: { jobEvents: JobEvent } }): void => this.#next(result);

  async emit(...events: readonly JobEvent[]): Promise<void> {
    for (const jobEvents of events) this.emitResult({ data: { jobEvents } });
    await vi.advanceTimersByTimeAsync(50);
  }
  async answer(...nodes: readonly JobRow[]): Promise<void> {
    await vi.advanceTimersByTimeAsync(50);
    const pending = this.pages.shift();
    if (pending === undefined) throw new Error('No page was asked for');
    pending(page(...nodes));
    await vi.advanceTimersByTimeAsync(1);
  }
  async reconnect(): Promise<void> {
    for (const listener of this.#connected) listener();
    await vi.advanceTimersByTimeAsync(1);
  }
}

let server: FakeServer;
let dispose = (): void => {};
beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
});
afterEach(() => {
  dispose();
  vi.useRealTimers();
});

function activeJobs(): JobSectionOptions {
  return {
    name: 'active',
    limit: 100,
    includes: ({ isActive }) => isActive,
    compare: (left, right) => right.id.localeCompare(left.id),
    fetchPage: () => new Promise((resolve) => server.pages.push(resolve)),
  };
}

function open(options = () => [activeJobs()]): () => JobSection {
  return createRoot((disposeRoot) => {
    dispose = disposeRoot;
    const sections = createLiveJobs({ socket: server.socket as Socket }, options, {
      includeArrayTasks: false,
      isArchived: null,
    });
    return () => {
      const [section] = sections();
      if (section === undefined) throw new Error('There is no section');
      return section;
    };
  });
}

it('shows the first page and then every change', async () => {
  const section = open();
  await server.answer(job('1', 'PENDING'));
  await server.emit(changed(job('1', 'RUNNING'), 'PENDING'), changed(job('2', 'SUBMITTING'), null));
  expect(section().list.ids()).toEqual(['2', '1']);
  expect(section().list.get('1')?.state).toBe('RUNNING');
  await server.emit(changed(job('1', 'COMPLETED'), 'RUNNING'));
  expect(section().list.ids()).toEqual(['2']);
  expect(section().list.total()).toBe(1);
});

it('loses no change that comes while the page is on its way', async () => {
  const section = open();
  await vi.advanceTimersByTimeAsync(50);
  await server.emit(changed(job('1', 'RUNNING'), 'PENDING'));
  await server.answer(job('1', 'PENDING'));
  expect(section().isLoaded()).toBe(true);
  expect(section().list.get('1')?.state).toBe('RUNNING');
});

it('asks again for a count that changed while the page was on its way', async () => {
  const section = open();
  await vi.advanceTimersByTimeAsync(50);
  await server.emit(changed(job('2', 'PENDING'), null));
  await server.answer(job('2', 'PENDING'), job('1', 'PENDING'));
  expect(section().isLoaded()).toBe(false);
  await server.answer(job('2', 'PENDING'), job('1', 'PENDING'));
  expect(section().list.total()).toBe(2);
});

it('reads the list again on RESET', async () => {
  const section = open();
  await server.answer(job('1', 'PENDING'));
  await server.emit({ cursor: '99', kind: 'RESET', request: null, fromState: null, state: null, job: null });
  await server.answer(job('3', 'RUNNING'));
  expect(section().list.ids()).toEqual(['3']);
});

it('goes on from the last event after a reconnect, and reads again only if there was none', async () => {
  open();
  await server.answer(job('1', 'PENDING'));
  await server.reconnect();
  await server.answer(job('1', 'PENDING'));
  const event = changed(job('1', 'RUNNING'), 'PENDING');
  await server.emit(event);
  await server.reconnect();
  expect(server.pages).toHaveLength(0);
  expect(server.payload?.variables['after']).toBe(event.cursor);
});

it('counts right what is read back after a reconnect, when each event brings the job as it is by then', async () => {
  const section = open();
  await server.answer(job('2', 'PENDING'), job('1', 'PENDING'));
  const ended = job('1', 'COMPLETED');
  await server.emit(changed(ended, 'PENDING', 'RUNNING'), changed(ended, 'RUNNING', 'COMPLETED'));
  expect(section().list.ids()).toEqual(['2']);
  expect(section().list.total()).toBe(1);
});

it('makes a new list for a changed filter and leaves the stream open', async () => {
  const [options, setOptions] = createSignal([activeJobs()]);
  const section = open(options);
  await server.answer(job('1', 'PENDING'));
  const { payload } = server;
  setOptions([{ ...activeJobs(), includes: ({ state }) => state === 'COMPLETED' }]);
  expect(section().isLoaded()).toBe(false);
  await server.answer(job('9', 'COMPLETED'));
  await server.emit(changed(job('1', 'COMPLETED'), 'PENDING'));
  expect(section().list.ids()).toEqual(['9', '1']);
  expect(server.payload).toBe(payload);
});

it('says why a page could not be loaded, and loads it on demand', async () => {
  let isBroken = true;
  const section = open(() => [
    {
      ...activeJobs(),
      fetchPage: async () => {
        if (isBroken) throw new Error('The server is away.');
        return page(job('1', 'RUNNING'));
      },
    },
  ]);
  await vi.advanceTimersByTimeAsync(50);
  expect(section().fault()).toBe('The server is away.');
  isBroken = false;
  section().reload();
  await vi.advanceTimersByTimeAsync(50);
  expect(section().fault()).toBeNull();
  expect(section().list.ids()).toEqual(['1']);
});

it('takes a job that the stream no longer lets through for gone', () => {
  const removed: JobEvent = { ...changed(job('1', 'RUNNING'), 'RUNNING'), kind: 'REMOVED' };
  expect(toChange(removed, ({ isActive }) => isActive)).toEqual({
    id: '1',
    item: null,
    countChange: -1,
    isUncounted: false,
  });
});

it('counts a job that was archived out of the list that holds it, and out of no other', async () => {
  const section = open(() => [
    {
      ...activeJobs(),
      includes: (row) => row.isActive && !row.isArchived,
      fetchPage: async () => page(job('1', 'RUNNING')),
    },
  ]);
  await vi.advanceTimersByTimeAsync(50);
  expect(section().list.total()).toBe(1);
  const archived = { ...job('1', 'RUNNING'), isArchived: true };
  await server.emit({ ...changed(archived, 'RUNNING'), kind: 'UPDATED' });
  expect([section().list.ids(), section().list.total()]).toEqual([[], 0]);
  await server.emit({ ...changed({ ...archived, id: '2' }, 'RUNNING'), kind: 'UPDATED' });
  expect(section().list.total()).toBe(0);
});
