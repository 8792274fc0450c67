import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { startSlurm } from './support/slurm.ts';

interface Answer {
  readonly job: JobData | null;
  readonly userErrors: readonly { readonly code: string; readonly message: string; readonly path: readonly string[] }[];
}

const STYLES = ['gres', 'gpus', 'constraint'] as const;

let slurm: LocalSlurm;
let login: ClusterLogin;
let bench: Workbench;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startSlurm({
    clusters: [
      {
        name: 'alpha',
        nodes: [1, 2, 3, 4].map((number) => ({
          name: `n${number}`,
          cpus: 16,
          memoryMb: 16_000,
          gpus: { type: 'a100', count: 4 },
        })),
        partitions: [{ name: 'main', nodes: ['n1', 'n2', 'n3', 'n4'] }],
        // A node in name only, with what the others lack.
        slurmConf: [
          'GresTypes=gpu,nvme,shard',
          'NodeName=full CPUs=64 RealMemory=64000 Gres=gpu:a100:4,nvme:1000,shard:a100:16 Feature=a100,ib State=DOWN',
          'PartitionName=full Nodes=full',
        ],
      },
    ],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
  // The same cluster, whose GPUs are asked for in each way.
  const [head = '', ...lines] = slurm.clustersYaml({ poll_interval_seconds: 1 }).split(/^ {2}alpha:\n/m);
  const yaml = head + STYLES.map((style) => `  ${style}:\n    gpu_request: ${style}\n${lines.join('')}`).join('');
  bench = stack.use(await Workbench.open(yaml));
});

afterAll(() => stack.disposeAsync());

async function submit(input: Readonly<Record<string, unknown>>): Promise<Answer> {
  const { submitJob } = await bench.server.query<{ submitJob: Answer }>(
    `mutation ($input: SubmitJobInput!) {
      submitJob(input: $input) { job { id name slurmJobId workDir } userErrors { code message path } }
    }`,
    { input: { projectId: bench.projectId, cluster: 'gres', command: 'true', ...input } },
  );
  return submitJob;
}

/** What Slurm has of a job that is held, of each component, by scontrol's names. */
async function asked(input: Readonly<Record<string, unknown>>): Promise<readonly ReadonlyMap<string, string>[]> {
  const { job, userErrors } = await submit({ ...input, extraOptions: ['--hold', ...optionsOf(input)] });
  expect(userErrors).toEqual([]);
  const text = await login.run(`scontrol --oneliner show job ${job?.slurmJobId}`);
  return text
    .trim()
    .split('\n')
    .map((line) => new Map(line.split(' ').map((part) => [part.split('=')[0] ?? '', part.replace(/^[^=]*=/, '')])));
}

function optionsOf(input: Readonly<Record<string, unknown>>): readonly string[] {
  const { extraOptions } = input;
  return Array.isArray(extraOptions) ? extraOptions : [];
}

/** Slurm puts its own word before the kinds of what is counted, and another sign before the count, from release to release. */
function counted(job: ReadonlyMap<string, string> | undefined, name: string): string | undefined {
  return job
    ?.get(name)
    ?.replaceAll(/gres[:/]/g, '')
    .replaceAll('=', ':');
}

async function refused(input: Readonly<Record<string, unknown>>) {
  const { job, userErrors } = await submit(input);
  expect(job).toBeNull();
  expect(userErrors.every(({ code }) => code === 'INVALID_INPUT')).toBe(true);
  return userErrors.map(({ path }) => path.slice(1).join('.'));
}

