import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { startSlurm } from './support/slurm.ts';
import { type Told, timeline, told } from './support/told.ts';

let slurm: LocalSlurm;
let login: ClusterLogin;
let bench: Workbench;
/** What holds the jobs of partition "gated" while a file of its name is in it: `start` or `end`. */
let gates: string;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  gates = await mkdtemp(join(tmpdir(), 'slurmql-gates-'));
  await chmod(gates, 0o755);
  stack.defer(() => rm(gates, { recursive: true, force: true }));
  for (const gate of ['start', 'end']) {
    const script = `#!/bin/sh
# 20.11 tells an epilog its node alone.
case "$SLURM_JOB_PARTITION:$SLURMD_NODENAME" in gated:* | *:gate) ;; *) exit 0 ;; esac
while [ -e '${gates}/${gate}' ]; do sleep 0.2; done
`;
    await writeFile(join(gates, `${gate}.sh`), script, { mode: 0o755 });
  }
  slurm = await startSlurm({
    shared: [gates],
    clusters: [
      {
        name: 'alpha',
        nodes: [
          { name: 'n1', cpus: 256, memoryMb: 900_000 },
          { name: 'gate' },
          ...['shared1', 'shared2', 'weak1', 'weak2', 'weak3'].map((name) => ({ name })),
        ],
        partitions: [
          { name: 'main', nodes: ['n1'] },
          { name: 'gated', nodes: ['gate'] },
          { name: 'weak', nodes: ['weak1'] },
          { name: 'spare', nodes: ['weak2', 'weak3'] },
        ],
        slurmConf: [
          `PrologSlurmctld=${gates}/start.sh`,
          `Epilog=${gates}/end.sh`,
          'KillWait=6',
          'PreemptType=preempt/partition_prio',
          'PreemptMode=REQUEUE',
          'PartitionName=once Nodes=shared1 PriorityTier=1 PreemptMode=CANCEL',
          'PartitionName=again Nodes=shared2 PriorityTier=1',
          'PartitionName=urgent Nodes=shared1,shared2 PriorityTier=9 PreemptMode=OFF',
        ],
      },
    ],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
  // Rewrites what squeue prints by the sed scripts that tests leave in the home.
  await login.run('touch none.sed');
  await login.wrap('squeue', 'set -o pipefail; "$real" "$@" | sed -E -f <(cat "$HOME"/*.sed)');
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 }));
  stack.use(bench);
});

afterAll(() => stack.disposeAsync());

/** As the cluster's administrator, in a terminal. */
const scontrol = (...args: readonly string[]) => slurm.run('alpha', 'scontrol', args);
const scancel = (job: JobData) => slurm.run('alpha', 'scancel', [job.slurmJobId ?? '']);

const submit = (command: string, input: Readonly<Record<string, unknown>> = {}) =>
  bench.submit({ command, partition: 'main', ...input });

async function reaches(job: JobData, state: string): Promise<Told> {
  return until(
    () => told(bench, job.id),
    (now) => now.state === state,
  );
}

/** Resolves once this is all that its log says: then it runs, and what is to catch signals is in place. */
async function says(job: JobData, text: string): Promise<void> {
  await until(
    () => login.run(`cat "${job.workDir}/stdout.log" 2>/dev/null || :`),
    (now) => now === text,
  );
}

/** Resolves once its first attempt runs, and is seen to. */
async function begins(job: JobData): Promise<void> {
  await says(job, 'attempt \n');
  await reaches(job, 'RUNNING');
}

const ended = async (job: JobData): Promise<Told> => {
  await bench.ended(job.id);
  return told(bench, job.id);
};

const seen = (word: string) => ({ source: 'SQUEUE', word, seenAt: expect.any(String) });

/** An end in the first attempt, as squeue showed it. */
function endedAs(state: string, exitCode: number | null, signal: number | null, reason: string | null) {
  return {
    state,
    exitCode,
    signal,
    reason,
    attempt: 1,
    evidence: seen(state),
    attempts: [
      { number: 1, outcome: state, exitCode, signal, startedAt: expect.any(String), endedAt: expect.any(String) },
    ],
  };
}

/** Has squeue show another word for a job's state, as a sed script on its row. */
async function rewrite(job: JobData, script: string): Promise<AsyncDisposable> {
  const file = `${job.slurmJobId}.sed`;
  await login.run(`cat >${file}.new <<'END'\n/^${job.slurmJobId}\\x1f/ {\n${script}\n}\nEND\nmv ${file}.new ${file}`);
  return { [Symbol.asyncDispose]: async () => void (await login.run(`rm ${file}`)) };
}
const asWord = (word: string) => `s/\\x1f[A-Z_]+\\x1f/\\x1f${word}\\x1f/`;

