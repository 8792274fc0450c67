import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOB_ORDER_FIELDS, type JobFilter, matchesFilter } from '../../domain/job-filter.ts';
import { aJob, aProject, EVERY_JOB } from '../../domain/testing.ts';
import { Store } from '../index.ts';
import { COMPARED_AT_ONCE } from '../search.ts';
import { insertJobs, turnsDuring } from '../testing.ts';
import { writesOf } from '../writes.ts';

const a = (count: number) => 'a'.repeat(count);
const NEWEST_FIRST = { field: 'SUBMITTED_AT', direction: 'DESC' } as const;
const EDGE = { limit: 10_000, backwards: false, from: null };
/** All parts of the words below are in it, so that no index tells them apart. */
const TEXT = `${`${a(700)}b`.repeat(20)}${'ab'.repeat(2000)}${'训练'.repeat(2000)}${a(5000)}`;
const JOBS = 60;

/** Each holds all of `TEXT` or none of it. */
const SEARCHES: Readonly<Record<string, readonly string[]>> = {
  'that are there': Array.from({ length: 16 }, (_, at) => `${a(690 - at)}b`),
  'that end otherwise': Array.from({ length: 16 }, (_, at) => `${a(999 - at)}b`),
  'that begin otherwise': [...Array.from({ length: 15 }, (_, at) => `b${a(690 - at)}`), `ab${a(701)}ba`],
  'of pairs': Array.from({ length: 16 }, (_, at) => `${'ab'.repeat(480 - at)}a`),
  'of letters beyond ASCII': Array.from({ length: 16 }, (_, at) => `训练${'训练'.repeat(480 - at)}`),
  'that are short': Array.from({ length: 16 }, (_, at) => `${a(60 - at)}b`),
  'of two letters': ['aa', 'ab', 'ba', 'bb', '训练', '练训', ...Array.from({ length: 10 }, (_, at) => `a${at}`)],
};

const project = aProject({ id: 'project', name: `project ${a(690)}b` });
const jobs = Array.from({ length: JOBS }, (_, index) =>
  aJob({
    name: `name ${index}`,
    command: index % 4 === 3 ? 'short' : TEXT,
    projectId: index % 2 === 0 ? project.id : null,
    exitCode: 0,
    startedAt: new Date(1_700_000_000_000 + index),
    endedAt: new Date(1_700_000_001_000 + index),
  }),
);
const bytes = jobs.reduce((sum, { command }) => sum + Buffer.byteLength(command), 0);

let store: Store;
beforeAll(async () => {
  store = await Store.open(':memory:');
  await store.projects.save(project);
  await insertJobs(store, jobs);
});
afterAll(() => store.close());

const found = (filter: JobFilter) =>
  jobs.filter((job) => matchesFilter(job, job.projectId === null ? null : project.name, filter)).map(({ id }) => id);

/** So many turns are the least for so much text, where as much is compared in each as may be. */
const turnsFor = (words: number, part = 1) => Math.floor((bytes * part * words) / COMPARED_AT_ONCE);

describe('others have their turn while long texts are searched for words', () => {
  it.each(Object.entries(SEARCHES))('%s', async (_kind, words) => {
    for (const includeArrayTasks of [true, false]) {
      const filter: JobFilter = { ...EVERY_JOB, includeArrayTasks, search: words.join(' ') };
      const expected = found(filter);
      const page = () => store.jobs.page(filter, NEWEST_FIRST, EDGE);
      expect((await page()).rows.map(({ row }) => row.id).sort()).toEqual(expected);
      expect(await store.jobs.count(filter)).toBe(expected.length);
      if (includeArrayTasks) expect(await turnsDuring(page)).toBeGreaterThanOrEqual(turnsFor(words.length));
    }
  });

  const [words = []] = Object.values(SEARCHES);
  const search = words.join(' ');
  const listed: JobFilter = { ...EVERY_JOB, includeArrayTasks: false, search };
  it.each<[string, JobFilter, number]>([
    ['by the index of words', listed, 0.5],
    ['with the tasks of arrays', { ...EVERY_JOB, search }, 1],
    ['of two letters', { ...listed, search: 'aa ab ba 练训' }, 0.25],
    ["of a project, by a word of the project's name", { ...listed, search: words[0] ?? '' }, 1 / 16],
    ['of a project', { ...listed, projectIds: [project.id] }, 0.5],
    ['of a time', { ...listed, endedAfter: new Date(1_700_000_001_000) }, 0.5],
    ['of an exit code', { ...listed, exitCodes: [0] }, 0.5],
  ])('in lists %s, whatever their order', async (_what, filter, part) => {
    const expected = found(filter);
    expect(expected.length).toBeGreaterThan(0);
    for (const field of JOB_ORDER_FIELDS) {
      const page = () => store.jobs.page(filter, { field, direction: 'ASC' }, EDGE);
      expect((await page()).rows.map(({ row }) => row.id).sort()).toEqual(expected);
      expect(await turnsDuring(page)).toBeGreaterThanOrEqual(turnsFor(words.length, part));
    }
    const count = () => writesOf(store).transaction((queries) => queries.jobs.count(filter));
    expect(await count()).toBe(expected.length);
    expect(await turnsDuring(count)).toBeGreaterThanOrEqual(turnsFor(words.length, part));
  });
});