describe.each(STYLES)('where GPUs are asked for by %s,', (cluster) => {
  const typed = (count: number) => (cluster === 'constraint' ? `${count}` : `a100:${count}`);

  it('further --gres are joined with them, for each component', async () => {
    const full = { cluster, partition: 'full', gpuType: 'a100' };
    const [job] = await asked({ ...full, gpus: 2, extraOptions: ['--gres=nvme:100'] });
    expect(counted(job, 'TresPerNode')?.split(',').sort()).toEqual([`gpu:${typed(2)}`, 'nvme:100']);
    expect(job?.get('Features')).toBe(cluster === 'constraint' ? 'a100' : '(null)');
    const component = { partition: 'full', gpuType: 'a100', gpus: 1, extraOptions: ['--gres=nvme:7'] };
    const both = await asked({ ...full, gpus: 2, extraOptions: ['--gres=nvme:5'], components: [component] });
    expect(both.map((one) => counted(one, 'TresPerNode')?.split(',').sort())).toEqual([
      [`gpu:${typed(2)}`, 'nvme:5'],
      [`gpu:${typed(1)}`, 'nvme:7'],
    ]);
  });

  it('a constraint of the job holds beside its GPU type', async () => {
    const [job] = await asked({
      ...{ cluster, partition: 'full', gpus: 1, gpuType: 'a100', extraOptions: ['--constraint=ib'] },
    });
    expect(job?.get('Features')).toBe(cluster === 'constraint' ? 'a100&ib' : 'ib');
    expect(counted(job, 'TresPerNode')).toBe(`gpu:${typed(1)}`);
    if (cluster === 'constraint') {
      const more = { extraOptions: ['--constraint=ib|a100'] };
      expect(await refused({ cluster, gpus: 1, gpuType: 'a100', ...more })).toEqual(['extraOptions']);
      const components = [{ gpus: 1, gpuType: 'a100', ...more }];
      expect(await refused({ cluster, components })).toEqual(['components.0.extraOptions']);
    }
  });

  it('GPUs in all and per task are asked for, for each component', async () => {
    const full = { cluster, partition: 'full', gpuType: 'a100' };
    const [total] = await asked({ ...full, gpusTotal: 4 });
    expect(counted(total, 'TresPerJob')).toBe(`gpu:${typed(4)}`);
    const [perTask] = await asked({ ...full, tasks: 2, gpusPerTask: 1 });
    expect(counted(perTask, 'TresPerTask')).toBe(`gpu:${typed(1)}`);
    const components = [{ partition: 'full', tasks: 2, gpuType: 'a100', gpusPerTask: 2 }];
    const both = await asked({ ...full, gpusTotal: 3, components });
    expect(both.map((one) => [counted(one, 'TresPerJob'), counted(one, 'TresPerTask')])).toEqual([
      [`gpu:${typed(3)}`, undefined],
      [undefined, `gpu:${typed(2)}`],
    ]);
  });
});

it('GPUs in all are given, over as many nodes as it takes', async () => {
  const { job } = await submit({ nodes: 2, gpusTotal: 6, tasks: 2, command: 'srun -l printenv CUDA_VISIBLE_DEVICES' });
  const log = await bench.wholeLog(job?.id ?? '');
  expect(log.match(/\d(?=[,\n])/g)).toHaveLength(6);
});

it('a range of nodes is asked for, and all memory of each node', async () => {
  const [range] = await asked({ nodes: 2, maxNodes: 3 });
  expect(range?.get('NumNodes')).toBe('2-3');
  const [most] = await asked({ maxNodes: 3, memoryMb: 0 });
  expect(most?.get('NumNodes')).toBe('1-3');
  expect(most?.get('MinMemoryNode')).toBe('0');
  const { job } = await submit({ memoryMb: 0, command: 'scontrol -o show job "$SLURM_JOB_ID"' });
  expect(await bench.wholeLog(job?.id ?? '')).toMatch(/TRES=\S*mem=(?:16000M|15\.6\d*G)/);
});

it('each task of an array waits for its counterpart, and all of that is carried along by a resubmission', async () => {
  const { job: first } = await submit({ array: '0-1', command: 'sleep 600' });
  const input = {
    array: '0-1',
    nodes: 1,
    maxNodes: 2,
    memoryMb: 0,
    gpusTotal: 2,
    singleton: true,
    dependsOn: [{ jobId: first?.id, kind: 'AFTER_CORR' }],
  };
  const { job, userErrors } = await submit(input);
  expect(userErrors).toEqual([]);
  const { resubmitJob } = await bench.server.query<{ resubmitJob: Answer }>(
    'mutation ($id: ID!) { resubmitJob(input: { id: $id }) { job { id slurmJobId } userErrors { code message path } } }',
    { id: job?.id },
  );
  expect(resubmitJob.userErrors).toEqual([]);
  for (const one of [job, resubmitJob.job]) {
    const text = await login.run(`scontrol --oneliner show job ${one?.slurmJobId} | head -n 1`);
    expect(text).toMatch(/NumNodes=1-2 .*MinMemoryNode=0 .*TresPerJob=(?:gres[:/])?gpu:2/);
    expect(text).toMatch(new RegExp(`Dependency=\\S*aftercorr:${first?.slurmJobId}_\\*`));
  }
  const shown = await bench.server.query<{ job: unknown }>(
    `query ($id: ID!) { job(id: $id) {
      resources { nodes maxNodes memoryMb gpus gpusTotal gpusPerTask }
      submission { isSingleton dependsOn { kind } }
    } }`,
    { id: resubmitJob.job?.id },
  );
  expect(shown.job).toEqual({
    resources: { nodes: 1, maxNodes: 2, memoryMb: 0, gpus: null, gpusTotal: 2, gpusPerTask: null },
    submission: { isSingleton: true, dependsOn: [{ kind: 'AFTER_CORR' }] },
  });
  await bench.cancel(first?.id ?? '');
});

