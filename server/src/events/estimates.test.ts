import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-event.ts';
import { aJob, NO_RESOURCES } from '../domain/testing.ts';
import { Store } from '../store/index.ts';
import { Journal } from './journal.ts';

let store: Store;
let journal: Journal;
beforeEach(async () => {
  store = await Store.open(':memory:');
  await restart();
});
afterEach(() => store.close());

async function restart(): Promise<void> {
  journal = new Journal(store);
  await journal.start();
}

const create = (...jobs: readonly Job[]) =>
  journal.write(SYSTEM, (writer) =>
    writer.create(jobs.map((job) => ({ job, idempotencyKey: null, submission: null }))),
  );
const change = (jobs: readonly Pick<Job, 'id'>[], news: Partial<Job> | ((job: Job) => Partial<Job>)) =>
  journal.write(SYSTEM, async (writer) => {
    const before = (await writer.jobs.getMany(jobs.map(({ id }) => id))).flatMap((job) => job ?? []);
    await writer.change(
      before.map((job) => ({ before: job, after: { ...job, ...(typeof news === 'function' ? news(job) : news) } })),
    );
  });
const at = (minute: number) => new Date(Date.UTC(2026, 10, 24, 12, minute));
const estimate = (jobs: readonly Pick<Job, 'id'>[], minute: number) => change(jobs, { estimatedStartAt: at(minute) });

/** What a follower gets from a position on, up to now. */
async function followed(after: number): Promise<readonly (JobEvent | 'reset')[]> {
  const found: (JobEvent | 'reset')[] = [];
  if (after === journal.newest) return found;
  for await (const batch of journal.follow(after, new AbortController().signal)) {
    if (batch.kind === 'events') found.push(...batch.events);
    else found.push('reset');
    if (batch.upTo === journal.newest) break;
  }
  return found;
}

const stored = () => store.events.after(0, 10_000);

function anArray(size: number): readonly [Job, ...Job[]] {
  const array = aJob({ resources: { ...NO_RESOURCES, array: `0-${size - 1}` } });
  const tasks = Array.from({ length: size }, (_, arrayTaskId) =>
    aJob({ slurmJobId: `1234_${arrayTaskId}`, arrayParentId: array.id, arrayTaskId }),
  );
  return [array, ...tasks];
}

describe('estimates that change again and again', () => {
  it.each<[string, () => readonly Job[], (job: Job, minute: number) => Partial<Job>]>([
    ['of a job that waits', () => [aJob()], (_job, minute) => ({ estimatedStartAt: at(minute) })],
    ['of one that is held', () => [aJob({ state: 'HELD' })], (_job, minute) => ({ estimatedStartAt: at(minute) })],
    [
      'that come and go',
      () => [aJob()],
      (_job, minute) => ({ estimatedStartAt: minute % 2 === 0 ? null : at(minute) }),
    ],
    [
      'of the components of a job',
      () => [aJob({ components: [unseenComponent(0), unseenComponent(1)] })],
      ({ components }, minute) => ({
        estimatedStartAt: at(minute),
        components: components.map((one) => ({ ...one, estimatedStartAt: at(minute + one.offset) })),
      }),
    ],
    ['of the tasks of an array', () => anArray(20), (_job, minute) => ({ estimatedStartAt: at(minute) })],
    [
      'of each task by itself',
      () => anArray(20),
      ({ arrayTaskId }, minute) => ({ estimatedStartAt: at(minute + (arrayTaskId ?? 0)) }),
    ],
  ])('%s leave one event in the log', async (_what, make, news) => {
    const jobs = make();
    await create(...jobs);
    const created = (await stored()).length;
    const waiting = jobs.filter(({ resources, arrayTaskId }) => resources.array === null || arrayTaskId !== null);
    for (let minute = 1; minute <= 50; minute += 1) await change(waiting, (job) => news(job, minute));
    expect(await stored()).toHaveLength(created + 1);
    const [first] = waiting;
    const shown = await store.jobs.get(first?.id ?? '');
    expect(shown?.estimatedStartAt).toEqual(first && news(first, 50).estimatedStartAt);
    expect(journal.active('alpha').get(first?.id ?? '')).toEqual(shown);
  });

  it('leave none once the job has begun', async () => {
    const [job, ...tasks] = [aJob(), ...anArray(3)];
    await create(job, ...tasks);
    for (let minute = 1; minute <= 5; minute += 1) await estimate([job], minute);
    await change([job], { state: 'RUNNING', estimatedStartAt: null });
    const kinds = (await stored()).filter(({ jobId }) => jobId === job.id).map(({ kind }) => kind);
    expect(kinds).toEqual(['CREATED', 'STATE_CHANGED']);
  });

  it('push no other event out of the log', async () => {
    const [job, other] = [aJob(), aJob()];
    await create(job, other);
    await change([other], { state: 'RUNNING' });
    for (let minute = 1; minute <= 50; minute += 1) await estimate([job], minute);
    await journal.forget({ kept: 3, since: new Date(0) });
    expect((await stored()).map(({ jobId, kind }) => [jobId, kind])).toEqual([
      [other.id, 'CREATED'],
      [other.id, 'STATE_CHANGED'],
      [job.id, 'UPDATED'],
    ]);
  });

  it('leave another event at most after each start of the server', async () => {
    const job = aJob();
    await create(job);
    for (let start = 0; start < 3; start += 1) {
      for (let minute = 1; minute <= 20; minute += 1) await estimate([job], start * 20 + minute);
      await restart();
    }
    expect(await stored()).toHaveLength(4);
  });
});

