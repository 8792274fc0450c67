import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import type { ClusterFacts, Submission } from '../domain/submission.ts';
import { aJob, aProject, NO_RESOURCES, NO_SUBMISSION } from '../domain/testing.ts';
import { Stage, type ToldError, TRANSPORTS } from './testing.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage[Symbol.asyncDispose]());

const globalId = ({ id }: Pick<Job, 'id'>) => encodeGlobalID('Job', id);
const CLUSTER: ClusterFacts = {
  slurmVersion: '24.11.5',
  gpuRequest: 'gres',
  condaEnv: 'base',
  prologue: 'module load x',
};
const SECRET = 'hunter2-the-secret';

async function send(query: string, variables: Readonly<Record<string, unknown>>) {
  const answer = await TRANSPORTS['over HTTP']?.(stage.address, { query, variables });
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

async function record(job: Job, submission: Partial<Submission>, facts: ClusterFacts | null = CLUSTER): Promise<Job> {
  await stage.journal.write(SYSTEM, async (writer) => {
    await writer.create([{ job, idempotencyKey: null, submission: { ...NO_SUBMISSION, ...submission } }]);
    await writer.setScript(job.id, `#!/bin/bash\n# ${job.id}\n`, facts);
  });
  return job;
}

interface RunRecord {
  readonly version: number;
  readonly job: object;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly script: string | null;
  readonly run: object;
}
async function recordOf(job: Job): Promise<RunRecord | null> {
  const { data } = await send('query ($id: ID!) { job(id: $id) { record } }', { id: globalId(job) });
  return (data as { job: { record: RunRecord | null } }).job.record;
}

describe('the record of a run', () => {
  it('has all that it was run with, and no value of a variable', async () => {
    const project = aProject({ name: 'vision' });
    await stage.store.projects.save(project);
    const earlier = await record(aJob(), {});
    const job = await record(
      aJob({
        name: 'train',
        projectId: project.id,
        gitCommit: 'a'.repeat(40),
        tags: ['baseline'],
        basedOnId: earlier.id,
        resources: { ...NO_RESOURCES, gpus: 2, gpuType: 'a100' },
        state: 'FAILED',
        exitCode: 3,
        nodeList: 'gpu01',
      }),
      {
        environment: [{ name: 'WANDB_API_KEY', value: SECRET }],
        extraOptions: ['--constraint=ib'],
        dependsOn: [{ jobId: earlier.id, kind: 'AFTER_OK' }],
        condaEnv: 'torch',
        gitRef: 'main',
        partition: 'gpu',
      },
    );
    const told = await recordOf(job);
    expect(told).toMatchObject({
      version: 1,
      job: { id: globalId(job), name: 'train', tags: ['baseline'], basedOn: globalId(earlier) },
      settings: {
        project: 'vision',
        gitCommit: 'a'.repeat(40),
        gitRef: 'main',
        command: 'python train.py',
        condaEnv: 'torch',
        environmentNames: ['WANDB_API_KEY'],
        partition: 'gpu',
        resources: { gpus: 2, gpuType: 'a100', nodes: null },
        extraOptions: ['--constraint=ib'],
        dependsOn: [{ job: globalId(earlier), kind: 'AFTER_OK' }],
        cluster: { name: 'alpha', slurmVersion: '24.11.5', prologue: 'module load x', gpuRequest: 'gres' },
      },
      script: `#!/bin/bash\n# ${job.id}\n`,
      run: { state: 'FAILED', exitCode: 3, nodeList: 'gpu01' },
    });
    expect(JSON.stringify(told)).not.toContain(SECRET);
  });

  it('names the default of the cluster where nobody named an environment', async () => {
    expect((await recordOf(await record(aJob(), {})))?.settings).toMatchObject({ condaEnv: 'base' });
  });

  it('of a task is that of its array, and says which task it is', async () => {
    const array = await record(aJob({ resources: { ...NO_RESOURCES, array: '0-3' } }), { condaEnv: 'torch' });
    const task = aJob({ arrayParentId: array.id, arrayTaskId: 2 });
    await stage.create([task]);
    expect((await recordOf(task))?.settings).toMatchObject({ condaEnv: 'torch', arrayTaskId: 2 });
  });

  it('leaves open what is not known, as of jobs of earlier versions', async () => {
    const job = await record(aJob(), {}, null);
    expect((await recordOf(job))?.settings).toMatchObject({
      condaEnv: null,
      cluster: { name: 'alpha', slurmVersion: null, prologue: null, gpuRequest: null },
    });
    const unknown = aJob();
    await stage.create([unknown]);
    expect(await recordOf(unknown)).toBeNull();
  });
});

describe('a comparison', () => {
  interface Comparison {
    readonly jobs: readonly { readonly name: string }[];
    readonly differences: readonly { readonly field: string; readonly values: readonly (string | null)[] }[];
  }
  async function compare(ids: readonly string[]): Promise<Comparison | readonly ToldError[]> {
    const query = 'query ($ids: [ID!]!) { compareJobs(ids: $ids) { jobs { name } differences { field values } } }';
    const { data, errors } = await send(query, { ids });
    return errors ?? (data as { compareJobs: Comparison }).compareJobs;
  }

  it('tells the fields in which jobs differ, and not what only names them', async () => {
    const one = await record(aJob({ name: 'one', resources: { ...NO_RESOURCES, gpus: 2 } }), {
      extraOptions: ['--constraint=ib'],
      environment: [{ name: 'SEED', value: '1' }],
    });
    const two = await record(
      aJob({ name: 'two', command: 'python train.py --lr 0.1', gitCommit: 'b'.repeat(40), submittedAt: new Date() }),
      { environment: [{ name: 'SEED', value: '2' }] },
      { ...CLUSTER, slurmVersion: '26.05.0' },
    );
    expect(await compare([globalId(one), globalId(two)])).toEqual({
      jobs: [{ name: 'one' }, { name: 'two' }],
      differences: [
        { field: 'gitCommit', values: [null, 'b'.repeat(40)] },
        { field: 'command', values: ['python train.py', 'python train.py --lr 0.1'] },
        { field: 'resources.gpus', values: ['2', null] },
        { field: 'extraOptions', values: ['["--constraint=ib"]', '[]'] },
        { field: 'cluster.slurmVersion', values: ['24.11.5', '26.05.0'] },
      ],
    });
  });

  it('of jobs that were run alike tells nothing', async () => {
    const jobs = [await record(aJob({ name: 'one' }), {}), await record(aJob({ name: 'two' }), {})];
    expect(await compare(jobs.map(globalId))).toMatchObject({ differences: [] });
  });

  it.each<[string, (ids: readonly string[]) => readonly string[], string, RegExp]>([
    ['one job', (ids) => ids.slice(0, 1), 'BAD_USER_INPUT', /ids has 1 entries.*name 2 to 20 jobs/],
    ['none', () => [], 'BAD_USER_INPUT', /ids has 0 entries/],
    ['the same twice', ([id = '']) => [id, id], 'BAD_USER_INPUT', /1 of them different/],
    ['more than 20', () => Array.from({ length: 21 }, (_, at) => btoa(`Job:${at}`)), 'BAD_USER_INPUT', /21 entries/],
    ['one that is not there', ([id = '']) => [id, btoa('Job:none')], 'NOT_FOUND', /ids\.1: Job not found/],
    ['what is no id', ([id = '']) => ['x', id], 'NOT_FOUND', /ids\.0: Job not found/],
  ])('is refused of %s', async (_what, choose, code, message) => {
    const jobs = [await record(aJob(), {}), await record(aJob(), {})];
    const errors = await compare(choose(jobs.map(globalId)));
    expect(errors).toMatchObject([{ message: expect.stringMatching(message), extensions: { code } }]);
  });
});

it('jobs that are based on one are listed in pages, the oldest first', async () => {
  const first = aJob();
  const derived = Array.from({ length: 5 }, () => aJob({ basedOnId: first.id }));
  await stage.create([first, ...derived, aJob(), aJob({ basedOnId: derived[0]?.id ?? null })]);
  const found: string[] = [];
  for (let after: string | null = null; ; ) {
    const query = `query ($id: ID!, $after: String) {
      job(id: $id) { derivedJobs(first: 2, after: $after) { totalCount nodes { id } pageInfo { hasNextPage endCursor } } }
    }`;
    const { data } = await send(query, { id: globalId(first), after });
    const { derivedJobs } = (
      data as {
        job: {
          derivedJobs: {
            totalCount: number;
            nodes: { id: string }[];
            pageInfo: { hasNextPage: boolean; endCursor: string };
          };
        };
      }
    ).job;
    expect(derivedJobs.totalCount).toBe(5);
    found.push(...derivedJobs.nodes.map(({ id }) => id));
    if (!derivedJobs.pageInfo.hasNextPage) break;
    after = derivedJobs.pageInfo.endCursor;
  }
  expect(found).toEqual(derived.map(globalId));
});
