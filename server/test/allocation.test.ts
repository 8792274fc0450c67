import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';

let slurm: LocalSlurm;
let bench: Workbench;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  const nodes = ['n1', 'n2'].map((name) => ({ name, cpus: 16, memoryMb: 64_000, gpus: { type: 'a100', count: 4 } }));
  const partitions = [{ name: 'main', nodes: ['n1', 'n2'] }];
  slurm = await startLocalSlurm({
    clusters: [
      { name: 'alpha', nodes, partitions },
      { name: 'beta', nodes, partitions, slurmConf: ['AccountingStorageTRES='] },
    ],
  });
  stack.defer(() => slurm.stop());
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 2 }));
  stack.use(bench);
});

afterAll(() => stack.disposeAsync());

interface Allocation {
  readonly cpus: number | null;
  readonly memoryMb: number | null;
  readonly gpus: readonly { readonly gpuType: string; readonly count: number }[] | null;
  readonly nodes: readonly string[];
  readonly timeLimitMinutes: number | null;
}

interface Given {
  readonly state: string;
  readonly allocated: Allocation | null;
}

async function given(job: JobData): Promise<Given> {
  const query = `query ($id: ID!) { job(id: $id) { state
    allocated { cpus memoryMb gpus { gpuType count } nodes timeLimitMinutes } } }`;
  return (await bench.server.query<{ job: Given }>(query, { id: job.id })).job;
}

const submit = (input: Record<string, unknown>) => bench.submit({ cluster: 'alpha', timeLimitMinutes: 30, ...input });
const inState = (job: JobData, state: string) =>
  until(
    () => given(job),
    (seen) => seen.state === state,
  );
const scontrol = (job: JobData, ...change: string[]) =>
  slurm.run('alpha', 'scontrol', ['update', `JobId=${job.slurmJobId}`, ...change]);

describe('what a job was given', () => {
  it('is what Slurm has, also where that is less than was asked for', async () => {
    // "can't run 1 processes on 2 nodes, setting nnodes to 1"
    const job = await submit({ command: 'sleep 600', nodes: 2, tasks: 1, cpusPerTask: 3, memoryMb: 2000 });
    expect((await inState(job, 'RUNNING')).allocated).toEqual({
      cpus: 3,
      memoryMb: 2000,
      gpus: [],
      nodes: [expect.stringMatching(/^n[12]$/)],
      timeLimitMinutes: 30,
    });
    await slurm.run('alpha', 'scancel', [job.slurmJobId ?? '']);
  });

  it('counts GPUs by their type, on every node, and follows the limit that somebody changes', async () => {
    const job = await submit({ command: 'sleep 600', nodes: 2, tasks: 2, gpus: 2, gpuType: 'a100', memoryMb: 1000 });
    expect((await inState(job, 'RUNNING')).allocated).toMatchObject({
      cpus: 2,
      memoryMb: 2000,
      gpus: [{ gpuType: 'a100', count: 4 }],
      nodes: ['n1', 'n2'],
    });
    await scontrol(job, 'TimeLimit=10');
    await until(
      () => given(job),
      ({ allocated }) => allocated?.timeLimitMinutes === 10,
    );
    await slurm.run('alpha', 'scancel', [job.slurmJobId ?? '']);
    expect((await inState(job, 'CANCELLED')).allocated).toMatchObject({ cpus: 2, timeLimitMinutes: 10 });
  });

  it('is nothing while it waits, and nothing when it never ran', async () => {
    const job = await submit({ command: 'true', extraOptions: ['--hold'] });
    expect((await inState(job, 'HELD')).allocated).toBeNull();
    await slurm.run('alpha', 'scancel', [job.slurmJobId ?? '']);
    expect((await inState(job, 'CANCELLED')).allocated).toBeNull();
  });

  it('adds up the components of a heterogeneous job', async () => {
    const job = await submit({
      command: 'sleep 600',
      cpusPerTask: 2,
      memoryMb: 1000,
      components: [{ cpusPerTask: 3, memoryMb: 500, gpus: 1 }],
    });
    expect((await inState(job, 'RUNNING')).allocated).toMatchObject({
      cpus: 5,
      memoryMb: 1500,
      gpus: [{ gpuType: 'a100', count: 1 }],
    });
    await slurm.run('alpha', 'scancel', [job.slurmJobId ?? '']);
  });

  it('has no GPUs that are known where a cluster does not count them', async () => {
    const job = await submit({ cluster: 'beta', command: 'exit 3', cpusPerTask: 2, memoryMb: 700, gpus: 1 });
    expect((await inState(job, 'FAILED')).allocated).toMatchObject({ cpus: 2, memoryMb: 700, gpus: null });
  });
});
