import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { Payload } from './support/payload.ts';
import { until } from './support/server.ts';
import { startSlurm } from './support/slurm.ts';

interface Component {
  readonly slurmJobId: string | null;
  readonly partition: string | null;
  readonly nodeList: string | null;
  readonly state: string | null;
  readonly word: string | null;
  readonly extraOptions: readonly string[];
  readonly resources: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly job: { readonly id: string; readonly state: string } | null;
  readonly userErrors: readonly { readonly code: string; readonly message: string; readonly path: readonly string[] }[];
}

/** A component on the node that never fails here. */
const ASIDE = { partition: 'gpu', extraOptions: ['--nodelist=gpu02'] };

const ACCIDENTS = {
  'is killed after it asked Slurm': '"$real" "$@" >/dev/null; kill -9 $$',
  'is killed before it asked Slurm': 'once $name && kill -9 $$; exec "$real" "$@"',
};
const payloads = new Map(
  Object.keys(ACCIDENTS).map((accident, index) => [
    accident,
    new Payload(`het-${index}`, { input: { partition: 'main', components: [ASIDE], waitSeconds: 0 } }),
  ]),
);

/** Refused by Slurm, which says so to an sbatch that nobody hears. */
const UNHEARD = { name: 'unheard', partition: 'gpu', gpus: 99, command: 'true', idempotencyKey: 'unheard' };

/** So long Slurm remembers a job that is over, in seconds. */
const MEMORY = 8;

let slurm: LocalSlurm;
let login: ClusterLogin;
let bench: Workbench;
/** One that was requeued while it ran, and one that was when it was over. */
let requeued: readonly JobData[];
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startSlurm({
    clusters: [
      {
        name: 'alpha',
        nodes: [
          { name: 'cpu01', cpus: 64, memoryMb: 64_000 },
          { name: 'gpu01', cpus: 64, memoryMb: 64_000, gpus: { type: 'a100', count: 8 } },
          // Slurm puts no two components of a job on one node.
          { name: 'gpu02', cpus: 64, memoryMb: 64_000, gpus: { type: 'a100', count: 8 } },
        ],
        partitions: [
          { name: 'main', nodes: ['cpu01'] },
          { name: 'gpu', nodes: ['gpu01', 'gpu02'] },
        ],
        accounting: true,
        // What ended early is still looked at after minutes.
        slurmConf: ['MinJobAge=3600'],
      },
      {
        name: 'forgetful',
        nodes: [
          { name: 'n1', cpus: 64, memoryMb: 64_000 },
          { name: 'n2', cpus: 64, memoryMb: 64_000 },
        ],
        partitions: [{ name: 'main', nodes: ['n1', 'n2'] }],
        accounting: true,
        slurmConf: [`MinJobAge=${MEMORY}`],
      },
    ],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 }));
  stack.use(bench);

  // What takes minutes goes on meanwhile.
  const cases = Object.values(ACCIDENTS).map(
    (script, index) => `*"--job-name=het-${index} "*) name=het-${index}; ${script};;`,
  );
  cases.push('*"--job-name=unheard "*) "$real" "$@" >/dev/null 2>&1; exit 1;;');
  stack.use(await login.wrap('sbatch', `case "$*" in\n${cases.join('\n')}\n*) exec "$real" "$@";;\nesac`));
  await Promise.all([...payloads.values()].map(({ input }) => bench.submit(input)));
  await bench.submit({ ...UNHEARD, waitSeconds: 0 });
  requeued = await Promise.all([
    pair({ command: '[ -n "$SLURM_RESTART_COUNT" ] || sleep 300', components: [ASIDE] }),
    pair({ command: '[ -n "$SLURM_RESTART_COUNT" ]', components: [ASIDE] }),
  ]);
  const [running, over] = requeued;
  await bench.reaches(running?.id ?? '', 'RUNNING');
  expect(await bench.ended(over?.id ?? '')).toMatchObject({ state: 'FAILED', exitCode: 1 });
  for (const { id } of requeued) expect((await act('requeueJob', id)).userErrors).toEqual([]);
  await bench.reaches(running?.id ?? '', 'PENDING');
  expect(await bench.job(over?.id ?? '')).toMatchObject({ state: 'PENDING', endedAt: null, exitCode: null });
});

afterAll(() => stack.disposeAsync());

/** A job on both partitions. */
const pair = (input: Readonly<Record<string, unknown>> = {}) =>
  bench.submit({ command: 'sleep 300', partition: 'main', components: [{ partition: 'gpu' }], ...input });

const LATER = { extraOptions: ['--begin=now+1hour'] };

