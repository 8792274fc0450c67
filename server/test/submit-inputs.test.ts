import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
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

  it('from before inputs were kept gives its job whatever is sent with it', async () => {
    const input = { projectId: bench.projectId, idempotencyKey: 'old', command: 'echo old' };
    const { job } = await submit(input);
    await bench.server.stop();
    const database = new SqliteDatabase(join(bench.server.directory, 'data', 'slurmql.db'));
    expect(
      database.prepare('select count(*) from job_submissions where request_digest is not null').pluck().get(),
    ).not.toBe(0);
    database.prepare('update job_submissions set request_digest = null').run();
    database.close();
    await bench.restart();
    await bench.online();
    const again = await submit({ ...input, command: 'echo new' });
    expect(again.userErrors).toEqual([]);
    expect(again.job?.id).toBe(job?.id);
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

describe('what is given', () => {
  it('arrives in bytes: values of variables, and the command', async () => {
    const controls = Array.from({ length: 31 }, (_, index) => String.fromCharCode(index + 1)).join('');
    const values = {
      CONTROLS: `${controls}\x7f`,
      QUOTES: `'"\`\\$(reboot) \${HOME} !x ~ * '\\''`,
      LINES: '\n\nfirst\r\n\tlast\n\n',
      UNICODE: 'é\u0301 𝔘𝔫𝔦 \u202e \ufeff\u{10ffff}',
      EMPTY: '',
      LONG: 'x'.repeat(60_000),
      BASH_ENV: '',
      CUDA_VISIBLE_DEVICES: '7',
      LC_ALL: 'C',
    };
    const text = `${controls.replaceAll(/[\n\r']/g, '')}\x7f"\\ é𝔘`;
    const command = `for name in ${Object.keys(values).join(' ')}; do printf %s "\${!name}" | base64 -w0; echo; done
printf %s '${text}' | base64 -w0
printenv QUOTES | head -c 3 >&2`;
    const environment = Object.entries(values).map(([name, value]) => ({ name, value }));
    const { job, userErrors } = await submit({ project: 'hello', command, environment });
    expect(userErrors).toEqual([]);
    const lines = (await bench.wholeLog(job?.id ?? '')).split('\n');
    const read = lines.map((line) => Buffer.from(line, 'base64').toString());
    expect(read).toEqual([...Object.values(values), text]);
    expect(await bench.wholeLog(job?.id ?? '', 'STDERR')).toBe(`'"\``);
  });

  const variable = (name: string, value = 'x') => ({ environment: [{ name, value }] });

  it.each<[string, Readonly<Record<string, unknown>>, string, string]>([
    ['a variable that is read-only in bash', variable('BASHOPTS'), 'environment', 'BASHOPTS'],
    ['the user id', variable('UID'), 'environment', 'read-only'],
    ['a variable that bash sets', variable('RANDOM'), 'environment', 'bash sets it itself'],
    ['the separators of fields', variable('IFS'), 'environment', 'IFS'],
    ["a variable of Slurm's", variable('SLURM_JOB_ID'), 'environment', 'is reserved for Slurm'],
    ['a variable of ours', variable('slurmql_directory'), 'environment', 'is reserved for SlurmQL'],
    ['a name with a "="', variable('A=B'), 'environment', 'not a valid variable name'],
    ['an empty name', variable(''), 'environment', 'not a valid variable name'],
    ['a NUL in a value', variable('A', 'a\0secret'), 'environment', 'NUL'],
    ['half a character in a value', variable('A', 'secret\ud800'), 'environment', 'half a character'],
    ['a value too long', variable('A', 'é'.repeat(40_000)), 'environment', '80001 bytes'],
    [
      'a variable given twice',
      { environment: [...variable('A').environment, ...variable('A', 'secret').environment] },
      'environment',
      'twice',
    ],
    ['half a character in a command', { command: 'echo \udc00' }, 'command', 'half a character'],
    ['a NUL in a command', { command: 'echo \0' }, 'command', 'NUL'],
    ['DOS line ends', { command: 'true\r\ntrue' }, 'command', 'carriage return'],
    ['half a character in a name', { name: 'a\ud800' }, 'name', 'half a character'],
    ['half a character in an account', { account: 'a\ud800' }, 'account', 'half a character'],
    ['half a character in an option', { extraOptions: ['--comment=\ud800'] }, 'extraOptions', 'half a character'],
    ['options too long', { extraOptions: [`--comment=${'x'.repeat(9000)}`] }, 'extraOptions', '9010 bytes'],
    ['an array beyond the limit of the cluster', { array: '0,5000000' }, 'array', 'MaxArraySize'],
    ['more CPUs per task than Slurm counts', { cpusPerTask: 65_534 }, 'cpusPerTask', '65533'],
    ['no task', { tasks: 0 }, 'tasks', 'from 1'],
    ['a time limit of a century', { timeLimitMinutes: 52_560_000 }, 'timeLimitMinutes', 'from 1'],
    ['an option of PBS', { command: '#PBS -l walltime=1:00:00\ntrue' }, 'command', 'line 1 #PBS'],
  ])('is refused where it can not arrive so: %s', async (_what, input, field, words) => {
    const before = await jobCount();
    const refusal = await refused({ project: 'hello', ...input });
    expect(refusal).toMatchObject({ code: 'INVALID_INPUT', path: ['input', field] });
    expect(refusal.message).toContain(words);
    expect(refusal.message).not.toContain('secret');
    expect(await jobCount()).toBe(before);
  });

  it('is no dependency on a job that Slurm never took', async () => {
    const { submitJob } = await bench.server.query<{ submitJob: { userErrors: readonly Refusal[] } }>(
      'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { userErrors { code message path } } }',
      { input: { project: 'hello', cluster: 'alpha', command: 'true', gpus: 999 } },
    );
    expect(submitJob.userErrors).toMatchObject([{ code: 'SLURM_REJECTED' }]);
    const { jobs } = await bench.server.query<{ jobs: { nodes: readonly { id: string }[] } }>(
      '{ jobs(filter: { states: [SUBMIT_FAILED] }) { nodes { id } } }',
    );
    const dependsOn = [{ jobId: jobs.nodes[0]?.id }];
    expect(await refused({ project: 'hello', dependsOn })).toMatchObject({
      code: 'WRONG_STATE',
      path: ['input', 'dependsOn'],
    });
  });
});
