import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import { type JobFilter, MAX_SEARCH_WORDS, matchesFilter } from '../domain/job-filter.ts';
import { JOB_STATES } from '../domain/job-state.ts';
import type { Project } from '../domain/project.ts';
import { aJob, aProject, EVERY_JOB } from '../domain/testing.ts';
import { Store } from './index.ts';
import { candidateWays } from './job-list/ways.ts';
import { COMPARED_AT_ONCE } from './search.ts';
import { insertJobs, turnsDuring } from './testing.ts';

// Few values, so that filters and jobs meet often; among them LIKE's own characters and letters beyond ASCII.
const word = fc.constantFrom(
  'resnet',
  'ResNet',
  '100%',
  'a_b',
  'a\\b',
  '%',
  '_',
  'x',
  'Straße',
  'Übung',
  'ÜBUNG',
  '训练',
  '🐧',
);
const tags = fc.subarray(['x', 'ResNet', 'a_b', 'Übung macht', '"', '100%']);
const text = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '));
const instant = fc.integer({ min: 0, max: 5 }).map((minutes) => new Date(Date.UTC(2026, 10, 24, 12, minutes)));
const PARENT = aJob({
  id: '01K00000000000000000000000',
  name: 'Übung a_b',
  command: 'ResNet 训练 100%',
  gitCommit: 'abcdef',
  slurmJobId: '1234',
  tags: ['x', 'Übung macht'],
  state: 'RUNNING',
  submittedAt: new Date(0),
});
/** What the tasks of an array have of it. */
const OF_ARRAY = {
  name: PARENT.name,
  command: PARENT.command,
  gitCommit: PARENT.gitCommit,
  tags: PARENT.tags,
  slurmJobId: `${PARENT.slurmJobId}_7`,
};
const PROJECTS: readonly Project[] = ['Vision 100%', 'Übung', 'nlp'].map((name, index) =>
  aProject({ id: `project-${index}`, name }),
);

const idOf = (number: number) => `01K${String(number).padStart(23, '0')}`;
let nextId = 1;
const job: fc.Arbitrary<Job> = fc
  .record({
    name: text,
    command: text,
    slurmJobId: fc.option(fc.constantFrom('1234', '1234_7', '99')),
    gitCommit: fc.option(fc.constantFrom('abcdef', '123456')),
    tags,
    state: fc.constantFrom(...JOB_STATES),
    isArchived: fc.boolean(),
    clusterName: fc.constantFrom('alpha', 'beta'),
    projectId: fc.option(fc.constantFrom(...PROJECTS.map(({ id }) => id))),
    submittedBy: fc.constantFrom('ada', 'grace'),
    partition: fc.option(fc.constantFrom('gpu', 'cpu')),
    submittedAt: instant,
    startedAt: fc.option(instant),
    endedAt: fc.option(instant),
    exitCode: fc.option(fc.constantFrom(0, 1, 137)),
    arrayParentId: fc.option(fc.constant(PARENT.id)),
  })
  .map((parts) => {
    nextId += 1;
    const ofArray = parts.arrayParentId === null ? {} : OF_ARRAY;
    return aJob({ ...parts, ...ofArray, id: idOf(nextId) });
  });

/** Of jobs that are there, of tasks among them, and of some that aren't; the same one may be named twice. */
const id = fc.oneof(fc.integer({ min: 0, max: 130 }).map(idOf), fc.constant(''));

const some = <T>(...values: readonly T[]) => fc.option(fc.subarray([...values]));
const filter: fc.Arbitrary<JobFilter> = fc.record({
  ids: fc.option(fc.array(id, { maxLength: 150 })),
  search: fc.option(
    fc.oneof(text, fc.constantFrom('', '#resnet', '#x', 'macht', '1234', 'ABC', 'übung', 'vision', 'res net')),
  ),
  states: some(...JOB_STATES),
  isActive: fc.option(fc.boolean()),
  isArchived: fc.option(fc.boolean()),
  clusters: some('alpha', 'beta', 'gamma'),
  projectIds: some(...PROJECTS.map(({ id }) => id)),
  userIds: some('ada', 'grace'),
  partitions: some('gpu', 'cpu'),
  submittedAfter: fc.option(instant),
  submittedBefore: fc.option(instant),
  exitCodes: some(0, 1, 137),
  tags: fc.option(tags),
  startedAfter: fc.option(instant),
  startedBefore: fc.option(instant),
  endedAfter: fc.option(instant),
  endedBefore: fc.option(instant),
  includeArrayTasks: fc.boolean(),
});
/** One part at a time, so that few filters let nothing through. */
const narrowFilter = fc
  .tuple(filter, fc.subarray(Object.keys(EVERY_JOB) as (keyof JobFilter)[], { maxLength: 3 }))
  .map(([full, keys]): JobFilter => ({ ...EVERY_JOB, ...Object.fromEntries(keys.map((key) => [key, full[key]])) }));

let store: Store;
beforeAll(async () => {
  store = await Store.open(':memory:');
  for (const project of PROJECTS) await store.projects.save(project);
  await insertJobs(store, [PARENT]);
});
afterAll(() => store.close());

