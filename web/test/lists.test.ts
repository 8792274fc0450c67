import { StageChild, type StageJob } from '@slurmql/server/stage-child';
import { print } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobTasksQuery } from '../src/features/job/operations.ts';
import { compareTasks } from '../src/features/job/state.ts';
import {
  compareJobs,
  includesJob,
  type JobsParameters,
  readFilter,
  type SectionName,
  sectionsOf,
  toVariables,
} from '../src/features/jobs/filter.ts';
import { holdJobsMutation, jobsQuery } from '../src/features/jobs/operations.ts';
import { MOST_SELECTED } from '../src/features/jobs/selection.ts';
import type { ResultOf } from '../src/graphql/graphql.ts';
import type { JobRow } from '../src/graphql/job-row.ts';

// The browser puts a job that changes where the server would list it, and so has the server's rules a second time.

const STATES = ['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMEOUT', 'LOST', 'CANCELLING'] as const;
// Equal ones; letters that differ in their case alone; and some that UTF-16 puts in another order than UTF-8.
const NAMES = ['train', 'train', 'Train', 'tr', 'ｔrain', '🚂 train', 'ﬁne', '𝕏', 'é', 'e\u0301', '', 'train 2'];
const LONG_WORD = 'x'.repeat(1000);
const TAGS = ['Baseline', 'for the paper', '"', 'x'];
const TASK_IDS = [10, 9, 100, 2, 0, 1];
const MINUTE = 60_000;
const START = Date.parse('2026-01-01T00:00:00Z');

let stage: StageChild;
let everyJob: readonly JobRow[];

async function post<Result>(query: string, variables: object): Promise<Result> {
  const response = await fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stage.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Result; errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

async function ask(variables: object): Promise<JobRow[]> {
  const rows: JobRow[] = [];
  for (let after: string | null = null; ; ) {
    const data: ResultOf<typeof jobsQuery> = await post(print(jobsQuery), { ...variables, after });
    rows.push(...data.jobs.edges.map(({ node }) => node as JobRow));
    if (!data.jobs.pageInfo.hasNextPage) return rows;
    after = data.jobs.edges.at(-1)?.cursor ?? null;
  }
}

beforeAll(async () => {
  stage = await StageChild.start();
  const jobs = Array.from({ length: 240 }, (_, index): StageJob => {
    const state = STATES[index % STATES.length] ?? 'PENDING';
    const hasStarted = state !== 'PENDING' && index % 5 !== 0;
    const isOver = !['PENDING', 'RUNNING', 'CANCELLING'].includes(state);
    return {
      name: NAMES[index % NAMES.length] ?? '',
      state,
      isArchived: index % 7 === 0,
      clusterName: index % 3 === 0 ? 'alpha' : 'beta',
      projectName: ['vision', 'Speech'][index % 4] ?? null,
      command: index % 6 === 0 ? 'python Train.py --lr 0.1' : index % 10 === 1 ? LONG_WORD : 'make',
      tags: TAGS.filter((_tag, bit) => (index & (1 << bit)) !== 0),
      slurmJobId: index % 2 === 0 ? String(4000 + index) : null,
      // Many at the same millisecond.
      submittedAt: new Date(START + Math.floor(index / 20) * MINUTE),
      startedAt: hasStarted ? new Date(START + (30 + (index % 4)) * MINUTE) : null,
      endedAt: isOver && (state !== 'LOST' || index % 16 === 6) ? new Date(START + (60 + (index % 3)) * MINUTE) : null,
      ...(index === 0 && { tasks: TASK_IDS.map((arrayTaskId) => ({ arrayTaskId, state })) }),
    };
  });
  await stage.create(jobs);
  everyJob = [...(await ask({ filter: { isArchived: false } })), ...(await ask({ filter: { isArchived: true } }))];
  expect(everyJob).toHaveLength(jobs.length);
});
afterAll(() => stage?.[Symbol.asyncDispose]());

const FILTERS: readonly JobsParameters[] = [
  {},
  ...(['active', 'finished', 'failed', 'archived'] as const).map((state) => ({ state })),
  { cluster: 'alpha' },
  ...[
    'train',
    'TRAIN',
    'python train',
    '400',
    'speech',
    '🚂',
    'é',
    'nothing at all',
    '  ',
    '%',
    '_',
    '#base',
    '#x',
  ].map((q) => ({
    q,
  })),
  ...['Baseline', 'baseline', '"', ['x', 'for the paper'], ['x', 'nothing'], ''].map((tag) => ({ tag })),
  // More words, and a longer word, than the server looks at.
  ...[`${'train '.repeat(16)}nothing`, `${'train '.repeat(15)}nothing`, `${LONG_WORD}y`, LONG_WORD].map((q) => ({ q })),
];
const SORTS = ['submitted', 'name', 'elapsed'].flatMap((sort) => [sort, `-${sort}`]);

describe('the browser lists what the server lists, in its order', () => {
  it.each(FILTERS.flatMap((parameters) => SORTS.map((sort) => ({ ...parameters, sort }))))('%j', async (parameters) => {
    await compareWithServer(parameters);
  });

  it('in one project', async () => {
    const id = everyJob.find(({ project }) => project !== null)?.project?.id ?? '';
    expect((await compareWithServer({ project: id })).length).toBeGreaterThan(0);
  });
});

it('the tasks of an array stand in the order of their indices', async () => {
  const id = everyJob.find(({ taskCounts }) => taskCounts.length > 0)?.id;
  const { job } = await post<ResultOf<typeof jobTasksQuery>>(print(jobTasksQuery), { id, after: null });
  const tasks = job?.tasks.edges.map(({ node }) => node) ?? [];
  expect(tasks.map(({ arrayTaskId }) => arrayTaskId)).toEqual([0, 1, 2, 9, 10, 100]);
  expect(tasks.toReversed().toSorted(compareTasks)).toEqual(tasks);
});

it('as many jobs can be selected as one request takes', async () => {
  const hold = async (count: number): Promise<number> => {
    const { outcome } = await post<ResultOf<typeof holdJobsMutation>>(print(holdJobsMutation), {
      ids: Array.from({ length: count }, (_, index) => btoa(`Job:${index}`)),
    });
    return outcome.results.length;
  };
  expect(await hold(MOST_SELECTED)).toBe(MOST_SELECTED);
  // It is refused as a whole.
  expect(await hold(MOST_SELECTED + 1)).toBe(1);
});

/** Gives the ids that both list. */
async function compareWithServer(parameters: JobsParameters): Promise<readonly string[]> {
  const filter = readFilter(parameters);
  const listed: string[] = [];
  for (const section of sectionsOf(filter.group) as readonly SectionName[]) {
    const theirs = (await ask(toVariables(filter, section))).map(({ id }) => id);
    const ours = everyJob
      .filter((job) => includesJob(filter, section, job))
      .toSorted((left, right) => compareJobs(filter, left, right))
      .map(({ id }) => id);
    expect(ours).toEqual(theirs);
    listed.push(...theirs);
  }
  return listed;
}
