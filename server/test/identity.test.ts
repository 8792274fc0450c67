import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { startSlurm } from './support/slurm.ts';
import { type Told, timeline, told } from './support/told.ts';

let slurm: LocalSlurm;
let bench: Workbench;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  const layout = {
    // The components of a heterogeneous job run on nodes of their own.
    nodes: ['n1', 'n2', 'n3'].map((name) => ({ name, cpus: 256, memoryMb: 900_000 })),
    partitions: [
      { name: 'main', nodes: ['n1', 'n2'] },
      { name: 'other', nodes: ['n3'] },
    ],
    // Jobs leave Slurm's memory as soon as they end: then all that is left of them has to be known for theirs, too.
    slurmConf: ['MinJobAge=2', 'KillWait=20'],
  };
  slurm = await startSlurm({
    clusters: [
      { name: 'kept', ...layout },
      { name: 'bare', ...layout, accounting: false },
    ],
  });
  stack.defer(() => slurm.stop());
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 }));
  stack.use(bench);
});

afterAll(() => stack.disposeAsync());

/**
 * Every field that scontrol can update (src/scontrol/update_job.c), with a value that its owner may try; but for Priority,
 * which releases a job that is held, as hold and release do below.
 */
const UPDATES = [
  ...['Account=root', 'AdminComment=x', 'ArrayTaskThrottle=9', 'BurstBuffer=', 'ClusterFeatures=', 'Clusters='],
  ...['Comment=changed', 'Contiguous=No', 'CoreSpec=0', 'CPUsPerTask=1', 'Deadline=now+2days', 'DelayBoot=1'],
  ...['Dependency=', 'ExcNodeList=', 'Extra=x', 'Features=', 'Gres=', 'JobName=/jobs/renamed', 'Licenses='],
  ...['MailType=NONE', 'MailUser=ada', 'MCSLabel=x', 'MinCPUsNode=1', 'MinMemoryCPU=200', 'MinMemoryNode=200'],
  ...['MinTmpDiskNode=0', 'Name=renamed', 'Nice=7', 'NumCPUs=1', 'NumNodes=1', 'NumTasks=1', 'OverSubscribe=YES'],
  ...['Partition=other', 'Prefer=', 'QOS=normal', 'Reboot=No', 'ReqCores=1', 'ReqNodeList='],
  ...['ReqNodes=1', 'ReqProcs=1', 'ReqSockets=1', 'ReqThreads=1', 'Requeue=1', 'ReservationName=', 'ResetAccrueTime'],
  ...['Shared=YES', 'SiteFactor=1', 'StdErr=/dev/null', 'StdIn=/dev/null', 'StdOut=/dev/null', 'Switches=1'],
  ...['TasksPerNode=1', 'ThreadSpec=0', 'TimeLimit=55', 'TimeMin=1', 'TresPerNode=', 'UserID=0', 'wait-for-switch=1'],
  ...['WCKey=x', 'WorkDir=/tmp', 'JobName=renamed again'],
];
/** What shows that the updates did something. */
const TAKEN = ['Comment=changed', 'JobName=renamed again', 'TimeLimit=55', 'WorkDir=/tmp'];

/** As the owner of jobs, in a terminal on the login node: gives the updates that Slurm accepted of any of them. */
async function update(login: ClusterLogin, ids: readonly string[]): Promise<readonly string[]> {
  const lines = UPDATES.flatMap((change) =>
    ids.map((id) => `scontrol update JobId=${id} '${change}' >/dev/null 2>&1 && echo '${change}'`),
  );
  const output = await login.run(`${lines.join('\n')}\n:`);
  return [...new Set(output.split('\n').filter(Boolean))];
}

/** What Slurm itself says of each job that it still holds, by number. */
async function wordsOf(cluster: string): Promise<ReadonlyMap<string, string>> {
  const rows = await slurm.run(cluster, 'squeue', ['--noheader', '--array', '--states=all', '--format=%i %T']);
  return new Map(
    rows.split('\n').flatMap((row) => {
      const [id = '', word = ''] = row.trim().split(' ');
      return id === '' ? [] : [[id, word] as const];
    }),
  );
}

interface Task extends Told {
  readonly id: string;
  readonly slurmJobId: string;
}

async function tasks(array: JobData): Promise<readonly Task[]> {
  const query = `query ($id: ID!) { job(id: $id) { tasks(first: 9) {
    nodes { id slurmJobId state attempt evidence { source word } } } } }`;
  const { job } = await bench.server.query<{ job: { tasks: { nodes: Task[] } } }>(query, { id: array.id });
  return job.tasks.nodes;
}