it('one at a time run those of a name that want it so', async () => {
  const { job: first } = await submit({ name: 'one at a time', command: 'sleep 600' });
  await bench.reaches(first?.id ?? '', 'RUNNING');
  const { job: second } = await submit({ name: 'one at a time', singleton: true });
  const { job: other } = await submit({ name: 'another', singleton: true });
  expect(await bench.ended(other?.id ?? '')).toMatchObject({ state: 'COMPLETED' });
  expect(await bench.job(second?.id ?? '')).toMatchObject({ state: 'PENDING', reason: 'Dependency' });
  await bench.cancel(first?.id ?? '');
  expect(await bench.ended(second?.id ?? '')).toMatchObject({ state: 'COMPLETED' });
});

it('lines of other batch systems in a command are no options', async () => {
  const { job } = await submit({
    command: 'true\n#BSUB -q full\necho "$SLURM_JOB_PARTITION"\n#PBS -l walltime=00:01:00',
  });
  expect(await bench.wholeLog(job?.id ?? '')).toBe('main\n');
});

describe('what would undo another part of a request is refused at its field:', () => {
  it.each<[Readonly<Record<string, unknown>>, readonly string[]]>([
    [{ memoryMb: 100, extraOptions: ['--mem-per-cpu=10'] }, ['extraOptions']],
    [{ extraOptions: ['--exclusive', '--oversubscribe'] }, ['extraOptions']],
    [{ extraOptions: ['--constraint=a', '--constraint=b'] }, ['extraOptions']],
    [{ gpus: 1, extraOptions: ['--gres=none'] }, ['extraOptions']],
    [{ gpus: 1, gpusTotal: 2 }, ['gpus']],
    [{ gpus: 0, gpusPerTask: 2, tasks: 2 }, ['gpus']],
    [{ gpuType: 'a100' }, ['gpus']],
    [{ nodes: 4, maxNodes: 2 }, ['maxNodes']],
    [{ cpusPerTask: 70_000 }, ['cpusPerTask']],
    [{ gpusTotal: 0 }, ['gpusTotal']],
    [{ memoryMb: -1 }, ['memoryMb']],
    [{ extraOptions: ['--gpus=2'] }, ['extraOptions']],
    [{ extraOptions: ['--gres=help'] }, ['extraOptions']],
    [{ components: [{ cpusPerTask: 2, extraOptions: ['--cpus-per-gpu=2'] }] }, ['components.0.extraOptions']],
    [{ components: [{ gpus: 1, gpusTotal: 2 }] }, ['components.0.gpus']],
  ])('%j', async (input, fields) => {
    expect(await refused(input)).toEqual(fields);
  });

  it('a dependency of tasks on what is no array', async () => {
    const { job } = await submit({});
    const dependsOn = [{ jobId: job?.id, kind: 'AFTER_CORR' }];
    expect(await refused({ dependsOn })).toEqual(['dependsOn']);
    expect(await refused({ dependsOn, array: '0-1' })).toEqual(['dependsOn']);
  });
});