async function components(id: string): Promise<readonly Component[]> {
  const { job } = await bench.server.query<{ job: { components: Component[] } }>(
    `query ($id: ID!) { job(id: $id) { components {
      slurmJobId partition nodeList state word extraOptions
      resources { nodes tasks cpusPerTask memoryMb gpus gpuType timeLimitMinutes }
    } } }`,
    { id },
  );
  return job.components;
}

const words = async (id: string) => (await components(id)).map(({ word }) => word);

async function act(name: string, id: string): Promise<Answer> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const data = await bench.server.query<Record<string, Answer>>(
    `mutation ($input: ${type}!) { ${name}(input: $input) { job { id state } userErrors { code message path } } }`,
    { input: { id } },
  );
  const answer = data[name];
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

async function refusals(input: Readonly<Record<string, unknown>>): Promise<Answer['userErrors']> {
  const { submitJob } = await bench.server.query<{ submitJob: Answer }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id state } userErrors { code message path } } }',
    { input: { projectId: bench.projectId, cluster: 'alpha', command: 'true', partition: 'main', ...input } },
  );
  expect(submitJob.job).toBeNull();
  return submitJob.userErrors;
}

/** What Slurm itself says now, one word a component. */
async function inSlurm({ slurmJobId }: JobData, cluster = 'alpha'): Promise<readonly string[]> {
  const output = await slurm.run(cluster, 'squeue', ['-h', '-t', 'all', '-j', `${slurmJobId}`, '-o', '%i %T']);
  return output.trim().split('\n').toSorted();
}

