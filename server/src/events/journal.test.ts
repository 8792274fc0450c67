import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-event.ts';
import type { JobState } from '../domain/job-state.ts';
import { aJob, heldBytes, NO_RESOURCES } from '../domain/testing.ts';
import { Store } from '../store/index.ts';
import { writesOf } from '../store/writes.ts';
import { type Followed, Journal } from './journal.ts';

let store: Store;
let journal: Journal;
beforeEach(async () => {
  store = await Store.open(':memory:');
  journal = new Journal(store);
  await journal.start();
});
afterEach(() => store.close());

const create = (...jobs: readonly Job[]) =>
  journal.write(SYSTEM, (writer) =>
    writer.create(jobs.map((job) => ({ job, idempotencyKey: null, submission: null }))),
  );
const setState = (id: string, state: JobState) =>
  journal.write(SYSTEM, (writer) => writer.update(id, (job) => ({ ...job, state })));
const setReason = (id: string, reason: string) =>
  journal.write(SYSTEM, (writer) => writer.update(id, (job) => ({ ...job, reason })));

/** Lets everything that is ready to happen, happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A follower that reads as fast as it can. */
class Follower {
  readonly received: Followed[] = [];
  readonly #controller = new AbortController();
  readonly done: Promise<void>;

  constructor(after: number) {
    this.done = this.#run(after);
  }

  get events(): JobEvent[] {
    return this.received.flatMap((followed) => (followed.kind === 'events' ? followed.events : []));
  }

  get sequences(): number[] {
    return this.events.map(({ sequence }) => sequence);
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await this.done;
  }