describe('what is told besides an estimate', () => {
  it.each<[string, Partial<Job>]>([
    ['a state', { state: 'HELD' }],
    ['a reason', { reason: 'Priority' }],
    ['an attempt', { attempt: 2 }],
    ['a partition', { partition: 'gpu' }],
    ['a request to cancel', { cancelRequestedAt: at(0) }],
    ['a component', { components: [{ ...unseenComponent(0), reason: 'Resources' }] }],
  ])('stays in the log, and a task has an event for it: %s', async (_what, news) => {
    const [array, ...tasks] = anArray(2);
    const job = aJob({ components: [unseenComponent(0)] });
    await create(job, array, ...tasks);
    for (let minute = 1; minute <= 3; minute += 1)
      await change([job, ...tasks], { ...news, estimatedStartAt: at(minute) });
    const told = (await stored()).filter(({ kind }) => kind !== 'CREATED');
    for (const { id } of [job, ...tasks])
      expect(told.filter(({ jobId }) => jobId === id).length).toBeGreaterThanOrEqual(1);
    await estimate([job, ...tasks], 9);
    await estimate([job, ...tasks], 10);
    const later = await stored();
    for (const { id } of [job, ...tasks])
      expect(later.some(({ jobId, kind }) => jobId === id && kind !== 'CREATED')).toBe(true);
  });

  it('stays in the log if somebody asked for something, or there is a message', async () => {
    const job = aJob();
    await create(job);
    for (const [minute, remark] of [{ request: 'HOLD' as const }, { message: 'for people' }].entries()) {
      await journal.write(SYSTEM, (writer) =>
        writer.update(job.id, (one) => ({ ...one, estimatedStartAt: at(minute) }), remark),
      );
    }
    await estimate([job], 9);
    expect((await stored()).map(({ request, message }) => request ?? message)).toEqual([
      null,
      'HOLD',
      'for people',
      null,
    ]);
  });
});

describe('a follower', () => {
  const step = fc.record({
    job: fc.nat(4),
    what: fc.constantFrom('estimate', 'estimate', 'estimate', 'reason', 'state', 'restart'),
    minute: fc.nat(50),
  });

  it('that goes on from any position is reset nowhere, and knows every job as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await store.close();
        store = await Store.open(':memory:');
        await restart();
        const [array, ...tasks] = anArray(3);
        const jobs = [aJob(), aJob(), ...tasks];
        await create(array, ...jobs);
        const positions: { readonly position: number; readonly known: Map<string, Job> }[] = [];
        const kept: number[] = [];
        for (const { job, what, minute } of steps) {
          const known = new Map<string, Job>();
          for (const one of await store.jobs.getMany([array, ...jobs].map(({ id }) => id)))
            if (one !== null) known.set(one.id, one);
          positions.push({ position: journal.newest, known });
          const meant = jobs.slice(job, job + 1);
          if (what === 'restart') await restart();
          else if (what === 'estimate') await estimate(meant, minute);
          else {
            const news = what === 'reason' ? { reason: `${minute}` } : { state: minute % 2 === 0 ? 'HELD' : 'PENDING' };
            const before = journal.newest;
            await change(meant, news as Partial<Job>);
            if (journal.newest > before) kept.push(before + 1);
          }
        }
        for (const isFresh of [false, true]) {
          if (isFresh) await restart();
          for (const { position, known } of positions) {
            const events = await followed(position);
            const sequences = events.map((event) => (event === 'reset' ? -1 : event.sequence));
            expect(sequences).not.toContain(-1);
            expect(sequences).toEqual([...new Set(sequences)].sort((left, right) => left - right));
            expect(sequences).toEqual(expect.arrayContaining(kept.filter((sequence) => sequence > position)));
            const seen = new Map(known);
            for (const event of events) if (event !== 'reset') seen.set(event.jobId, event.job);
            for (const one of await store.jobs.getMany([array, ...jobs].map(({ id }) => id))) {
              if (one === null) continue;
              // A task's estimate is told with its array's event.
              const isTold =
                one.arrayParentId === null || events.some((event) => event !== 'reset' && event.jobId === array.id);
              const without = one.arrayParentId === null ? {} : { estimatedStartAt: null };
              expect({ ...seen.get(one.id), ...without }).toEqual({ ...one, ...without });
              if (one.estimatedStartAt?.getTime() !== known.get(one.id)?.estimatedStartAt?.getTime())
                expect(isTold).toBe(true);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('that is far behind reads past numbers that are gone', async () => {
    const [job, other] = [aJob(), aJob()];
    await create(job, other);
    const { newest } = journal;
    for (let minute = 1; minute <= 30; minute += 1) await estimate([job], minute);
    await change([other], { state: 'RUNNING' });
    await restart();
    expect(await followed(newest)).toMatchObject([
      { jobId: job.id, sequence: 32 },
      { jobId: other.id, sequence: 33 },
    ]);
    expect(await followed(newest + 10)).toMatchObject([{ sequence: 32 }, { sequence: 33 }]);
  });
});
