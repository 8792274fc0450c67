import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { isSince, startSlurm } from './support/slurm.ts';

interface Answer {
  readonly job: JobData | null;
  readonly userErrors: readonly { readonly code: string; readonly message: string; readonly path: readonly string[] }[];
}
type Input = Readonly<Record<string, unknown>>;

let slurm: LocalSlurm;
let bench: Workbench;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startSlurm({
    clusters: [
      {
        name: 'alpha',
        nodes: [
          { name: 'a1', gpus: { type: 'a100', count: 2 }, shards: 4, features: ['a100', 'ib'] },
          { name: 'a2', gpus: { type: 'a100', count: 2 }, features: ['a100'] },
          { name: 'h1', gpus: { type: 'h100', count: 2 }, shards: 4, features: ['h100', 'ib', 'fast'] },
          { name: 'c1', features: ['cpu'] },
          {
            name: 'm1',
            gpus: [
              { type: 'a100', count: 1 },
              { type: 'h100', count: 1 },
            ],
          },
        ],
        partitions: [
          { name: 'all', nodes: ['a1', 'a2', 'h1', 'c1'] },
          { name: 'old', nodes: ['a1', 'a2', 'c1'] },
          { name: 'new', nodes: ['h1'] },
          { name: 'mix', nodes: ['m1', 'c1'] },
        ],
        slurmConf: ['AllowSpecResourcesUsage=YES'],
      },
    ],
  });
  stack.defer(() => slurm.stop());
  await slurm.run('alpha', 'scontrol', [
    ...['create', 'reservation', 'ReservationName=kept', 'StartTime=now', 'Duration=1:00:00'],
    ...['PartitionName=new', 'Nodes=h1', `Users=${slurm.cluster('alpha').user}`, 'Flags=MAINT'],
  ]);
  // One cluster under three names: with GPUs asked for by --gres, with types as constraints, with few partitions allowed.
  const lines = slurm.clustersYaml({ poll_interval_seconds: 1 }).split(/^ {2}alpha:\n/m);
  const [head = '', rest = ''] = lines;
  const entries = {
    gres: 'allowed_gpu_types: [a100]',
    constraint: 'allowed_gpu_types: [a100]\n    gpu_request: constraint',
    few: 'allowed_partitions: [all, old]',
  };
  const yaml = Object.entries(entries).map(([name, keys]) => `  ${name}:\n    ${keys}\n${rest}`);
  bench = stack.use(await Workbench.open(head + yaml.join('')));
});

afterAll(() => stack.disposeAsync());

async function submit(input: Input): Promise<Answer> {
  const { submitJob } = await bench.server.query<{ submitJob: Answer }>(
    `mutation ($input: SubmitJobInput!) {
      submitJob(input: $input) { job { id slurmJobId } userErrors { code message path } }
    }`,
    { input: { projectId: bench.projectId, cluster: 'gres', command: 'true', ...input } },
  );
  return submitJob;
}

/** What is refused, each with its field and what it is called. */
async function refused(input: Input, code = 'GPU_TYPE_NOT_ALLOWED') {
  const { job, userErrors } = await submit(input);
  expect(job).toBeNull();
  expect(userErrors.map((one) => one.code)).toEqual(userErrors.map(() => code));
  return userErrors.map(({ path, message }) => [path.slice(1).join('.'), message]);
}

const script = (...lines: readonly string[]) => ({
  command: ['#!/bin/bash', ...lines.map((line) => `#SBATCH ${line}`), 'true'].join('\n'),
});
const options = (...extraOptions: readonly string[]) => ({ extraOptions });