describe('the filter in SQL', () => {
  const inSql = async (wanted: JobFilter) => {
    const page = await store.jobs.page(
      wanted,
      { field: 'SUBMITTED_AT', direction: 'ASC' },
      { limit: 10_000, backwards: false, from: null },
    );
    expect(await store.jobs.count(wanted)).toBe(page.rows.length);
    return page.rows.map(({ row }) => row.id).sort();
  };

  it('finds exactly the jobs that the filter in memory finds', async () => {
    const jobs = [PARENT, ...fc.sample(job, { numRuns: 120, seed: 1 })];
    await insertJobs(store, jobs.slice(1));
    const projectName = (id: string | null) => PROJECTS.find((project) => project.id === id)?.name ?? null;
    await fc.assert(
      fc.asyncProperty(fc.oneof(narrowFilter, filter), async (wanted) => {
        const inMemory = jobs.filter((each) => matchesFilter(each, projectName(each.projectId), wanted));
        expect(await inSql(wanted)).toEqual(inMemory.map(({ id }) => id).sort());
      }),
      { numRuns: 400 },
    );
  });

  it.each(['Übung', 'ÜBUNG', 'übung'])('finds letters beyond ASCII whatever their case: %s', async (search) => {
    await insertJobs(store, [aJob({ name: 'Übung macht den Meister', id: `job of ${search}` })]);
    expect(await inSql({ ...EVERY_JOB, search: `${search} Meister` })).toContain(`job of ${search}`);
  });

  it('answers a search that is far too long, and finds nothing', async () => {
    expect(await inSql({ ...EVERY_JOB, search: 'x'.repeat(100_000) })).toEqual([]);
  });
});

describe('tags of many words', () => {
  it.each([1, 2, 32])('are looked up by no more words than a search: %i tags', (count) => {
    const words = (from: number) => Array.from({ length: 16 }, (_, index) => `w${from}x${index}`).join(' ');
    const tags = Array.from({ length: count }, (_, index) => words(index));
    const filter = { ...EVERY_JOB, ids: null, words: [{ text: 'resnet', projectIds: [] }], tags };
    const lengths = candidateWays(filter).map((way) => ('words' in way ? way.words.length : 0));
    expect(Math.max(...lengths)).toBeLessThanOrEqual(MAX_SEARCH_WORDS);
    expect(Math.max(...lengths)).toBeGreaterThan(1);
  });

  it('are compared for few jobs at once, where they are long', async () => {
    await using stack = new AsyncDisposableStack();
    const other = await Store.open(':memory:');
    stack.defer(() => other.close());
    const long = Array.from({ length: 31 }, (_, index) => `${String.fromCodePoint(0x4e00 + index)}`.repeat(64));
    const jobs = Array.from({ length: 2000 }, () => aJob({ tags: [...long, 'one'] }));
    await insertJobs(other, jobs);
    const wanted: JobFilter = { ...EVERY_JOB, includeArrayTasks: false, tags: [...long, 'two'] };
    const bytes = jobs.length * 32 * Buffer.byteLength(JSON.stringify([...long, 'one']));
    const turns = await turnsDuring(() => other.jobs.count(wanted));
    expect(turns).toBeGreaterThanOrEqual(Math.floor(bytes / COMPARED_AT_ONCE / 2));
    expect(await other.jobs.count({ ...wanted, tags: [...long, 'one'] })).toBe(jobs.length);
  });
});

describe('what started or ended before some time', () => {
  const HOUR_MS = 3_600_000;
  const BEGIN = Date.UTC(2026, 0, 1);
  const at = (hours: number) => new Date(BEGIN + hours * HOUR_MS);

  // The clock of a cluster may be behind that of the server.
  it.each([
    ['as it should be', 0],
    ['hours before its submission', -23],
    ['days before its submission', -100],
  ])('is found where jobs start %s', async (_what, early) => {
    await using stack = new AsyncDisposableStack();
    const other = await Store.open(':memory:');
    stack.defer(() => other.close());
    const jobs = Array.from({ length: 300 }, (_, index) => {
      const startedAfter = index % 7 === 0 ? early : (index * 31) % 50;
      return aJob({
        id: idOf(10_000 + index),
        submittedAt: at(index),
        startedAt: index % 5 === 0 ? null : at(index + startedAfter),
        endedAt: index % 5 < 2 ? null : at(index + startedAfter + (index % 3)),
      });
    });
    await insertJobs(other, jobs);
    for (const parts of [
      { startedBefore: at(60) },
      { endedBefore: at(60), startedAfter: at(-50) },
      { startedBefore: at(200), submittedAfter: at(150) },
      { startedBefore: at(200), submittedBefore: at(100) },
      { endedBefore: at(100), startedBefore: at(80), includeArrayTasks: true },
    ]) {
      const wanted: JobFilter = { ...EVERY_JOB, includeArrayTasks: false, ...parts };
      const matching = jobs.filter((each) => matchesFilter(each, null, wanted)).map(({ id }) => id);
      expect(matching.length).toBeGreaterThan(5);
      const page = await other.jobs.page(
        wanted,
        { field: 'SUBMITTED_AT', direction: 'ASC' },
        { limit: 1000, backwards: false, from: null },
      );
      expect(page.rows.map(({ row }) => row.id)).toEqual(matching);
      expect(await other.jobs.count(wanted)).toBe(matching.length);
    }
  });
});
