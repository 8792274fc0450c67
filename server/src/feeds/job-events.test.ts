import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aJob, EVERY_JOB } from '../domain/testing.ts';
import { jobEventsFeed } from './job-events.ts';
import { Jobs, readAfter } from './testing.ts';

let jobs: Jobs;
beforeEach(async () => {
  jobs = await Jobs.open();
});
afterEach(() => jobs[Symbol.asyncDispose]());

const feedOf = (start: number | null = null, filter = EVERY_JOB) => jobEventsFeed(start, filter, jobs);
const told = async (after: number, filter = EVERY_JOB) =>
  (await readAfter(feedOf(after, filter), after)).flatMap(({ entries }) =>
    entries.map(({ position, value: { kind, state } }) => ({ position, kind, state })),
  );
const reasons = (count: number) => Array.from({ length: count }, (_, index) => ({ reason: `reason ${index}` }));

it.each(['memory', 'the store'])(
  'a reader that stops anywhere resumes without loss or repetition, from %s',
  async (source) => {
    const job = aJob();
    await jobs.create(job);
    await jobs.change(job.id, ...reasons(250));
    if (source === 'the store') await jobs.restart();
    const all = (await told(0)).map(({ position }) => position);
    expect(all).toEqual(Array.from({ length: 251 }, (_, index) => index + 1));
    // Within a batch, at its ends, at the first and the last event.
    for (const cut of [1, 50, 99, 100, 101, 250, 251]) {
      const before = all.filter((position) => position <= cut);
      expect([...before, ...(await told(cut)).map(({ position }) => position)]).toEqual(all);
    }
  },
);

it('a reader that is far behind gets batches of a bounded size', async () => {
  const job = aJob();
  await jobs.create(job);
  await jobs.change(job.id, ...reasons(250));
  const batches = await readAfter(feedOf(0), 0);
  expect(batches.map(({ entries }) => entries.length)).toEqual([100, 100, 51]);
  expect(batches.map(({ upTo }) => upTo)).toEqual([100, 200, 251]);
});

it('events that the filter hides move the position on', async () => {
  const hidden = aJob({ clusterName: 'beta' });
  await jobs.create(hidden);
  await jobs.change(hidden.id, ...reasons(3));
  const filter = { ...EVERY_JOB, clusters: ['alpha'] };
  expect(await readAfter(feedOf(0, filter), 0)).toEqual([{ upTo: 4, entries: [] }]);
  expect(await readAfter(feedOf(4, filter), 4)).toEqual([]);
});

it('a job that stops matching is told once more, whether it is read at once or after a restart', async () => {
  const job = aJob();
  await jobs.create(job);
  await jobs.change(job.id, { state: 'RUNNING' }, { state: 'COMPLETED' }, { reason: 'late' });
  const expected = [
    { position: 1, kind: 'CREATED', state: 'PENDING' },
    { position: 2, kind: 'STATE_CHANGED', state: 'RUNNING' },
    { position: 3, kind: 'REMOVED', state: 'COMPLETED' },
  ];
  const filter = { ...EVERY_JOB, states: ['PENDING', 'RUNNING'] as const };
  expect(await told(0, filter)).toEqual(expected);
  await jobs.restart();
  expect(await told(0, filter)).toEqual(expected);
});

it.each([
  ['is too old', 2],
  ['never was, as after a backup was restored', 1000],
])('at a position that %s, one reset leads to the newest event, from where it goes on', async (_, after) => {
  const job = aJob();
  await jobs.create(job);
  await jobs.change(job.id, ...reasons(9));
  await jobs.journal.forget({ kept: 3, since: new Date(0) });
  const feed = feedOf(after);
  const reading = feed.follow((await feed.open()).position, new AbortController().signal);
  expect((await reading.next()).value).toMatchObject({
    upTo: 10,
    entries: [{ position: 10, isOwn: true, value: { kind: 'RESET', sequence: 10, job: null, state: null } }],
  });
  await jobs.change(job.id, { state: 'RUNNING' });
  expect((await reading.next()).value).toMatchObject({ upTo: 11, entries: [{ value: { kind: 'STATE_CHANGED' } }] });
  await reading.return();
  // The oldest event that is kept needs no reset.
  expect((await told(7)).map(({ position }) => position)).toEqual([8, 9, 10, 11]);
});

it('without a position it begins now', async () => {
  const job = aJob();
  await jobs.create(job);
  expect(await feedOf().open()).toEqual({ first: [], position: 1, isOver: false });
});

it('ends when it is aborted, also while it waits for an event', async () => {
  const reading = new AbortController();
  const next = feedOf().follow(0, reading.signal).next();
  await nextTurn();
  reading.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});