describe('where one GPU type is allowed, another is refused', () => {
  it.each([
    ['in its field', { gpus: 1, gpuType: 'h100' }, 'gpuType'],
    ['in all', { gpusTotal: 1, gpuType: 'h100' }, 'gpuType'],
    ['per task', { tasks: 1, gpusPerTask: 1, gpuType: 'h100' }, 'gpuType'],
    ['in parts', options('--gres=shard:h100:1'), 'extraOptions'],
    ['in parts, whose number Slurm adds', options('--gres=shard:h100'), 'extraOptions'],
    ['in parts for each task', options('--tres-per-task=cpu:1,gres/shard:h100:1'), 'extraOptions'],
    ['in parts for each task, as older releases write it', options('--tres-per-task=gres:mps:h100=1'), 'extraOptions'],
    ['by a name of digits', options('--gres=shard:3090:1'), 'extraOptions'],
    ['in a component', { components: [{ gpus: 1, gpuType: 'h100' }] }, 'components.0.gpuType'],
    ['in parts in a component', { components: [options('--gres=shard:h100:1')] }, 'components.0.extraOptions'],
    ['in a pasted script', script('--gpus h100:1'), 'gpuType'],
    ['in a pasted script, abbreviated', script('--gpus-per-n=h100:1'), 'gpuType'],
  ])('by its name, %s', async (_where, input, field) => {
    const message = expect.stringMatching(/^GPU type "(h100|3090)" isn't allowed on gres: choose one of a100$/);
    expect(await refused(input)).toEqual([[field, message]]);
  });

  it.each([
    ['gpus', { gpus: 1, partition: 'all' }, 'gpuType'],
    ['gpus', { gpus: 1 }, 'gpuType'],
    ['gpus', { gpus: 1, partition: 'new,old' }, 'gpuType'],
    ['gpus', { gpus: 1, partition: 'mix' }, 'gpuType'],
    ['gpusTotal', { gpusTotal: 1 }, 'gpuType'],
    ['gpusPerTask', { tasks: 1, gpusPerTask: 1 }, 'gpuType'],
    ['gpus', { components: [{ gpus: 1 }] }, 'components.0.gpuType'],
    ['gpus', script('--gres=gpu'), 'gpuType'],
    ['gpusTotal', script('-G1'), 'gpuType'],
    ['gpus', { gpus: 1, ...options('--nodelist=a1') }, 'gpuType'],
    ['gpus', { gpus: 1, ...options('--constraint=ib') }, 'gpuType'],
    ['gpus', { gpus: 1, ...options('--constraint=[a100*1&ib*1]') }, 'gpuType'],
    ['gpus', { gpus: 1, ...options('--prefer=ib') }, 'gpuType'],
    ['gpus', { gpus: 1, ...options('--reservation=kept') }, 'gpuType'],
    ['--gres', options('--gres=shard:1'), 'extraOptions'],
    ['--tres-per-task', options('--tres-per-task=gres/shard:1'), 'extraOptions'],
    ['--ntasks-per-gpu', { tasks: 2, ...options('--ntasks-per-gpu=2') }, 'extraOptions'],
    ['--ntasks-per-tres', { tasks: 2, ...options('--ntasks-per-tres=2') }, 'extraOptions'],
    ['--exclusive', options('--exclusive'), 'extraOptions'],
    ['--exclusive', options('--exclusive=allocation'), 'extraOptions'],
    ['--exclusive', { gpusTotal: 1, gpuType: 'a100', ...options('--exclusive') }, 'extraOptions'],
    ['--exclusive', { gpus: 1, gpuType: 'a100', partition: 'mix', ...options('--exclusive') }, 'extraOptions'],
    ['--core-spec', options('--core-spec=1'), 'extraOptions'],
    ['--thread-spec', script('--thread-spec=1'), 'extraOptions'],
  ])('that %s may bring: %j', async (asker, input, field) => {
    const [[at, message] = [], ...others] = await refused(input);
    expect(at).toBe(field);
    expect(message).toMatch(
      new RegExp(`^${asker} could allocate GPUs that aren't allowed on gres \\(h100, of [hm]1\\): `),
    );
    expect(others).toEqual([]);
  });

  it.each([
    ['--constraint', 'h100', options('--constraint=h100')],
    ['--constraint', 'fast', options('--constraint=fast&ib')],
    ['--constraint', 'h100', options('--constraint=a100|h100')],
    ['--constraint', 'h100', options('--constraint=[a100*1&h100*1]')],
    ['--constraint', 'h100', script('-C "(h100)"')],
    ['--constraint', 'h100', { ...options('--constraint=h100'), gpus: 1, gpuType: 'a100' }],
    ['--constraint', 'h100', { components: [options('--constraint=h100')] }],
    ['--prefer', 'h100', options('--prefer=h100')],
    ['--batch', 'fast', options('--constraint=ib', '--batch=fast')],
  ])('by a feature, in %s %s: %j', async (option, feature, input) => {
    const [[at, message] = [], ...others] = await refused(input);
    expect(at).toMatch(/extraOptions$/);
    expect(message).toBe(
      `${option} names ${feature}, a feature that only nodes have whose GPUs aren't allowed on gres (h100, of h1): name other features`,
    );
    expect(others).toEqual([]);
  });

  it.each([
    ["--nodelist names a node whose GPUs aren't allowed on gres (h100, of h1)", options('--nodelist=h1')],
    ["--nodelist names a node whose GPUs aren't allowed on gres (h100, of h1)", options('--nodelist=a1,h[1]')],
    ["--nodelist names a node whose GPUs aren't allowed on gres (h100, of h1)", script('-w h1')],
    [
      "--nodelist names a node whose GPUs aren't allowed on gres (h100, of h1)",
      { components: [options('--nodelist=h1')] },
    ],
    ['--nodelist names "nodes", which is not a known node', options('--nodelist=nodes')],
    ['--nodelist names "a[1-99999]", which is not a known node', options('--nodelist=a[1-99999]')],
  ])('by a node: %s: %j', async (start, input) => {
    const [[at, message] = [], ...others] = await refused(input);
    expect(at).toMatch(/extraOptions$/);
    expect(message?.slice(0, start.length)).toBe(start);
    expect(others).toEqual([]);
  });

  it.each([
    ['--nodelist with a "/"', options('--nodelist=./nodes')],
    ['--nodefile', options('--nodefile=nodes')],
    ['--nodefile', script('-F nodes')],
  ])('by a file of nodes: %s: %j', async (option, input) => {
    const [[at, message] = [], ...others] = await refused(input, 'INVALID_INPUT');
    expect(at).toBe('extraOptions');
    expect(message).toContain(`${option} names a file on the login node, which is not read`);
    expect(others).toEqual([]);
  });

  it.each(['h[1', 'h[1-100001]'])('by a list of nodes that is none, %s', async (list) => {
    const [[at, message] = [], ...others] = await refused(options(`--nodelist=${list}`), 'INVALID_INPUT');
    expect(at).toBe('extraOptions');
    expect(message).toContain('--nodelist is no list of at most 100,000 nodes');
    expect(others).toEqual([]);
  });

  it.each(['SBATCH_GRES', 'SBATCH_GPUS', 'SBATCH_CONSTRAINT', 'SBATCH_PARTITION', 'SBATCH_EXCLUSIVE', 'SLURM_HINT'])(
    'by a variable of sbatch, %s',
    async (name) => {
      const [[at, message] = []] = await refused({ environment: [{ name, value: 'h100' }] }, 'INVALID_INPUT');
      expect(at).toBe('environment');
      expect(message).toContain(`${name} is reserved for Slurm`);
    },
  );

  it('also where types are constraints', async () => {
    const typed = { cluster: 'constraint', gpus: 1, gpuType: 'a100' };
    for (const [input, at] of [
      [{ ...typed, gpuType: 'h100' }, 'gpuType'],
      [{ ...typed, gpuType: null }, 'gpuType'],
      [{ ...typed, gpuType: null, ...options('--constraint=h100') }, 'extraOptions'],
      [{ ...typed, ...options('--nodelist=h1') }, 'extraOptions'],
    ] as const) {
      expect((await refused(input)).map(([field]) => field)).toContain(at);
    }
  });
});

it.each([
  ['extraOptions', { cluster: 'constraint', gpus: 1, gpuType: 'a100', ...options('--prefer=ib') }],
  ['extraOptions', { cluster: 'constraint', ...script('--gres=gpu:a100:1', '--prefer ib') }],
  ['extraOptions', { ...script('-C a100', '--prefer=ib'), gpus: 1 }],
  ['components.0.extraOptions', { components: [{ ...options('--constraint=a100', '--prefer=ib'), gpus: 1 }] }],
])('what is preferred may not take the place of what is needed: %s of %j', async (field, input) => {
  const { job, userErrors } = await submit(input);
  expect(job).toBeNull();
  const faults = userErrors.map(({ code, path, message }) => [code, path.slice(1).join('.'), message]);
  expect(faults).toContainEqual([
    'INVALID_INPUT',
    field,
    expect.stringMatching(/^--prefer=ib takes the place of .*a100/),
  ]);
});

it('what is taken is given GPUs of the allowed type alone', async () => {
  const typed = { gpus: 1, gpuType: 'a100' };
  const inputs: readonly Input[] = [
    typed,
    { gpusTotal: 2, gpuType: 'a100' },
    { tasks: 2, gpusPerTask: 1, gpuType: 'a100' },
    { gpus: 1, partition: 'old' },
    { gpus: 1, ...options('--constraint=a100') },
    { gpus: 1, ...options('--constraint=a100&ib') },
    { gpus: 1, ...options('--constraint=a100|cpu') },
    { gpus: 1, ...options('--exclude=h1') },
    { ...typed, partition: 'mix' },
    { ...typed, ...options('--exclusive') },
    { ...typed, ...options('--nodelist=a[1-2]') },
    { partition: 'old', ...options('--exclusive') },
    { tasks: 2, partition: 'old', ...options('--ntasks-per-gpu=1') },
    options('--exclusive=user'),
    options('--exclusive', '--constraint=cpu'),
    options('--constraint=ib'),
    options('--nodelist=c1'),
    {},
    { ...typed, components: [{ gpus: 1, partition: 'old' }, {}] },
    { cluster: 'constraint', ...typed },
    { cluster: 'constraint', ...typed, ...options('--constraint=ib') },
    { cluster: 'constraint', gpus: 1, ...options('--constraint=ib&a100') },
    // 20.11 knows neither.
    ...(isSince('22.05') ? [{ ...typed, ...options('--prefer=ib') }, options('--gres=none')] : []),
  ];
  const answers = await Promise.all(
    inputs.map((input) =>
      submit({ ...input, command: 'srun --overlap true; scontrol --details show job "$SLURM_JOB_ID"' }),
    ),
  );
  expect(answers.map(({ userErrors }, index) => [inputs[index], userErrors])).toEqual(inputs.map((one) => [one, []]));
  const logs = await Promise.all(answers.map(({ job }) => bench.wholeLog(job?.id ?? '')));
  for (const [index, log] of logs.entries()) {
    expect(log, JSON.stringify(inputs[index])).toMatch(/JobState=RUNNING/);
    expect(log, JSON.stringify(inputs[index])).not.toMatch(/Nodes=\S+ .*GRES=\S*h100/);
  }
});

describe('where some partitions are allowed', () => {
  const few = { cluster: 'few' };
  it.each([
    [{ partition: 'new' }, 'partition'],
    [{ partition: 'old,new' }, 'partition'],
    [{ components: [{ partition: 'new' }] }, 'components.0.partition'],
    [script('-p new'), 'partition'],
    [script('--part=new'), 'partition'],
    [{ partition: 'old,' }, 'partition'],
    [{ partition: 'OLD' }, 'partition'],
  ])('no other is named: %j', async (input, field) => {
    expect((await refused({ ...few, ...input }, 'PARTITION_NOT_ALLOWED')).map(([at]) => at)).toEqual([field]);
  });

  it.each(['--partition=new', '--partit=new', '-pnew', '--clusters=alpha', '--cluster=alpha'])(
    'nor by the option %s',
    async (option) => {
      expect((await refused({ ...few, ...options(option) }, 'INVALID_INPUT')).map(([at]) => at)).toEqual([
        'extraOptions',
      ]);
    },
  );

  it.each([
    ['a reservation in another', options('--reservation=kept')],
    ['a node of another', options('--nodelist=m1')],
  ])('%s brings none', async (_what, input) => {
    const { job, userErrors } = await submit({ ...few, ...input });
    if (job === null) {
      expect(userErrors.map(({ code }) => code)).toEqual(['SLURM_REJECTED']);
      return;
    }
    const shown = await slurm.run('alpha', 'scontrol', ['show', 'job', job.slurmJobId ?? '']);
    expect(shown).toMatch(/Partition=all /);
    await slurm.run('alpha', 'scancel', [job.slurmJobId ?? '']);
  });
});

it('a job that was taken under other limits is not submitted again under those of now', async () => {
  const before = { cluster: 'few', partition: 'all', gpus: 1, ...options('--hold') };
  const jobs = await Promise.all([
    submit({ ...before, gpuType: 'h100' }),
    submit(before),
    submit({ ...before, gpus: 0, ...options('--hold', '--exclusive') }),
    submit({ ...before, gpus: 0, ...options('--hold', '--constraint=h100') }),
    submit({ ...before, gpus: 0, partition: 'old', ...options('--hold') }),
  ]);
  expect(jobs.flatMap(({ userErrors }) => userErrors)).toEqual([]);
  const path = join(bench.server.directory, 'clusters.yaml');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace('[all, old]', '[all]\n    allowed_gpu_types: [a100]'));
  await until(
    () => bench.server.query<{ partitions: readonly { name: string }[] }>('{ partitions(cluster: "few") { name } }'),
    ({ partitions }) => partitions.length === 1,
  );
  const again = await Promise.all(
    jobs.map(({ job }) =>
      bench.server.query<{ resubmitJob: Answer }>(
        'mutation ($id: ID!) { resubmitJob(input: { id: $id }) { job { id } userErrors { code message path } } }',
        { id: job?.id },
      ),
    ),
  );
  expect(again.map(({ resubmitJob }) => resubmitJob.userErrors.map(({ code }) => code))).toEqual([
    ...Array.from({ length: 4 }, () => ['GPU_TYPE_NOT_ALLOWED']),
    ['PARTITION_NOT_ALLOWED'],
  ]);
});