/** Its processes go on for a while, as on a node that is cut off from the network. */
async function failNode(name: string): Promise<void> {
  await slurm.stopDaemon(`alpha/slurmd-${name}`);
  // A last message of its slurmd's, still on its way, would put a node that is only down back into service.
  await scontrol('update', `NodeName=${name}`, 'State=DRAIN', 'Reason=power');
  await scontrol('update', `NodeName=${name}`, 'State=DOWN', 'Reason=power');
}

/** Says so in its log, and stays if it is the first of its attempts. */
const TWICE = 'echo "attempt $SLURM_RESTART_COUNT"; [ -n "$SLURM_RESTART_COUNT" ] || sleep 300';

/** A job that ran twice, of which the first attempt had this end. */
async function ranTwice(job: JobData, outcome: string, exitCode: number | null = null): Promise<void> {
  const last = await until(
    () => told(bench, job.id),
    (now) => now.state === 'COMPLETED' && now.attempts[0]?.outcome !== null,
    150_000,
  ).catch(async (cause: Error) => {
    throw new Error(`${cause.message}. Slurm: ${await scontrol('show', 'job', job.slurmJobId ?? '').catch(String)}`);
  });
  expect(last).toMatchObject({
    exitCode: 0,
    signal: null,
    reason: null,
    attempt: 2,
    evidence: seen('COMPLETED'),
    attempts: [
      { number: 1, outcome, startedAt: expect.any(String), endedAt: expect.any(String), exitCode },
      { number: 2, outcome: 'COMPLETED', exitCode: 0 },
    ],
  });
  expect(await bench.job(job.id)).toMatchObject({ slurmJobId: job.slurmJobId });
  // The first attempt's words, then Slurm's own on its end, then the second's.
  expect(await bench.wholeLog(job.id)).toMatch(/^attempt \n(?:.*\n)*attempt 1\n$/);
}

// First, since they take longest.
describe.concurrent('a job that is taken off its node', () => {
  it('by a more urgent one is PREEMPTED where it is not tried again', async () => {
    const job = await submit(TWICE, { partition: 'once', extraOptions: ['--exclusive'] });
    await begins(job);
    const urgent = await submit('true', { partition: 'urgent', extraOptions: ['--exclusive', '--nodelist=shared1'] });
    expect(await ended(job)).toMatchObject(endedAs('PREEMPTED', null, 15, null));
    expect(await ended(urgent)).toMatchObject(endedAs('COMPLETED', 0, null, null));
    expect(await bench.wholeLog(job.id)).toMatch(/^attempt \n/);
  });

  it('by a more urgent one waits for its next attempt, which goes on behind the log of the first', async () => {
    const job = await submit(TWICE, { partition: 'again', extraOptions: ['--exclusive'] });
    await begins(job);
    const urgent = await submit('true', { partition: 'urgent', extraOptions: ['--exclusive', '--nodelist=shared2'] });
    expect(await ended(urgent)).toMatchObject(endedAs('COMPLETED', 0, null, null));
    await ranTwice(job, 'PREEMPTED');
  });
  it('by its failure ends with NODE_FAIL where it is not tried again', async () => {
    const job = await submit('sleep 60', { partition: 'weak', extraOptions: ['--no-requeue'] });
    await reaches(job, 'RUNNING');
    await failNode('weak1');
    expect(await ended(job)).toMatchObject(endedAs('NODE_FAIL', null, null, 'NodeDown'));
  });

  it('by its failure runs again elsewhere, as the next attempt of the same job', async () => {
    const job = await submit(TWICE, { partition: 'spare', extraOptions: ['--requeue'] });
    await begins(job);
    const { nodeList } = await bench.job(job.id);
    await failNode(nodeList ?? '');
    await ranTwice(job, 'NODE_FAIL');
    expect((await bench.job(job.id)).nodeList).toBe(nodeList === 'weak2' ? 'weak3' : 'weak2');
  });
  it('by an administrator lives again even when it was over', async () => {
    const job = await submit('echo "attempt $SLURM_RESTART_COUNT"; [ -n "$SLURM_RESTART_COUNT" ]');
    expect(await ended(job)).toMatchObject(endedAs('FAILED', 1, null, 'NonZeroExitCode'));
    await scontrol('requeue', job.slurmJobId ?? '');
    await ranTwice(job, 'FAILED', 1);
    expect(await timeline(bench, job.id)).toEqual(
      expect.arrayContaining(['SUBMITTING', 'PENDING', 'FAILED', 'COMPLETED']),
    );
  });

  it('by an administrator who holds it is HELD until it is released', async () => {
    const job = await submit(TWICE);
    await begins(job);
    await scontrol('requeuehold', job.slurmJobId ?? '');
    expect(await reaches(job, 'HELD')).toMatchObject({ attempt: 2, exitCode: null, endedAt: null });
    await scontrol('release', job.slurmJobId ?? '');
    await ranTwice(job, 'REQUEUED');
  });
});