  async #run(after: number): Promise<void> {
    for await (const followed of journal.follow(after, this.#controller.signal)) this.received.push(followed);
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

it('knows how many jobs of a cluster are active, an array once', async () => {
  const array = aJob({ state: 'RUNNING' });
  const tasks = [0, 1].map((arrayTaskId) => aJob({ state: 'RUNNING', arrayParentId: array.id, arrayTaskId }));
  const [held, lost] = [aJob({ state: 'HELD', clusterName: 'beta' }), aJob({ state: 'LOST', clusterName: 'beta' })];
  const counts = (by: Journal) => ['alpha', 'beta', 'gamma'].map((name) => by.activeCount(name));
  const again = async () => {
    const other = new Journal(store);
    await other.start();
    return counts(other);
  };
  expect(counts(journal)).toEqual([0, 0, 0]);
  await create(array, ...tasks, aJob({ state: 'SUBMITTING', slurmJobId: null }), held, lost);
  expect(counts(journal)).toEqual([2, 1, 0]);
  for (const [id, state, expected] of [
    [held.id, 'CANCELLED', [2, 0, 0]],
    [held.id, 'FAILED', [2, 0, 0]],
    [held.id, 'PENDING', [2, 1, 0]],
    [held.id, 'RUNNING', [2, 1, 0]],
    [lost.id, 'RUNNING', [2, 2, 0]],
  ] as const) {
    await setState(id, state);
    expect(counts(journal)).toEqual(expected);
  }
  await journal
    .write(SYSTEM, async (writer) => {
      await writer.update(held.id, (job) => ({ ...job, state: 'COMPLETED' }));
      throw new Error('undone');
    })
    .catch(() => undefined);
  expect(counts(journal)).toEqual([2, 2, 0]);
  expect(await again()).toEqual(counts(journal));
});

describe('a write', () => {
  it('tells who asked for it, of an array too, and of what nobody asked for that nobody did', async () => {
    const ada = { user: { id: 'ada', name: 'Ada', role: 'MEMBER' }, via: 'SESSION' } as const;
    const array = aJob({ resources: { ...NO_RESOURCES, array: '0-1' } });
    const tasks = [0, 1].map((index) => aJob({ arrayParentId: array.id, arrayTaskId: index }));
    const follower = new Follower(0);
    await journal.write(ada, (writer) =>
      writer.create([array, ...tasks].map((job) => ({ job, idempotencyKey: null, submission: null }))),
    );
    const [task] = tasks;
    await setState(task?.id ?? '', 'RUNNING');
    await journal.write(ada, (writer) => writer.update(task?.id ?? '', (job) => ({ ...job, state: 'CANCELLING' })));
    await settle();
    await follower.stop();

    const told = follower.events.map(({ jobId, state, actorId }) => ({ isArray: jobId === array.id, state, actorId }));
    // The array follows from its tasks, so it is told of once more.
    expect(told.slice(0, 4).map(({ actorId }) => actorId)).toEqual(['ada', 'ada', 'ada', 'ada']);
    expect(told.slice(4)).toEqual([
      { isArray: false, state: 'RUNNING', actorId: null },
      { isArray: true, state: 'RUNNING', actorId: null },
      { isArray: false, state: 'CANCELLING', actorId: 'ada' },
      { isArray: true, state: expect.any(String), actorId: 'ada' },
    ]);
    // Read back from the store as after a restart.
    const kept = await store.events.after(0, 100);
    expect(kept.map(({ actorId }) => actorId)).toEqual(follower.events.map(({ actorId }) => actorId));
  });

  it('is one transaction with the event that tells of it', async () => {
    const job = aJob({ state: 'SUBMITTING' });
    await create(job);
    const pending = await setState(job.id, 'PENDING');
    expect(pending.state).toBe('PENDING');
    const running = await journal.write(SYSTEM, (writer) =>
      writer.update(job.id, (current) => ({ ...current, state: 'RUNNING', reason: null }), {
        message: 'It has started',
      }),
    );
    expect(await store.jobs.get(job.id)).toEqual(running);
    expect(journal.newest).toBe(3);
    expect(
      (await store.events.after(0, 10)).map(({ sequence, kind, fromState, state, message, jobId }) => [
        sequence,
        kind,
        fromState,
        state,
        message,
        jobId,
      ]),
    ).toEqual([
      [1, 'CREATED', null, 'SUBMITTING', null, job.id],
      [2, 'STATE_CHANGED', 'SUBMITTING', 'PENDING', null, job.id],
      [3, 'STATE_CHANGED', 'PENDING', 'RUNNING', 'It has started', job.id],
    ]);
  });

  it('that changes nothing is no event', async () => {
    const job = aJob();
    await create(job);
    await journal.write(SYSTEM, (writer) => writer.update(job.id, (current) => ({ ...current })));
    await journal.write(SYSTEM, (writer) =>
      writer.change([{ before: job, after: { ...job, submittedAt: new Date(job.submittedAt) } }]),
    );
    expect(journal.newest).toBe(1);
  });

  it('that changes something other than the state is an update', async () => {
    const job = aJob();
    await create(job);
    await setReason(job.id, 'Resources');
    expect((await store.events.after(1, 10)).map(({ kind, state, fromState }) => [kind, fromState, state])).toEqual([
      ['UPDATED', 'PENDING', 'PENDING'],
    ]);
  });

  it('that fails undoes all of it, tells nobody, and leaves no gap', async () => {
    const job = aJob();
    await create(job);
    const follower = new Follower(0);
    const failed = journal.write(SYSTEM, async (writer) => {
      await writer.update(job.id, (current) => ({ ...current, state: 'RUNNING' }));
      await writer.create([{ job: aJob(), idempotencyKey: null, submission: null }]);
      throw new Error('on purpose');
    });
    await expect(failed).rejects.toThrow('on purpose');
    await settle();
    expect((await store.jobs.get(job.id))?.state).toBe('PENDING');
    expect(journal.newest).toBe(1);
    await setState(job.id, 'HELD');
    await settle();
    expect(follower.events.map(({ sequence, state }) => [sequence, state])).toEqual([
      [1, 'PENDING'],
      [2, 'HELD'],
    ]);
    expect(await store.events.newest()).toBe(2);
    await follower.stop();
  });

  it('of a job that is not there is a fault, and the next write goes on', async () => {
    await expect(setState('none', 'RUNNING')).rejects.toThrow('There is no job none');
    await create(aJob());
    expect(journal.newest).toBe(1);
  });

  it('sees what the one before it wrote, however many are asked for at once', async () => {
    const job = aJob({ attempt: 0 });
    await create(job);
    await Promise.all(
      range(1, 50).map(() =>
        journal.write(SYSTEM, (writer) =>
          writer.update(job.id, (current) => ({ ...current, attempt: current.attempt + 1 })),
        ),
      ),
    );
    expect((await store.jobs.get(job.id))?.attempt).toBe(50);
    expect((await store.events.after(0, 100)).map(({ sequence }) => sequence)).toEqual(range(1, 51));
  });

  it('goes on counting after a restart', async () => {
    const job = aJob();
    await create(job);
    const restarted = new Journal(store);
    await restarted.start();
    await restarted.write(SYSTEM, (writer) => writer.update(job.id, (current) => ({ ...current, state: 'RUNNING' })));
    expect((await store.events.after(0, 10)).map(({ sequence }) => sequence)).toEqual([1, 2]);
  });
});

describe('a follower', () => {
  it('is told what came since its place, then what comes, each with the job as it was committed', async () => {
    const job = aJob({ state: 'PENDING' });
    await create(job);
    await setState(job.id, 'CONFIGURING');
    const follower = new Follower(1);
    await settle();
    await setState(job.id, 'RUNNING');
    await setState(job.id, 'COMPLETED');
    await settle();
    expect(follower.events.map(({ sequence, state, job: { state: jobState } }) => [sequence, state, jobState])).toEqual(
      [
        [2, 'CONFIGURING', 'CONFIGURING'],
        [3, 'RUNNING', 'RUNNING'],
        [4, 'COMPLETED', 'COMPLETED'],
      ],
    );
    await follower.stop();
  });

  it('hears nothing until the transaction is over', async () => {
    const job = aJob();
    await create(job);
    const follower = new Follower(1);
    await settle();
    await journal.write(SYSTEM, async (writer) => {
      await writer.update(job.id, (current) => ({ ...current, state: 'RUNNING' }));
      await settle();
      expect(follower.received).toEqual([]);
    });
    await settle();
    expect(follower.sequences).toEqual([2]);
    await follower.stop();
  });

  it('that waits is let go when it gives up', async () => {
    const follower = new Follower(0);
    await settle();
    await follower.stop();
    expect(follower.received).toEqual([]);
  });

  it('that gave up before gets nothing', async () => {
    await create(aJob());
    const all: Followed[] = [];
    for await (const followed of journal.follow(0, AbortSignal.abort())) all.push(followed);
    expect(all).toEqual([]);
  });

  it.each([
    ['a place that is still to come', 99],
    ['a place before the first', -5],
  ])('with %s is told so, and goes on from now', async (_what, after) => {
    const job = aJob();
    await create(job);
    const follower = new Follower(after);
    await settle();
    expect(follower.received).toEqual([{ kind: 'reset', upTo: journal.newest }]);
    await setState(job.id, 'RUNNING');
    await settle();
    expect(follower.sequences).toEqual([2]);
    await follower.stop();
  });

  it('at the beginning of an empty journal is told nothing, and then the first event', async () => {
    const follower = new Follower(0);
    await settle();
    expect(follower.received).toEqual([]);
    await create(aJob());
    await settle();
    expect(follower.sequences).toEqual([1]);
    await follower.stop();
  });

  it('goes on over a restart of the server where it was', async () => {
    const job = aJob();
    await create(job);
    await setState(job.id, 'RUNNING');
    journal = new Journal(store);
    await journal.start();
    const follower = new Follower(1);
    // It reads the store, in its turn.
    while (follower.sequences.length === 0) await settle();
    await setState(job.id, 'COMPLETED');
    await settle();
    expect(follower.sequences).toEqual([2, 3]);
    await follower.stop();
  });

  it('is reset where events are forgotten while it reads them', async () => {
    const job = aJob();
    await create(job);
    for (let number = 1; number <= 5; number += 1) await setReason(job.id, String(number));
    // As after a restart, with nothing in memory from that far back.
    journal = new Journal(store);
    await journal.start();
    await setReason(job.id, 'last');
    const writes = writesOf(store);
    const removeOldest = writes.removeOldestEvents.bind(writes);
    const isKnown = Promise.withResolvers<void>();
    const slow = vi.spyOn(writes, 'removeOldestEvents').mockImplementation(async (bounds) => {
      const removed = await removeOldest(bounds);
      await isKnown.promise;
      return removed;
    });
    const forgetting = journal.forget({ kept: 3, since: new Date(0) });
    await settle();
    const follower = new Follower(1);
    await settle();
    isKnown.resolve();
    await forgetting;
    await settle();
    await follower.stop();
    slow.mockRestore();
    expect(follower.received.map(({ kind, upTo }) => [kind, upTo])).toEqual([['reset', 7]]);
  });

  it('hears of nothing before it is announced, though the store shows it', async () => {
    const job = aJob();
    await create(job);
    await setReason(job.id, '1');
    journal = new Journal(store);
    await journal.start();
    await setReason(job.id, '2');
    const writes = writesOf(store);
    const transaction = writes.transaction.bind(writes);
    const isCommitted = Promise.withResolvers<void>();
    const isAnnounced = Promise.withResolvers<void>();
    const slow = vi.spyOn(writes, 'transaction').mockImplementation(async (work) => {
      const result = await transaction(work);
      isCommitted.resolve();
      await isAnnounced.promise;
      return result;
    });
    const written = setReason(job.id, '3');
    await isCommitted.promise;
    const follower = new Follower(0);
    await settle();
    isAnnounced.resolve();
    await written;
    await settle();
    await follower.stop();
    slow.mockRestore();
    expect(follower.received.map(({ kind }) => kind)).not.toContain('reset');
    expect(follower.sequences).toEqual([1, 2, 3, 4]);
  });

  it('that does not read for a long time misses nothing, and is not held in memory', async () => {
    const job = aJob();
    await create(job);
    const controller = new AbortController();
    const slow = journal.follow(0, controller.signal);
    const first = await slow.next();
    expect(first.value).toMatchObject({ kind: 'events', events: [{ sequence: 1 }] });
    // More than are kept for followers.
    const total = 10_000;
    for (let start = 0; start < total; start += 500) {
      await journal.write(SYSTEM, async (writer) => {
        for (const count of range(start + 1, start + 500)) {
          await writer.update(job.id, (current) => ({ ...current, reason: `change ${count}` }));
        }
      });
    }
    const sequences: number[] = [];
    while (sequences.at(-1) !== total + 1) {
      const next = await slow.next();
      if (next.done === true || next.value.kind !== 'events') throw new Error('the follower was cut off');
      sequences.push(...next.value.events.map(({ sequence }) => sequence));
    }
    expect(sequences).toEqual(range(2, total + 1));
    controller.abort();
  });

  it('misses nothing and hears nothing twice, whoever writes and wherever it begins', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ writer: fc.nat(3), size: fc.integer({ min: 1, max: 4 }), isFailing: fc.boolean() }), {
          minLength: 1,
          maxLength: 25,
        }),
        fc.array(fc.nat(30), { minLength: 1, maxLength: 6 }),
        async (writes, starts) => {
          await store.close();
          store = await Store.open(':memory:');
          journal = new Journal(store);
          await journal.start();
          const jobs = range(0, 3).map(() => aJob());
          await create(...jobs);
          const before = journal.newest;
          const begin = (offset: number) => Math.min(offset, journal.newest);
          const followers = starts
            .slice(0, 3)
            .map((offset) => ({ after: begin(offset), follower: new Follower(begin(offset)) }));
          const finished = Promise.allSettled(
            writes.map(({ writer: index, size, isFailing }, number) =>
              journal.write(SYSTEM, async (writer) => {
                for (const part of range(1, size)) {
                  await writer.update(jobs[index]?.id ?? '', (job) => ({ ...job, reason: `${number}.${part}` }));
                }
                if (isFailing) throw new Error('on purpose');
              }),
            ),
          );
          await settle();
          for (const offset of starts.slice(3)) {
            const after = begin(offset);
            followers.push({ after, follower: new Follower(after) });
          }
          await finished;
          while (followers.some(({ after, follower }) => (follower.sequences.at(-1) ?? after) < journal.newest))
            await settle();
          const told = writes.filter(({ isFailing }) => !isFailing).reduce((sum, { size }) => sum + size, 0);
          expect(journal.newest).toBe(before + told);
          for (const { after, follower } of followers) {
            await follower.stop();
            expect(follower.sequences).toEqual(range(after + 1, journal.newest));
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('an array', () => {
  const array = aJob({ resources: { ...NO_RESOURCES, array: '0-2' }, slurmJobId: '8' });
  const tasks = [0, 1, 2].map((arrayTaskId) =>
    aJob({ resources: array.resources, slurmJobId: `8_${arrayTaskId}`, arrayParentId: array.id, arrayTaskId }),
  );
  const [first, second, third] = tasks.map(({ id }) => id);
  const instant = (seconds: number) => new Date(1_795_494_000_000 + seconds * 1000);

  beforeEach(() => create(array, ...tasks));

  const change = (changes: Readonly<Record<string, Partial<Job>>>) =>
    journal.write(SYSTEM, async (writer) => {
      for (const [id, parts] of Object.entries(changes)) await writer.update(id, (job) => ({ ...job, ...parts }));
    });
  const current = () => store.jobs.get(array.id);

  it('is what its tasks are, in the same transaction', async () => {
    await change({ [first ?? '']: { state: 'RUNNING', startedAt: instant(0) } });
    expect(await current()).toMatchObject({ state: 'RUNNING', startedAt: instant(0), endedAt: null, exitCode: null });
    const events = await store.events.after(journal.newest - 2, 10);
    expect(events.map(({ jobId, kind, fromState, state }) => [jobId, kind, fromState, state])).toEqual([
      [first, 'STATE_CHANGED', 'PENDING', 'RUNNING'],
      [array.id, 'STATE_CHANGED', 'PENDING', 'RUNNING'],
    ]);
  });

  it('is told of once however many of its tasks change', async () => {
    const before = journal.newest;
    await change(Object.fromEntries(tasks.map(({ id }) => [id, { state: 'RUNNING', startedAt: instant(0) }])));
    expect((await store.events.after(before, 10)).map(({ jobId }) => jobId)).toEqual([first, second, third, array.id]);
  });

  it('is over when every task is, and completed when every task completed', async () => {
    await change({
      [first ?? '']: { state: 'COMPLETED', startedAt: instant(0), endedAt: instant(10), exitCode: 0 },
      [second ?? '']: { state: 'COMPLETED', startedAt: instant(1), endedAt: instant(30), exitCode: 0 },
    });
    expect(await current()).toMatchObject({ state: 'PENDING', endedAt: null, exitCode: null, reason: null });
    await change({ [third ?? '']: { state: 'COMPLETED', startedAt: instant(2), endedAt: instant(20), exitCode: 0 } });
    expect(await current()).toMatchObject({
      state: 'COMPLETED',
      startedAt: instant(0),
      endedAt: instant(30),
      exitCode: 0,
      reason: null,
    });
  });

  it('has failed when one task has, and says how many did not complete', async () => {
    await change({
      [first ?? '']: { state: 'COMPLETED', startedAt: instant(0), endedAt: instant(10), exitCode: 0 },
      [second ?? '']: { state: 'FAILED', startedAt: instant(0), endedAt: instant(10), exitCode: 3 },
      [third ?? '']: { state: 'CANCELLED', startedAt: null, endedAt: instant(5), exitCode: null },
    });
    expect(await current()).toMatchObject({
      state: 'FAILED',
      exitCode: 3,
      reason: '2 of 3 tasks did not complete',
      endedAt: instant(10),
    });
  });

  it('has no exit code 0 when a signal ended one of its tasks', async () => {
    await change({
      [first ?? '']: { state: 'COMPLETED', startedAt: instant(0), endedAt: instant(10), exitCode: 0 },
      [second ?? '']: { state: 'FAILED', startedAt: instant(0), endedAt: instant(10), exitCode: null, signal: 9 },
      [third ?? '']: { state: 'COMPLETED', startedAt: instant(0), endedAt: instant(10), exitCode: 0 },
    });
    expect(await current()).toMatchObject({ state: 'FAILED', exitCode: null });
  });

  it('is active again when a task is requeued', async () => {
    await change(
      Object.fromEntries(tasks.map(({ id }) => [id, { state: 'FAILED', endedAt: instant(10), exitCode: 1 } as const])),
    );
    expect((await current())?.state).toBe('FAILED');
    await change({ [first ?? '']: { state: 'PENDING', endedAt: null, exitCode: null, attempt: 2 } });
    expect(await current()).toMatchObject({ state: 'PENDING', endedAt: null, exitCode: null, reason: null });
  });

  it('tells when its first task will start', async () => {
    await change({
      [first ?? '']: { state: 'HELD' },
      [second ?? '']: { state: 'HELD', estimatedStartAt: instant(900) },
      [third ?? '']: { state: 'HELD', estimatedStartAt: instant(600) },
    });
    expect((await current())?.estimatedStartAt).toEqual(instant(600));
  });

  it('tells it anew when only the estimate of a task changes', async () => {
    await change({ [first ?? '']: { estimatedStartAt: instant(600) } });
    expect((await current())?.estimatedStartAt).toEqual(instant(600));
    await change({ [first ?? '']: { estimatedStartAt: instant(300) } });
    expect((await current())?.estimatedStartAt).toEqual(instant(300));
  });
});

describe('what is written at once', () => {
  /** How many batches came in each turn of the event loop. */
  async function inTurns(followers: readonly Follower[], last: number): Promise<number[]> {
    const counts: number[] = [];
    const received = () => followers.reduce((sum, follower) => sum + follower.received.length, 0);
    while (followers.some(({ sequences }) => sequences.at(-1) !== last)) {
      const before = received();
      await nextTurn();
      counts.push(received() - before);
    }
    return counts;
  }

  it('is followed in turns of the event loop, as long as it is in memory', async () => {
    const follower = new Follower(0);
    await create(...Array.from({ length: 3000 }, (_, at) => aJob({ id: `job ${at}` })));
    expect(Math.max(...(await inTurns([follower], 3000)))).toBeLessThanOrEqual(1);
    await follower.stop();
  });

  it('is read from the store once for all who follow, in turns', async () => {
    await create(...Array.from({ length: 6000 }, (_, at) => aJob({ id: `job ${at}` })));
    journal = new Journal(store);
    await journal.start();
    const read = vi.spyOn(store.events, 'after');
    const followers = Array.from({ length: 20 }, () => new Follower(0));
    const counts = await inTurns(followers, 6000);
    expect(read.mock.calls.length).toBeLessThanOrEqual(61);
    expect(Math.max(...counts)).toBeLessThanOrEqual(followers.length);
    for (const { sequences } of followers) expect(sequences).toEqual(range(1, 6000));
    await Promise.all(followers.map((follower) => follower.stop()));
  });

  it('is read for each account in its turns, however many of another one are far behind', async () => {
    await create(...Array.from({ length: 6000 }, (_, at) => aJob({ id: `job ${at}` })));
    journal = new Journal(store);
    await journal.start();
    const ending = new AbortController();
    const order: string[] = [];
    const follow = async (name: string, after: number) => {
      const account = () => name;
      const follower = { reads: store.readFor(account), account };
      for await (const _ of journal.follow(after, ending.signal, follower)) {
        order.push(name);
        return;
      }
    };
    const others = Array.from({ length: 200 }, (_, at) => follow('ada', at));
    await nextTurn();
    await Promise.all(['ben', 'eve'].map((name, at) => follow(name, 300 + at)));
    expect(order.length).toBeLessThan(20);
    await Promise.all(others);
    expect(order).toHaveLength(202);
  });

  it('is recalled after a start in turns', async () => {
    await create(...Array.from({ length: 6000 }, (_, at) => aJob({ id: `job ${at}` })));
    journal = new Journal(store);
    await journal.start();
    const read = vi.spyOn(store.events, 'after');
    const follower = new Follower(5000);
    await inTurns([follower], 6000);
    expect(follower.sequences).toEqual(range(5001, 6000));
    expect(Math.max(...read.mock.calls.map(([, most]) => most))).toBeLessThanOrEqual(100);
    await follower.stop();
  });
});

describe('a follower that is far behind', () => {
  it('holds few jobs at a time where they have long texts, and misses no event', async () => {
    const command = 'x'.repeat(20_000);
    const array = aJob({ command });
    const jobs = [
      ...Array.from({ length: 50 }, () => aJob({ command })),
      array,
      ...Array.from({ length: 50 }, (_, index) => aJob({ command, arrayParentId: array.id, arrayTaskId: index })),
      ...Array.from({ length: 300 }, () => aJob()),
    ];
    await create(...jobs);
    // Beyond what is kept in memory.
    for (let round = 0; round < 70; round += 1) {
      const { id } = jobs.at(-1) ?? aJob();
      await journal.write(SYSTEM, async (writer) => {
        for (let note = 0; note < 100; note += 1) await writer.note(id, { message: `${round} ${note}` });
      });
    }
    const seen: string[] = [];
    const sizes: number[] = [];
    const ending = new AbortController();
    for await (const followed of journal.follow(0, ending.signal)) {
      const events = followed.kind === 'events' ? followed.events : [];
      seen.push(...events.slice(0, jobs.length - seen.length).map(({ jobId }) => jobId));
      if (seen.length < jobs.length) sizes.push(new Set(events.map(({ job }) => job)).size);
      else ending.abort();
    }
    expect(seen).toEqual(jobs.map(({ id }) => id));
    expect(Math.max(...sizes.slice(0, 30))).toBeLessThanOrEqual(3);
    expect(Math.max(...sizes)).toBe(100);
  });
});

describe('the tasks of an array', () => {
  const TASKS = 2_000;
  const COMMAND = 'x'.repeat(32 * 1024);
  let array: Job;

  beforeEach(async () => {
    const words = { command: COMMAND, description: 'y'.repeat(10_000), tags: ['z'.repeat(64)] };
    array = aJob({ ...words, resources: { ...NO_RESOURCES, array: `1-${TASKS}` } });
    await create(array);
    for (let index = 0; index < TASKS; index += 500) {
      const tasks = Array.from({ length: 500 }, (_, offset) =>
        aJob({ ...words, arrayParentId: array.id, arrayTaskId: index + offset + 1 }),
      );
      await create(...tasks);
    }
  });

  const blocked = (task: Job): Job => ({ ...task, reason: 'Priority' });

  it.each<[string, (used: Journal) => Promise<void>]>([
    ['after a start', async () => undefined],
    [
      'after all of them were changed at once',
      (used) =>
        used.write(SYSTEM, async (writer) => {
          for await (const tasks of writer.jobs.tasksInTurns(array.id)) {
            await writer.change(tasks.map((task) => ({ before: task, after: blocked(task) })));
          }
        }),
    ],
    [
      'after each was changed by itself',
      async (used) => {
        for await (const tasks of store.jobs.tasksInTurns(array.id)) {
          for (const { id } of tasks) await used.write(SYSTEM, (writer) => writer.update(id, blocked));
        }
      },
    ],
  ])('hold its long texts once, %s', async (_when, work) => {
    const before = heldBytes();
    const used = new Journal(store);
    await used.start();
    await work(used);
    expect(used.active(array.clusterName).size).toBeGreaterThanOrEqual(TASKS);
    // A description of each would be 20 MB.
    expect(heldBytes() - before).toBeLessThan((TASKS * COMMAND.length) / 8);
  });
});