describe.concurrent.each(['kept', 'bare'])('on a cluster whose accounts are %s', (cluster) => {
  it('a job is known whatever its owner changes of it with scontrol, and its end is told', async () => {
    const login = await ClusterLogin.open(slurm.cluster(cluster));
    const command = `until [ -e "$HOME/go.${cluster}" ]; do sleep 0.5; done; exit 3`;
    const submit = (name: string, input: Readonly<Record<string, unknown>> = {}) =>
      bench.submit({ cluster, name, command, timeLimitMinutes: 60, ...input });
    const running = await submit('running');
    const waiting = await submit('waiting', { extraOptions: ['--begin=now+1hour'] });
    const held = await submit('held', { extraOptions: ['--hold'] });
    const array = await submit('array', { array: '0-3%2' });
    const heterogeneous = await submit('heterogeneous', { components: [{}] });
    const doomed = await submit('doomed', { extraOptions: ['--begin=now+1hour'] });
    for (const job of [running, heterogeneous]) await bench.reaches(job.id, 'RUNNING');
    const isHalf = (all: readonly Task[]) => all.filter(({ state }) => state === 'RUNNING').length === 2;
    const begun = await until(() => tasks(array), isHalf);
    // As it was named, and nothing else.
    const names = (await slurm.run(cluster, 'squeue', ['--noheader', '--format=%j'])).split('\n');
    expect(names.map((name) => name.trim())).toEqual(expect.arrayContaining(['running', 'waiting', 'heterogeneous']));

    const numbers = [running, waiting, held, array, heterogeneous, doomed].map(({ slurmJobId }) => slurmJobId ?? '');
    const others = [`${heterogeneous.slurmJobId}+1`, ...begun.map(({ slurmJobId }) => slurmJobId)];
    expect(await update(login, [...numbers, ...others])).toEqual(expect.arrayContaining(TAKEN));

    // Long enough for a job that isn't known any more to be asked about.
    const { lastPolledAt } = await poll(cluster);
    await until(
      () => poll(cluster),
      (now) => Date.parse(now.lastPolledAt) > Date.parse(lastPolledAt) + 5000,
    );
    const words = await wordsOf(cluster);
    for (const job of [running, waiting, held, doomed]) {
      expect((await told(bench, job.id)).evidence).toMatchObject({
        source: 'SQUEUE',
        word: words.get(job.slurmJobId ?? ''),
      });
    }
    expect((await tasks(array)).map(({ evidence }) => evidence?.word)).toEqual(
      begun.map(({ slurmJobId }) => words.get(slurmJobId)),
    );
    expect((await told(bench, heterogeneous.id)).state).toBe('RUNNING');

    // What its owner does next is seen as well, and so is the end.
    await login.run(`scontrol hold ${waiting.slurmJobId}; scancel ${doomed.slurmJobId}`);
    await bench.reaches(waiting.id, 'HELD');
    await login.run(
      `scontrol release ${waiting.slurmJobId} ${held.slurmJobId}; scontrol update JobId=${waiting.slurmJobId} StartTime=now; touch go.${cluster}`,
    );
    const all = [running, waiting, held, array, heterogeneous];
    for (const job of all) expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 3 });
    expect(await timelines([...all, ...(await tasks(array))])).toEqual([]);
    if (cluster === 'kept') expect(await bench.ended(doomed.id)).toMatchObject({ state: 'CANCELLED' });
  });

  it('a job that a job submits by itself is none of ours', async () => {
    const job = await bench.submit({
      cluster,
      name: 'parent',
      // By default it runs in the directory of the one that submits it.
      command: `printf '#!/bin/sh\\nsleep 1\\n' >child.sh
sbatch --wait --output=/dev/null child.sh
sbatch --wait --output=/dev/null --wrap 'exit 0'`,
    });
    expect(await bench.ended(job.id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
    expect(await bench.wholeLog(job.id)).toMatch(/^(?:Submitted batch job \d+\n){2}$/);
  });
});

async function poll(cluster: string): Promise<{ readonly lastPolledAt: string }> {
  const query = 'query ($name: String!) { cluster(name: $name) { lastPolledAt } }';
  return (await bench.server.query<{ cluster: { lastPolledAt: string } }>(query, { name: cluster })).cluster;
}

/** The jobs that were ever given up, or shown in a later attempt than their first. */
async function timelines(jobs: readonly { readonly id: string }[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { id } of jobs) {
    const states = await timeline(bench, id);
    if (states.includes('LOST') || (await told(bench, id)).attempt !== 1) found.push(`${id}: ${states.join(' ')}`);
  }
  return found;
}