describe('a heterogeneous job', () => {
  it('is one row that tells of each component, and runs its command once', async () => {
    const job = await bench.submit({
      command: 'echo "$SLURM_JOB_NUM_NODES of $SLURM_HET_SIZE"; [ -e "$HOME/go" ] || sleep 3; echo "$PWD"',
      partition: 'main',
      tasks: 1,
      memoryMb: 100,
      timeLimitMinutes: 5,
      components: [
        { partition: 'gpu', tasks: 2, cpusPerTask: 2, memoryMb: 200, gpus: 2, gpuType: 'a100' },
        { partition: 'gpu', memoryMb: 300, extraOptions: ['--comment=third'] },
      ],
    });
    await bench.reaches(job.id, 'RUNNING');
    expect(await components(job.id)).toMatchObject([
      { slurmJobId: `${job.slurmJobId}+0`, partition: 'main', nodeList: 'cpu01', state: 'RUNNING', word: 'RUNNING' },
      {
        slurmJobId: `${job.slurmJobId}+1`,
        partition: 'gpu',
        nodeList: 'gpu01',
        state: 'RUNNING',
        resources: {
          nodes: null,
          tasks: 2,
          cpusPerTask: 2,
          memoryMb: 200,
          gpus: 2,
          gpuType: 'a100',
          timeLimitMinutes: 5,
        },
      },
      { slurmJobId: `${job.slurmJobId}+2`, extraOptions: ['--comment=third'], resources: { tasks: null, gpus: null } },
    ]);
    const shown = await slurm.run('alpha', 'scontrol', ['show', 'job', job.slurmJobId ?? '']);
    expect(shown.match(/MinMemoryNode=\w+/g)).toEqual(['100M', '200M', '300M'].map((size) => `MinMemoryNode=${size}`));
    expect(shown.match(/TimeLimit=\S+/g)).toEqual(['00:05:00', '00:05:00', '00:05:00'].map((t) => `TimeLimit=${t}`));
    expect(await bench.ended(job.id)).toMatchObject({
      state: 'COMPLETED',
      exitCode: 0,
      partition: 'main',
      nodeList: 'cpu01,gpu01,gpu02',
    });
    expect(await words(job.id)).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED']);
    const end = await bench.job(job.id);
    expect(await bench.wholeLog(job.id)).toBe(`1 of 3\n${end.workDir}/source\n`);
  });

  it('has the exit code of its batch script, or its signal', async () => {
    const [failed, killed] = await Promise.all([
      pair({ command: 'exit 3' }),
      pair({ command: 'kill -9 $$; sleep 300' }),
    ]);
    expect(await bench.ended(failed.id)).toMatchObject({ state: 'FAILED', exitCode: 3, signal: null });
    expect(await bench.ended(killed.id)).toMatchObject({ state: 'FAILED', exitCode: null, signal: 9 });
    expect(await words(failed.id)).toEqual(['FAILED', 'FAILED']);
  });

  it('runs on while its script does, though a component was ended alone, and has not completed then', async () => {
    const job = await pair({ command: 'until [ -e "$HOME/on" ]; do sleep 0.2; done' });
    await bench.reaches(job.id, 'RUNNING');
    await slurm.run('alpha', 'scancel', [`${Number(job.slurmJobId) + 1}`]);
    await until(
      () => words(job.id),
      (now) => now.join() === 'RUNNING,CANCELLED',
    );
    expect(await bench.job(job.id)).toMatchObject({ state: 'RUNNING', endedAt: null });
    await login.run('touch "$HOME/on"');
    expect(await bench.ended(job.id)).toMatchObject({ state: 'CANCELLED', exitCode: 0 });
  });

  it('fails with the node of any component', async () => {
    const job = await pair({
      extraOptions: ['--no-requeue'],
      components: [{ partition: 'gpu', extraOptions: ['--nodelist=gpu01'] }],
    });
    await bench.reaches(job.id, 'RUNNING');
    await slurm.run('alpha', 'scontrol', ['update', 'NodeName=gpu01', 'State=DOWN', 'Reason=broken']);
    try {
      expect(await bench.ended(job.id)).toMatchObject({ state: 'NODE_FAIL' });
    } finally {
      // It comes back by itself once its slurmd has registered, and then there is nothing to resume.
      await slurm.run('alpha', 'scontrol', ['update', 'NodeName=gpu01', 'State=RESUME']).catch(() => undefined);
    }
  });

  it('is cancelled as a whole while it waits and while it runs', async () => {
    const [waiting, running] = await Promise.all([pair(LATER), pair()]);
    await bench.reaches(running.id, 'RUNNING');
    for (const { id } of [waiting, running]) {
      expect((await bench.cancel(id)).userErrors).toEqual([]);
      expect(await bench.ended(id)).toMatchObject({ state: 'CANCELLED' });
      expect(await words(id)).toEqual(['CANCELLED', 'CANCELLED']);
    }
  });

  it('is held and let go as a whole, also where somebody holds one component alone', async () => {
    const job = await pair(LATER);
    expect((await act('holdJob', job.id)).userErrors).toEqual([]);
    expect(await bench.reaches(job.id, 'HELD')).toMatchObject({ reason: 'JobHeldUser' });
    expect((await components(job.id)).map(({ state }) => state)).toEqual(['HELD', 'HELD']);
    expect((await act('releaseJob', job.id)).userErrors).toEqual([]);
    await bench.reaches(job.id, 'PENDING');
    await slurm.run('alpha', 'scontrol', ['uhold', `${Number(job.slurmJobId) + 1}`]);
    await bench.reaches(job.id, 'HELD');
    expect((await components(job.id)).map(({ state }) => state)).toEqual(['PENDING', 'HELD']);
    expect((await act('releaseJob', job.id)).userErrors).toEqual([]);
    await bench.reaches(job.id, 'PENDING');
    await bench.cancel(job.id);
    await bench.ended(job.id);
  });

  it('can be waited for by another one, and is submitted again with all that it was asked for', async () => {
    const first = await pair({ command: 'sleep 2' });
    const second = await pair({
      command: 'echo after',
      dependsOn: [{ jobId: first.id }],
      components: [{ partition: 'gpu', gpus: 1, gpuType: 'a100', extraOptions: ['--comment=mine'] }],
    });
    await bench.reaches(second.id, 'PENDING');
    expect(await bench.ended(second.id)).toMatchObject({ state: 'COMPLETED' });
    expect(Date.parse((await bench.job(second.id)).startedAt ?? '')).toBeGreaterThanOrEqual(
      Date.parse((await bench.job(first.id)).endedAt ?? ''),
    );
    const { job } = await act('resubmitJob', second.id);
    const again = job?.id ?? '';
    expect(await bench.ended(again)).toMatchObject({ state: 'COMPLETED' });
    const asked = (all: readonly Component[]) => all.map((one) => [one.partition, one.resources, one.extraOptions]);
    expect(asked(await components(again))).toEqual(asked(await components(second.id)));
    expect(asked(await components(again))[1]).toMatchObject(['gpu', { gpus: 1, gpuType: 'a100' }, ['--comment=mine']]);
  });

  it('is found in the accounts when it is over and Slurm has forgotten it', async () => {
    // The server is away when it ends, and comes back when only the accounts know of it.
    const input = { cluster: 'forgetful', components: [{ nodes: 1 }] };
    const job = await bench.submit({ ...input, command: 'sleep 4; exit 143' });
    await bench.reaches(job.id, 'RUNNING');
    await bench.server.stop();
    await until(
      () => inSlurm(job, 'forgetful').catch(() => ['']),
      (rows) => rows.join('') === '',
    );
    await bench.restart();
    await bench.online();
    expect(await bench.ended(job.id)).toMatchObject({
      state: 'FAILED',
      exitCode: 143,
      signal: null,
      nodeList: 'n1,n2',
    });
    expect(await words(job.id)).toEqual(['FAILED', 'FAILED']);
    expect(
      await bench.server.query('query ($id: ID!) { job(id: $id) { evidence { source } } }', { id: job.id }),
    ).toEqual({ job: { evidence: { source: 'SACCT' } } });
  });

  it('is requeued as a whole while it runs, and opened again when it is over', async () => {
    for (const { id, slurmJobId } of requeued) {
      expect(await bench.ended(id)).toMatchObject({ state: 'COMPLETED', exitCode: 0, slurmJobId });
      expect(await words(id)).toEqual(['COMPLETED', 'COMPLETED']);
    }
  });
});