describe.concurrent('a job that waits', () => {
  it('is held by its own option, and goes on once its user releases it in a terminal', async () => {
    const job = await submit('true', { extraOptions: ['--hold'] });
    expect(await reaches(job, 'HELD')).toMatchObject({
      reason: 'JobHeldUser',
      exitCode: null,
      attempt: 1,
      evidence: seen('PENDING'),
      attempts: [{ number: 1, outcome: null, startedAt: null, endedAt: null }],
    });
    await login.run(`scontrol release ${job.slurmJobId}`);
    expect(await ended(job)).toMatchObject(endedAs('COMPLETED', 0, null, null));
  });

  it('is held by an administrator', async () => {
    const job = await submit('true', { extraOptions: ['--begin=now+1hour'] });
    await reaches(job, 'PENDING');
    await scontrol('hold', job.slurmJobId ?? '');
    expect(await reaches(job, 'HELD')).toMatchObject({ reason: 'JobHeldAdmin', evidence: seen('PENDING') });
    await scontrol('release', job.slurmJobId ?? '');
    expect(await reaches(job, 'PENDING')).toMatchObject({ evidence: seen('PENDING') });
    await scancel(job);
    expect(await ended(job)).toMatchObject({
      state: 'CANCELLED',
      exitCode: null,
      signal: null,
      startedAt: null,
      evidence: seen('CANCELLED'),
    });
  });

  it('and can no longer end before its deadline is over by that', async () => {
    const job = await submit('true', {
      timeLimitMinutes: 1,
      extraOptions: ['--deadline=now+75', '--hold'],
    });
    await reaches(job, 'HELD');
    // Until it has less time than its limit.
    await new Promise((resolve) => setTimeout(resolve, 16_000));
    await scontrol('release', job.slurmJobId ?? '');
    expect(await ended(job)).toMatchObject({
      state: 'DEADLINE',
      reason: 'DeadLine',
      exitCode: null,
      signal: null,
      startedAt: null,
      endedAt: expect.any(String),
      attempt: 1,
      evidence: seen('DEADLINE'),
      attempts: [{ number: 1, outcome: 'DEADLINE', startedAt: null }],
    });
  });
});

describe.concurrent('a job that runs', () => {
  it('is CONFIGURING until its node is ready, and COMPLETING until it is cleared away', async () => {
    await writeFile(join(gates, 'start'), '');
    await writeFile(join(gates, 'end'), '');
    const job = await submit('exit 3', { partition: 'gated' });
    expect(await reaches(job, 'CONFIGURING')).toMatchObject({
      exitCode: null,
      endedAt: null,
      evidence: seen('CONFIGURING'),
      attempts: [{ number: 1, outcome: null }],
    });
    await rm(join(gates, 'start'));
    expect(await reaches(job, 'COMPLETING')).toMatchObject({
      exitCode: null,
      signal: null,
      endedAt: null,
      evidence: seen('COMPLETING'),
      attempts: [{ number: 1, outcome: null, exitCode: null }],
    });
    await rm(join(gates, 'end'));
    expect(await ended(job)).toMatchObject(endedAs('FAILED', 3, null, 'NonZeroExitCode'));
  });

  it('and ignores the signal that is to end it is COMPLETING until it is killed', async () => {
    const job = await submit(`trap '' TERM; echo ready; while :; do sleep 1; done`);
    await says(job, 'ready\n');
    await scancel(job);
    expect(await reaches(job, 'COMPLETING')).toMatchObject({ evidence: seen('COMPLETING'), endedAt: null });
    expect(await ended(job)).toMatchObject({ state: 'CANCELLED', evidence: seen('CANCELLED'), attempt: 1 });
  });

  it('and is cancelled here is CANCELLING until its end has been seen, however long that takes', async () => {
    const job = await submit(`trap '' TERM; echo ready; while :; do sleep 1; done`);
    await says(job, 'ready\n');
    await bench.cancel(job.id);
    await ended(job);
    const states = await timeline(bench, job.id);
    expect(states.slice(states.indexOf('CANCELLING'))).toEqual(['CANCELLING', 'CANCELLED']);
  });

  it('is SUSPENDED, and RUNNING once it is resumed', async () => {
    const job = await submit('sleep 300');
    await reaches(job, 'RUNNING');
    await scontrol('suspend', job.slurmJobId ?? '');
    expect(await reaches(job, 'SUSPENDED')).toMatchObject({ evidence: seen('SUSPENDED'), endedAt: null });
    await scontrol('resume', job.slurmJobId ?? '');
    expect(await reaches(job, 'RUNNING')).toMatchObject({ evidence: seen('RUNNING'), attempt: 1 });
    await scancel(job);
    expect(await ended(job)).toMatchObject({ state: 'CANCELLED', evidence: seen('CANCELLED') });
  });

  it('until its time is up ends with TIMEOUT', async () => {
    const job = await submit('echo ready; sleep 300', { timeLimitMinutes: 60 });
    await says(job, 'ready\n');
    // A minute is the shortest limit that sbatch takes.
    await scontrol('update', `JobId=${job.slurmJobId}`, 'EndTime=now+1seconds');
    expect(await ended(job)).toMatchObject(endedAs('TIMEOUT', null, 15, 'TimeLimit'));
  });

  it('changes nothing by a word that is not known, of which the log tells once', async () => {
    const job = await submit('sleep 300');
    const before = await reaches(job, 'RUNNING');
    const isSaid = () => bench.server.errors.split('\n').filter((line) => line.includes('"TELEPORTING"'));
    await using _wrapper = await rewrite(job, asWord('TELEPORTING'));
    await until(
      async () => isSaid(),
      (lines) => lines.length > 0,
    );
    // Whatever else is seen of the queue comes with a later look.
    const other = await submit('true');
    await ended(other);
    expect(await told(bench, job.id)).toEqual(before);
    expect(isSaid()).toHaveLength(1);
    await scancel(job);
  });
});

