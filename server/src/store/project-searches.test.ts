import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchWords } from '../domain/job-filter.ts';
import { aJob, aProject, EVERY_JOB } from '../domain/testing.ts';
import { CursorError, Store } from './index.ts';
import { COMPARED_AT_ONCE } from './search.ts';
import { DatabaseWork, insertJobs, turnsDuring } from './testing.ts';

const PROJECTS = 1300;
const projects = Array.from({ length: PROJECTS }, (_, index) =>
  aProject({
    name: `${index % 7 === 0 ? 'Größe' : 'Vision'} ${String((index * 7919) % PROJECTS).padStart(5, '0')}`,
    path: `/home/ada/${index % 3 === 0 ? 'Models' : 'data'}/${index}`,
  }),
);
const byName = projects.toSorted((left, right) => Buffer.compare(Buffer.from(left.name), Buffer.from(right.name)));

let work: DatabaseWork;
let store: Store;
beforeAll(async () => {
  work = new DatabaseWork();
  store = await Store.open(':memory:');
  for (const project of projects) await store.projects.save(project);
});
afterAll(async () => {
  work[Symbol.dispose]();
  await store.close();
});

const found = (search: string) =>
  byName.filter(({ name, path }) =>
    searchWords(search).every((word) => name.toLowerCase().includes(word) || path.toLowerCase().includes(word)),
  );
const page = (search: string | null, backwards = false, from: string | null = null, limit = 100) =>
  store.projects.page({ limit, backwards, from }, search);

const SEARCHES = [
  'vision',
  'GRÖSSE',
  'größe models',
  'ada 12 data',
  'models models',
  '/home/ada/models/9',
  'nothing',
  '   ',
  'o',
];

describe('projects are found by words, however many there are', () => {
  it.each(SEARCHES)('%j', async (search) => {
    const expected = found(search).map(({ id }) => id);
    expect(await store.projects.count(search)).toBe(expected.length);
    for (const backwards of [false, true]) {
      const ids: string[] = [];
      let from: string | null = null;
      for (let hasMore = true; hasMore; ) {
        const next: Awaited<ReturnType<typeof page>> = await page(search, backwards, from);
        const rows = next.rows.map(({ row }) => row.id);
        if (backwards) ids.unshift(...rows);
        else ids.push(...rows);
        from = (backwards ? next.rows[0] : next.rows.at(-1))?.cursor ?? null;
        hasMore = next.hasMore;
      }
      expect(ids).toEqual(expected);
    }
  });

  it('and so are their jobs', async () => {
    const jobs = projects.slice(0, 700).map(({ id }) => aJob({ projectId: id, name: 'a', command: 'b' }));
    await insertJobs(store, jobs);
    for (const search of ['größe', 'vision 00', 'vision größe']) {
      const named = projects
        .slice(0, 700)
        .filter(({ name }) => searchWords(search).every((word) => name.toLowerCase().includes(word)));
      expect(await store.jobs.count({ ...EVERY_JOB, search })).toBe(named.length);
    }
  });

  it('refuses cursors of other lists', async () => {
    for (const values of [
      ['number', 0, 'a', 'b'],
      ['name', 0, 'a'],
      ['name', 0, 1, 2],
      ['name', 0],
    ]) {
      const cursor = Buffer.from(JSON.stringify(values)).toString('base64url');
      await expect(page('vision', false, cursor)).rejects.toThrow(CursorError);
    }
  });
});

describe('others have their turn meanwhile', () => {
  const NEWEST_FIRST = { field: 'SUBMITTED_AT', direction: 'DESC' } as const;
  const EDGE = { limit: 10, backwards: false, from: null };
  it.each<[string, () => Promise<unknown>]>([
    ['a page of few', () => page('größe models 0')],
    ['a page of none', () => page('nothing')],
    ['a count', () => store.projects.count('vision data')],
    ['a count of many words', () => store.projects.count('a b c d e f g h i j k l m n o')],
    ['a list of jobs', () => store.jobs.page({ ...EVERY_JOB, search: 'no such job' }, NEWEST_FIRST, EDGE)],
  ])('%s', async (_what, read) => {
    expect(await work.mostInATurn(read)).toBeLessThan(PROJECTS);
    expect(await turnsDuring(read)).toBeGreaterThanOrEqual(2);
  });

  it('whatever the length of their texts', async () => {
    const long = await Store.open(':memory:');
    const bytes = 4000;
    for (let index = 0; index < 400; index += 1) {
      await long.projects.save(aProject({ name: `${index}`, path: `/${'a'.repeat(bytes)}${index}` }));
    }
    const words = Array.from({ length: 16 }, (_, at) => `${'a'.repeat(900 - at)}b`);
    const read = () => long.projects.count(words.join(' '));
    expect(await read()).toBe(0);
    expect(await turnsDuring(read)).toBeGreaterThanOrEqual(Math.floor((400 * bytes * words.length) / COMPARED_AT_ONCE));
    await long.close();
  });
});
