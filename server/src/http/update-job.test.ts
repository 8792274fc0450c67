import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import { aJob, NO_RESOURCES } from '../domain/testing.ts';
import { Stage, TRANSPORTS } from './testing.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage[Symbol.asyncDispose]());

const globalId = ({ id }: Job) => encodeGlobalID('Job', id);

async function ask<Data>(query: string, variables: object = {}): Promise<Data> {
  const answer = await TRANSPORTS['over HTTP']?.(stage.address, { query, variables: { ...variables } });
  if (answer?.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return answer?.data as Data;
}

interface Updated {
  readonly updateJob: {
    readonly job: { readonly name: string; readonly description: string | null; readonly tags: string[] } | null;
    readonly userErrors: readonly {
      readonly code: string;
      readonly path: readonly string[];
      readonly message: string;
    }[];
  };
}
async function update(job: Job, changes: object) {
  const query = `mutation ($input: UpdateJobInput!) {
    updateJob(input: $input) { job { name description tags } userErrors { code path message } }
  }`;
  return (await ask<Updated>(query, { input: { id: globalId(job), ...changes } })).updateJob;
}

async function found(filter: object): Promise<string[]> {
  const query = 'query ($filter: JobFilter) { jobs(first: 50, filter: $filter) { totalCount nodes { id } } }';
  const { jobs } = await ask<{ jobs: { totalCount: number; nodes: { id: string }[] } }>(query, { filter });
  expect(jobs.totalCount).toBe(jobs.nodes.length);
  return jobs.nodes.map(({ id }) => id);
}

describe('what users say of a job', () => {
  it('is changed, and the rest stays as it is', async () => {
    const job = aJob({ name: 'train', description: 'a first try', state: 'COMPLETED' });
    await stage.create([job]);
    expect(await update(job, { tags: ['baseline', 'for the paper', 'baseline'] })).toEqual({
      job: { name: 'train', description: 'a first try', tags: ['baseline', 'for the paper'] },
      userErrors: [],
    });
    expect((await update(job, { name: 'resnet 50' })).job).toMatchObject({ description: 'a first try' });
    expect((await update(job, { description: null })).job).toEqual({
      name: 'resnet 50',
      description: null,
      tags: ['baseline', 'for the paper'],
    });
    expect(await stage.store.jobs.get(job.id)).toMatchObject({ slurmName: job.slurmName, state: 'COMPLETED' });
  });

  it.each([
    ['an empty list', []],
    ['null', null],
  ])('loses its tags by %s', async (_what, tags) => {
    const job = aJob({ tags: ['old'] });
    await stage.create([job]);
    expect((await update(job, { tags })).job).toMatchObject({ tags: [] });
    expect(await found({ tags: ['old'] })).toEqual([]);
  });

  it('is found at once by its new words, and by its old ones no more', async () => {
    const [job, other] = [aJob({ name: 'zebra', tags: ['früh'] }), aJob({ name: 'zebra' })];
    await stage.create([job, other]);
    await update(job, { name: 'okapi', tags: ['spät'] });
    expect(await found({ search: 'okapi' })).toEqual([globalId(job)]);
    expect(await found({ search: 'zebra' })).toEqual([globalId(other)]);
    expect(await found({ search: '#SPÄT' })).toEqual([globalId(job)]);
    expect(await found({ search: '#früh' })).toEqual([]);
    expect(await found({ tags: ['spät'] })).toEqual([globalId(job)]);
  });

  it('is part of its history, with who changed it', async () => {
    const job = aJob();
    await stage.create([job]);
    await update(job, { description: 'why' });
    await update(job, { description: 'why' });
    const query = 'query ($id: ID!) { job(id: $id) { events(first: 9) { nodes { kind request actor { name } } } } }';
    const told = await ask<{ job: { events: { nodes: object[] } } }>(query, { id: globalId(job) });
    expect(told.job.events.nodes).toEqual([
      { kind: 'CREATED', request: null, actor: null },
      { kind: 'UPDATED', request: 'UPDATE', actor: { name: 'Administrator' } },
    ]);
  });

  it('is that of an array with all its tasks, and not of a task alone', async () => {
    const array = aJob({ slurmJobId: '7', resources: { ...NO_RESOURCES, array: '0-1' } });
    const tasks = [0, 1].map((index) =>
      aJob({ slurmJobId: `7_${index}`, arrayParentId: array.id, arrayTaskId: index }),
    );
    await stage.create([array, ...tasks]);
    const [task = array] = tasks;
    const refused = await update(task, { tags: ['mine'] });
    expect(refused).toMatchObject({ job: null, userErrors: [{ code: 'WRONG_STATE', path: ['input', 'id'] }] });
    expect(refused.userErrors[0]?.message).toMatch(/is a task.*Change those of the array/);
    await update(array, { name: 'sweep', tags: ['grid'] });
    expect((await found({ tags: ['grid'], includeArrayTasks: true })).toSorted()).toEqual(
      [array, ...tasks].map(globalId).toSorted(),
    );
    expect(await found({ tags: ['grid'] })).toEqual([globalId(array)]);
    expect(await stage.store.jobs.get(task.id)).toMatchObject({ name: 'sweep', tags: ['grid'] });
    expect(stage.journal.active(array.clusterName).get(task.id)).toMatchObject({ name: 'sweep', tags: ['grid'] });
    expect(await found({ search: 'sweep', includeArrayTasks: true })).toHaveLength(3);
    const inOrder =
      'query { jobs(first: 9, filter: { includeArrayTasks: true }, orderBy: { field: NAME, direction: ASC }) { nodes { name } } }';
    await stage.create([aJob({ name: 'a' }), aJob({ name: 'z' })]);
    const { jobs } = await ask<{ jobs: { nodes: { name: string }[] } }>(inOrder);
    expect(jobs.nodes.map(({ name }) => name)).toEqual(['a', 'sweep', 'sweep', 'sweep', 'z']);
  });

  it('is written once for an array, however many tasks it has', async () => {
    const array = aJob({ slurmJobId: '7', resources: { ...NO_RESOURCES, array: '0-99' } });
    const tasks = Array.from({ length: 100 }, (_, index) => aJob({ arrayParentId: array.id, arrayTaskId: index }));
    await stage.create([array, ...tasks]);
    const before = stage.journal.newest;
    for (const changes of [{ description: 'x'.repeat(10_000) }, { tags: ['grid'] }, { name: 'sweep' }])
      await update(array, changes);
    expect(stage.journal.newest).toBe(before + 3);
    expect(await stage.store.jobs.get(tasks[50]?.id ?? '')).toMatchObject({
      ...{ name: 'sweep', tags: ['grid'], description: 'x'.repeat(10_000) },
    });
  });

  it.each<[string, object, readonly string[], RegExp]>([
    ['no name', { name: null }, ['name'], /is null: write a name, or leave it out/],
    ['an empty name', { name: ' ' }, ['name'], /is empty/],
    ['a name of two lines', { name: 'a\nb' }, ['name'], /line break/],
    ['a name that Slurm would cut', { name: 'ü'.repeat(128) }, ['name'], /256 bytes/],
    ['a long name', { name: 'a'.repeat(201) }, ['name'], /at most 200/],
    ['a long description', { description: 'a'.repeat(10_001) }, ['description'], /at most 10000/],
    ['a NUL in the description', { description: 'a\0' }, ['description'], /NUL/],
    ['many tags', { tags: Array.from({ length: 33 }, (_, index) => `tag ${index}`) }, ['tags'], /at most 32/],
    ['a long tag', { tags: ['ok', 'a'.repeat(65)] }, ['tags', '1'], /tags\.1 has 65 characters: at most 64/],
    ['an empty tag', { tags: [''] }, ['tags', '0'], /is empty/],
    ['a tag of two lines', { tags: ['a\nb'] }, ['tags', '0'], /line break/],
    ['a tag with a blank at its end', { tags: ['a '] }, ['tags', '0'], /blank/],
    ['half a character', { tags: ['\ud800'] }, ['tags', '0'], /surrogate/],
  ])('is not changed by %s', async (_what, changes, path, message) => {
    const job = aJob({ tags: ['old'] });
    await stage.create([job]);
    const { job: changed, userErrors } = await update(job, { description: 'new', ...changes });
    expect(changed).toBeNull();
    expect(userErrors).toMatchObject([{ code: 'INVALID_INPUT', path: ['input', ...path] }]);
    expect(userErrors[0]?.message).toMatch(message);
    expect(await stage.store.jobs.get(job.id)).toEqual({ ...job, number: 1 });
  });

  it('needs a job', async () => {
    const nobody = aJob();
    expect(await update(nobody, { name: 'x' })).toMatchObject({ job: null, userErrors: [{ code: 'NOT_FOUND' }] });
  });
});

describe('jobs with tags', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['one of several', ['b'], ['one', 'two']],
    ['all that are asked for', ['a', 'b'], ['one']],
    ['letter by letter', ['B'], []],
    ['no part of a tag', ['long ta'], []],
    ['signs of JSON', ['"', '\\', '],["x'], ['odd']],
    ['what looks like another', ['x'], []],
    ['blanks', ['long tag'], ['two']],
    ['signs of SQL', ["'; drop table jobs; --"], ['odd']],
    ['beyond ASCII', ['训练 🐧'], ['odd']],
    ['the same twice', ['a', 'a'], ['one']],
  ])('are found by %s', async (_what, tags, names) => {
    const jobs = [
      aJob({ name: 'one', tags: ['a', 'b'] }),
      aJob({ name: 'two', tags: ['b', 'long tag'] }),
      aJob({ name: 'odd', tags: ['"', '\\', '],["x', "'; drop table jobs; --", '训练 🐧', 'a"x'] }),
      aJob({ name: 'none' }),
    ];
    await stage.create(jobs);
    const expected = jobs.filter(({ name }) => names.includes(name)).map(globalId);
    expect((await found({ tags })).toSorted()).toEqual(expected.toSorted());
  });

  it('are all jobs where none is asked for', async () => {
    await stage.create([aJob({ tags: ['a'] }), aJob()]);
    expect(await found({ tags: [] })).toHaveLength(2);
  });

  it('can not have more than 32', async () => {
    const tags = Array.from({ length: 33 }, (_, index) => `tag ${index}`);
    await expect(found({ tags })).rejects.toThrow('filter.tags has 33 entries: no job has more than 32 tags');
  });

  it.each([['x'.repeat(65)], ['x'.repeat(2000)], [' a'], ['a '], ['a\t'], ['\na']])(
    'can have no tag %j, which is refused',
    async (tag) => {
      await expect(found({ tags: ['a', tag] })).rejects.toThrow(
        /filter\.tags\[1\] is no tag: .* at most 64 characters/,
      );
    },
  );

  it('leave the events of a filter with their tag', async () => {
    const job = aJob({ tags: ['a'] });
    await stage.create([job]);
    const after = Buffer.from(`event:${stage.journal.newest}`).toString('base64url');
    await update(job, { tags: ['b'] });
    const query = `subscription ($after: String) {
      jobEvents(after: $after, filter: { tags: ["a"] }) { kind job { tags } }
    }`;
    const told = await TRANSPORTS['over WebSocket']?.(stage.address, { query, variables: { after } });
    expect(told).toEqual({ data: { jobEvents: { kind: 'REMOVED', job: { tags: ['b'] } } } });
  });
});