describe.concurrent('the end of a job', () => {
  it.each([0, 1, 130, 137, 143, 255])('with exit code %i is told exactly', async (code) => {
    const job = await submit(`exit ${code}`);
    const [state, reason] = code === 0 ? ['COMPLETED', null] : ['FAILED', 'NonZeroExitCode'];
    expect(await ended(job)).toMatchObject(endedAs(state ?? '', code, null, reason ?? null));
  });

  it('by a signal to a program of its command is the code that bash makes of it', async () => {
    const job = await submit("bash -c 'kill -9 $$'; exit");
    expect(await ended(job)).toMatchObject(endedAs('FAILED', 137, null, 'NonZeroExitCode'));
  });

  it('by a signal to its command is that signal', async () => {
    const job = await submit('kill -9 $$; sleep 300');
    expect(await ended(job)).toMatchObject({
      ...endedAs('FAILED', null, 9, 'JobLaunchFailure'),
      reason: expect.any(String),
    });
  });

  it('by a real-time signal to its command is that signal', async () => {
    const job = await submit('kill -34 $$; sleep 300');
    expect(await ended(job)).toMatchObject({ state: 'FAILED', exitCode: null, signal: 34 });
  });

  it.each([
    ['its log', 'mkdir -p "$1/stdout.log"'],
    // A directory that is missing is made by later releases.
    ['its directory', 'rm -r "$1"; : >"$1"'],
  ])(
    'that came as Slurm could not open %s is neither a code nor a signal',
    async (_what, spoil) => {
      const job = await submit('true', { extraOptions: ['--hold'] });
      await login.run(`set -- "${job.workDir}"; ${spoil}; scontrol release ${job.slurmJobId}`);
      expect(await ended(job)).toMatchObject({
        state: 'FAILED',
        ...{ exitCode: null, signal: null },
        attempts: [{ number: 1, exitCode: null, signal: null }],
      });
    },
    150_000,
  );

  it.each([
    ['OUT_OF_MEMORY', 'exit 1', 'FAILED', { exitCode: 1 }],
    // Nothing of it can have run here.
    ['BOOT_FAIL', 'exit 1', 'FAILED', { exitCode: null }],
    ['REVOKED', 'exit 1', 'FAILED', { exitCode: null }],
  ])('that Slurm calls %s is that', async (word, command, real, code) => {
    const job = await submit(command, { extraOptions: ['--hold'] });
    await using _wrapper = await rewrite(job, `s/\\x1f${real}\\x1f/\\x1f${word}\\x1f/`);
    await login.run(`scontrol release ${job.slurmJobId}`);
    expect(await ended(job)).toMatchObject({
      state: word,
      signal: null,
      attempt: 1,
      ...code,
      evidence: seen(word),
      attempts: [{ number: 1, outcome: word, ...code }],
    });
  });
});
