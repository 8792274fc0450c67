import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type JobData, Workbench } from './support/jobs.ts';

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly path: readonly string[];
}

let bench: Workbench;

beforeAll(async () => {
  // The default partition of both is gpu: one allows it, the other doesn't.
  const allowed = ['gpu', 'debug'];
  const yaml = inject('clustersYaml').replace(
    /^( +)(gpu_cache_seconds:)/gm,
    (_match, indent: string, key: string) => `${indent}allowed_partitions: [${allowed.shift()}]\n${indent}${key}`,
  );
  bench = await Workbench.open(yaml);
});

afterAll(() => bench?.[Symbol.asyncDispose]());

async function submit(input: Readonly<Record<string, unknown>>) {
  const { submitJob } = await bench.server.query<{
    submitJob: { job: JobData | null; userErrors: readonly Refusal[] };
  }>(
    `mutation ($input: SubmitJobInput!) {
      submitJob(input: $input) { job { id name partition } userErrors { code message path } }
    }`,
    { input: { cluster: 'alpha', command: 'true', ...input } },
  );
  return submitJob;
}

async function refused(input: Readonly<Record<string, unknown>>): Promise<Refusal> {
  const { job, userErrors } = await submit(input);
  expect(job).toBeNull();
  expect(userErrors).toHaveLength(1);
  return userErrors[0] as Refusal;
}

async function jobCount(): Promise<number> {
  return (await bench.server.query<{ jobs: { totalCount: number } }>('{ jobs { totalCount } }')).jobs.totalCount;
}

describe('a job without a partition, where only some are allowed,', () => {
  it("gets the cluster's default when that is one of them, each component too", async () => {
    const { projectId } = bench;
    const { job } = await submit({ projectId });
    expect(job).toMatchObject({ partition: 'gpu' });
    const composed = await submit({ projectId, components: [{ tasks: 1 }, { tasks: 1 }] });
    expect(composed.userErrors).toEqual([]);
    const { job: shown } = await bench.server.query<{ job: { components: { partition: string }[] } }>(
      'query ($id: ID!) { job(id: $id) { components { partition } } }',
      { id: composed.job?.id },
    );
    expect(shown.components.map(({ partition }) => partition)).toEqual(['gpu', 'gpu', 'gpu']);
  });

  it('is refused when it is none of them, with the allowed ones, and nothing is recorded', async () => {
    const { projectId } = bench;
    const before = await jobCount();
    expect(await refused({ projectId, cluster: 'beta' })).toEqual({
      code: 'PARTITION_NOT_ALLOWED',
      path: ['input', 'partition'],
      message:
        "No partition was named, and beta has the default partition gpu, which isn't allowed: choose one of debug",
    });
    const components = [{ partition: 'debug' }, {}];
    expect(await refused({ projectId, cluster: 'beta', partition: 'debug', components })).toMatchObject({
      code: 'PARTITION_NOT_ALLOWED',
      path: ['input', 'components', '1', 'partition'],
    });
    expect(await jobCount()).toBe(before);
  });
});

describe('an idempotency key', () => {
  const full = {
    name: 'keyed',
    command: 'echo "$TOKEN" >/dev/null',
    array: '0-1',
    gpus: 1,
    environment: [
      { name: 'TOKEN', value: 'one secret' },
      { name: 'SEED', value: '7' },
    ],
    extraOptions: ['--comment=x'],
    idempotencyKey: 'keyed',
    waitSeconds: 5,
  };

  it('gives the same job for the same inputs, in whatever order variables come and however long is waited', async () => {
    const input = { ...full, projectId: bench.projectId };
    const first = await submit(input);
    const again = await submit({ ...input, waitSeconds: 0, environment: input.environment.toReversed() });
    expect(again.userErrors).toEqual([]);
    expect(again.job?.id).toBe(first.job?.id);
  });

  it.each([
    ['command', { command: 'echo other' }],
    ['array', { array: '0-2' }],
    ['gpus', { gpus: 2 }],
    ['environment', { environment: [{ name: 'TOKEN', value: 'another secret' }] }],
    ['extraOptions', { extraOptions: [] }],
    ['components', { array: null, components: [{ gpus: 1 }] }],
    ['cluster', { cluster: 'beta' }],
  ])('is refused with another %s, by name and without a value', async (field, other) => {
    const before = await jobCount();
    const refusal = await refused({ ...full, projectId: bench.projectId, ...other });
    expect(refusal).toMatchObject({ code: 'INVALID_INPUT', path: ['input', 'idempotencyKey'] });
    expect(refusal.message).toContain('"keyed" was used for keyed, with other inputs: ');
    expect(refusal.message).toContain(field);
    expect(refusal.message).not.toMatch(/secret/);
    expect(await jobCount()).toBe(before);
  });

  it('is refused for one of two that come at once with different commands', async () => {
    const before = await jobCount();
    const input = { projectId: bench.projectId, idempotencyKey: 'race' };
    const both = await Promise.all(['echo one', 'echo two'].map((command) => submit({ ...input, command })));
    expect(both.filter(({ job }) => job !== null)).toHaveLength(1);
    expect(both.flatMap(({ userErrors }) => userErrors)).toMatchObject([
      { code: 'INVALID_INPUT', path: ['input', 'idempotencyKey'], message: expect.stringContaining('command') },
    ]);
    expect(await jobCount()).toBe(before + 1);
  });

  it('of submitJob is none of resubmitJob', async () => {
    const { job } = await submit({ ...full, projectId: bench.projectId });
    const { resubmitJob } = await bench.server.query<{ resubmitJob: { job: null; userErrors: Refusal[] } }>(
      'mutation ($input: ResubmitJobInput!) { resubmitJob(input: $input) { job { id } userErrors { code message path } } }',
      { input: { id: job?.id, idempotencyKey: 'keyed' } },
    );
    expect(resubmitJob).toMatchObject({
      job: null,
      userErrors: [{ code: 'INVALID_INPUT', message: expect.stringContaining('another mutation') }],
    });
  });
});

describe('a project', () => {
  it('can be named', async () => {
    expect((await submit({ project: 'hello' })).userErrors).toEqual([]);
  });

  it('that nobody knows, two ways of naming one, and none at all are refused', async () => {
    expect(await refused({ project: 'hullo' })).toEqual({
      code: 'NOT_FOUND',
      path: ['input', 'project'],
      message: 'There is no project named "hullo"',
    });
    expect(await refused({ project: 'hello', projectId: bench.projectId })).toMatchObject({
      code: 'INVALID_INPUT',
      path: ['input', 'project'],
    });
    expect(await refused({})).toMatchObject({ code: 'INVALID_INPUT', path: ['input', 'projectId'] });
  });
});
