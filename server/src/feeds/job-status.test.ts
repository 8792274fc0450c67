import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import { aJob, NO_RESOURCES } from '../domain/testing.ts';
import { jobStatusFeed } from './job-status.ts';
import { Jobs, readAfter, readToEnd } from './testing.ts';

let jobs: Jobs;
beforeEach(async () => {
  jobs = await Jobs.open();
});
afterEach(() => jobs[Symbol.asyncDispose]());

const LIFE = [{ state: 'RUNNING' }, { reason: 'late' }, { state: 'COMPLETED' }] as const;

it('a reader that stops anywhere resumes without loss or repetition, up to the end of the job', async () => {
  const [job, other] = [aJob(), aJob()];
  await jobs.create(job, other);
  for (const change of LIFE) {
    await jobs.change(job.id, change);
    await jobs.change(other.id, change);
  }
  const feed = jobStatusFeed(job, jobs);
  const entries = (await readAfter(feed, 2)).flatMap((batch) => batch.entries);
  expect(entries.map(({ position, value: { state, reason } }) => [position, state, reason])).toEqual([
    [3, 'RUNNING', null],
    [5, 'RUNNING', 'late'],
    [7, 'COMPLETED', 'late'],
  ]);
  for (const [index, { position }] of entries.slice(0, -1).entries()) {
    expect(await readToEnd(feed, position)).toEqual(entries.slice(index + 1).map(({ value }) => value));
  }
});

it('changes of other jobs move the position on', async () => {
  const [job, other] = [aJob(), aJob()];
  await jobs.create(job, other);
  await jobs.change(other.id, ...LIFE);
  expect(await readAfter(jobStatusFeed(job, jobs), 2)).toEqual([{ upTo: 5, entries: [] }]);
});

it('no change is lost or told twice that is made while the feed is opened', async () => {
  const job = aJob();
  await jobs.create(job);
  const feed = jobStatusFeed(job, jobs);
  const [{ first, position, isOver }] = await Promise.all([feed.open(), jobs.change(job.id, ...LIFE)]);
  const later = isOver ? [] : await readToEnd(feed, position);
  const states = [...first, ...later].map(({ state, reason }) => `${state} ${reason}`);
  const all = ['PENDING null', 'RUNNING null', 'RUNNING late', 'COMPLETED late'];
  expect(states).toEqual(all.slice(-states.length));
  expect(first).toHaveLength(1);
});

it.each([
  ['is active', { state: 'RUNNING' }, false],
  ['is over', { state: 'FAILED' }, true],
] as const)('at a position that is too old, a job that %s is told as it is now', async (_, change, isOver) => {
  const job = aJob();
  await jobs.create(job);
  await jobs.change(job.id, change);
  await jobs.journal.forget({ kept: 0, since: new Date() });
  const feed = jobStatusFeed(job, jobs);
  const reading = feed.follow(0, new AbortController().signal);
  expect((await reading.next()).value).toMatchObject({
    upTo: 2,
    entries: [{ position: 2, isOwn: true, value: change }],
  });
  if (isOver) expect(await reading.next()).toEqual({ done: true, value: undefined });
  await reading.return();
});

it.each([
  ['is over', true],
  ['is not there', false],
])('of a job that %s, nothing follows', async (_, isThere) => {
  const job = aJob({ state: 'COMPLETED' });
  if (isThere) await jobs.create(job);
  const { first, isOver } = await jobStatusFeed(job, jobs).open();
  expect(first.map(({ state }) => state)).toEqual(isThere ? ['COMPLETED'] : []);
  expect(isOver).toBe(true);
});

describe('a task', () => {
  const at = (minute: number) => new Date(Date.UTC(2026, 10, 24, 12, minute));
  const array = () => aJob({ resources: { ...NO_RESOURCES, array: '0-1' } });
  const tasksOf = (parent: Job) =>
    [0, 1].map((arrayTaskId) => aJob({ slurmJobId: `1234_${arrayTaskId}`, arrayParentId: parent.id, arrayTaskId }));

  it('is told when its estimate changes, and not when only that of another does', async () => {
    const parent = array();
    const [task, other] = tasksOf(parent);
    if (task === undefined || other === undefined) throw new Error('there are two');
    await jobs.create(parent, task, other);
    const feed = jobStatusFeed(task, jobs);
    const reading = new AbortController();
    const told: (Job['estimatedStartAt'] | 'RUNNING')[] = [];
    const following = (async () => {
      for await (const { entries } of feed.follow((await feed.open()).position, reading.signal))
        for (const { value } of entries) told.push(value.state === 'RUNNING' ? 'RUNNING' : value.estimatedStartAt);
    })();
    const settle = async () => {
      for (let turn = 0; turn < 10; turn += 1) await nextTurn();
    };
    await settle();
    for (const [job, news] of [
      [task, { estimatedStartAt: at(1) }],
      [other, { estimatedStartAt: at(2) }],
      [other, { state: 'RUNNING' }],
      [task, { estimatedStartAt: at(3) }],
      [task, { estimatedStartAt: null }],
      [task, { state: 'RUNNING' }],
    ] as const) {
      await jobs.change(job.id, news);
      await settle();
    }
    reading.abort();
    await following;
    expect(told).toEqual([at(1), at(3), null, 'RUNNING']);
  });

  it('is told its estimate by a reader that was behind, from memory and from the store', async () => {
    const parent = array();
    const tasks = tasksOf(parent);
    await jobs.create(parent, ...tasks);
    const position = jobs.journal.newest;
    for (let minute = 1; minute <= 9; minute += 1) {
      for (const { id } of tasks) await jobs.change(id, { estimatedStartAt: at(minute) });
    }
    for (const source of ['memory', 'the store']) {
      if (source === 'the store') await jobs.restart();
      for (const task of tasks) {
        const entries = (await readAfter(jobStatusFeed(task, jobs), position)).flatMap((batch) => batch.entries);
        expect(entries.map(({ value }) => value.estimatedStartAt)).toEqual([at(9)]);
      }
    }
  });
});