describe('when sbatch of a heterogeneous job', () => {
  it.each(Object.keys(ACCIDENTS))('%s, its payload runs once', async (accident) => {
    const payload = payloads.get(accident);
    if (payload === undefined) throw new Error('no payload');
    const job = await bench.submit(payload.input);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 3 });
    const end = await bench.job(job.id);
    expect(await payload.runs(login)).toEqual([end.slurmJobId]);
    expect(await inSlurm(end)).toEqual([`${end.slurmJobId}+0 FAILED`, `${end.slurmJobId}+1 FAILED`]);
  });
});

describe('submitJob refuses', () => {
  it.each([
    ['a negative count', { components: [{ gpus: -1 }] }, ['components', '0', 'gpus'], 'from 0 to'],
    [
      'a GPU type without a number',
      { components: [{}, { gpuType: 'a100' }] },
      ['components', '1', 'gpus'],
      'is missing',
    ],
    [
      'a partition that is no name',
      { components: [{ partition: '-p x' }] },
      ['components', '0', 'partition'],
      'is not a valid name',
    ],
    [
      'an option of our own',
      { components: [{ extraOptions: ['--output=x'] }] },
      ['components', '0', 'extraOptions'],
      '--output',
    ],
    ['an array of them', { array: '0-1', components: [{}] }, ['components'], 'omit components or array'],
    ['memory for one component alone', { components: [{ memoryMb: 100 }] }, ['memoryMb'], 'for every component'],
    [
      'memory for all but one',
      { memoryMb: 100, components: [{}] },
      ['components', '0', 'memoryMb'],
      'for every component',
    ],
    ['a component in the options', { extraOptions: [':', '--nodes=1'] }, ['extraOptions'], 'use components'],
    ['hetjob in the options', { extraOptions: ['hetjob'] }, ['extraOptions'], 'use components'],
  ])('%s', async (_what, input, path, message) => {
    const [first] = await refusals(input);
    expect(first).toMatchObject({ code: 'INVALID_INPUT', path: ['input', ...path] });
    expect(first?.message).toContain(message);
  });

  /** How a job of this name stands here, and how many records Slurm has of it. */
  async function stands(name: string) {
    const { jobs } = await bench.server.query<{ jobs: { nodes: JobData[] } }>(
      'query ($name: String!) { jobs(filter: { search: $name }) { nodes { state slurmJobId } } }',
      { name },
    );
    const rows = (await slurm.run('alpha', 'squeue', ['-h', '-t', 'all', '-o', '%j'])).split('\n');
    return { jobs: jobs.nodes, records: rows.filter((row) => row.trim() === name).length };
  }

  const REFUSED = [{ state: 'SUBMIT_FAILED', slurmJobId: null }];

  it('what Slurm refuses, and adopts nothing that Slurm recorded nevertheless', async () => {
    const cases = [
      { partition: 'gpu', gpus: 99, name: 'far-too-much' },
      { components: [{ partition: 'gpu', gpus: 99 }], name: 'one-too-much' },
      { components: [{ partition: 'nowhere' }], name: 'nowhere' },
    ];
    for (const input of cases) expect(await refusals(input)).toMatchObject([{ code: 'SLURM_REJECTED' }]);
    // The queue is looked at meanwhile.
    await bench.ended((await bench.submit({ command: 'sleep 3', partition: 'main' })).id);
    for (const { name } of cases) {
      const { jobs, records } = await stands(name);
      expect(jobs).toEqual(REFUSED);
      expect(records).toBeGreaterThan(0);
    }
  });

  // Nobody said why, so that sbatch is run five times, a minute apart.
  it('what Slurm refused though its words were lost', async () => {
    let recorded = 0;
    const { jobs } = await until(
      async () => {
        const now = await stands(UNHEARD.name);
        recorded = Math.max(recorded, now.records);
        return now;
      },
      ({ jobs: [job] }) => job !== undefined && job.state !== 'SUBMITTING',
      480_000,
    );
    expect(jobs).toEqual(REFUSED);
    expect(recorded).toBeGreaterThan(0);
  }, 500_000);
});