describe('what sbatch says beside the number of a job', () => {
  const SUBMIT = `mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id submitMessage } } }`;
  const JOB = 'query ($id: ID!) { job(id: $id) { submitMessage tasks(first: 1) { nodes { submitMessage } } } }';
  interface Told {
    readonly id: string;
    readonly submitMessage: string | null;
    readonly tasks: { readonly nodes: readonly { readonly submitMessage: string | null }[] };
  }

  it.each([{}, { array: '0-1' }])('is told with it, and kept: %j', async (input) => {
    const words = expect.stringMatching(/^warning: can't run 1 processes on 2 nodes, setting nnodes to 1$/i);
    const { submitJob } = await bench.server.query<{ submitJob: { job: Told } }>(SUBMIT, {
      input: { projectId: bench.projectId, cluster: 'gres', command: 'true', nodes: 2, tasks: 1, ...input },
    });
    expect(submitJob.job.submitMessage).toEqual(words);
    const { job } = await bench.server.query<{ job: Told }>(JOB, { id: submitJob.job.id });
    expect(job.submitMessage).toEqual(words);
    expect(job.tasks.nodes).toEqual('array' in input ? [{ submitMessage: words }] : []);
  });

  it('is null where it said nothing', async () => {
    const { job } = await submit({});
    expect((await bench.server.query<{ job: Told }>(JOB, { id: job?.id })).job.submitMessage).toBeNull();
  });
});

describe('a pasted batch script', () => {
  const SCRIPT = `#!/bin/bash -l
#SBATCH --job-name="my run" # as sbatch reads it
#SBATCH -N2-3 -n 4 -c 2
#SBATCH --mem=1G
#SBATCH --gres=gpu:a100:1
#SBATCH --time=0-2:00:30
#SBATCH --output=logs/%j.out
#SBATCH --comment='two words' --no-requeue --begin now+1hour

#SBATCH --nice=7
echo "$SLURM_JOB_NUM_NODES $SLURM_NTASKS"
#SBATCH --time=1`;

  it('asks Slurm for what plain sbatch asks for it', async () => {
    const [ours] = await asked({ command: SCRIPT });
    const number = await login.run(
      `cat >pasted.sh <<'END OF SCRIPT'\n${SCRIPT}\nEND OF SCRIPT\nsbatch --parsable pasted.sh`,
    );
    const text = await login.run(`scontrol --oneliner show job ${number.trim()}; scancel ${number.trim()}`);
    const plain = new Map(text.split(' ').map((part) => [part.split('=')[0] ?? '', part.replace(/^[^=]*=/, '')]));
    const names = ['NumNodes', 'NumTasks', 'NumCPUs', 'CPUs/Task', 'MinMemoryNode', 'TresPerNode', 'TimeLimit', 'Nice'];
    // Of a range, the first number is what the scheduler has last reckoned with.
    const told = (job: ReadonlyMap<string, string> | undefined, name: string) =>
      name === 'NumNodes' ? job?.get(name)?.replace(/^\d+-/, '') : job?.get(name);
    for (const name of [...names, 'Requeue', 'Partition', 'Comment']) {
      expect([name, told(ours, name)]).toEqual([name, told(plain, name)]);
    }
    expect(plain.get('NumNodes')).toMatch(/-3$/);
  });

  it('is named, recorded and told of as what it asks for, and runs', async () => {
    const { submitJob } = await bench.server.query<{ submitJob: { job: Record<string, unknown> & { id: string } } }>(
      `mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job {
        id name submitMessage resources { nodes maxNodes tasks gpus gpuType timeLimitMinutes } submission { extraOptions }
      } } }`,
      {
        input: {
          project: 'hello',
          cluster: 'gres',
          command: SCRIPT.replace(' --begin now+1hour', ''),
          tasks: 2,
          nodes: 2,
        },
      },
    );
    expect(submitJob.job).toMatchObject({
      name: 'my run',
      resources: { nodes: 2, maxNodes: null, tasks: 2, gpus: 1, gpuType: 'a100', timeLimitMinutes: 121 },
      submission: { extraOptions: ['--comment=two words', '--no-requeue', '--nice=7'] },
    });
    expect(submitJob.job['submitMessage']).toBe(
      [
        'Line 3, #SBATCH -N2-3 -n 4 -c 2: is overridden by nodes',
        'Line 3, #SBATCH -N2-3 -n 4 -c 2: is overridden by tasks',
        "Line 7, #SBATCH --output=logs/%j.out: not used: standard output is the job's own stdout.log",
        'Line 12, #SBATCH --time=1: not read, because sbatch reads none after the first command',
      ].join('\n'),
    );
    expect(await bench.wholeLog(submitJob.job.id)).toBe('2 2\n');
  });

  it.each([
    '#!/usr/bin/env python3\nprint(1)',
    '#!/bin/zsh\ntrue',
    '#!/bin/bash\n#SBATCH --chdir=/\ntrue',
    '#!/bin/bash\n#SBATCH --wrap=x\ntrue',
  ])('that can not be run as it is meant is refused with its line: %j', async (command) => {
    const [refusal] = (await submit({ command })).userErrors;
    expect(refusal?.code).toBe('INVALID_INPUT');
    expect(refusal?.message).toMatch(/line \d|--wrap/);
  });
});
