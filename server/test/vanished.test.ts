import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { ClusterLogin } from './support/cluster-login.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { startSlurm } from './support/slurm.ts';
import { TOLD, type Told, timeline, told } from './support/told.ts';

let slurm: LocalSlurm;
let login: ClusterLogin;
let bench: Workbench;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  const layout = {
    nodes: [{ name: 'n1', cpus: 256, memoryMb: 900_000 }],
    partitions: [{ name: 'main', nodes: ['n1'] }],
    // A script that is told to end has the time on a busy machine, too, to write that it did.
    slurmConf: ['MinJobAge=2', 'KillWait=20'],
  };
  slurm = await startSlurm({
    clusters: [
      { name: 'kept', ...layout },
      { name: 'bare', ...layout, accounting: false },
    ],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('kept'));
  // As squeue is to somebody who never asks between a job's end and its removal from Slurm's memory.
  const over = 'COMPLETING|COMPLETED|FAILED|CANCELLED|TIMEOUT';
  await login.wrap('squeue', `set -o pipefail; "$real" "$@" | sed -E '/\\x1f(${over})\\x1f/d'`);
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 }));
  stack.use(bench);
});

afterAll(() => stack.disposeAsync());

const WAIT = 'until [ -e "$HOME/$SIGNAL" ]; do sleep 0.3; done';
/**
 * How jobs end when all of them are told to. A signal is sent only to those that wait for it with one program from the
 * start: bash doesn't hear one that comes while it starts a program, until that has ended.
 */
const ENDS = {
  completed: WAIT,
  failed: `${WAIT}; exit 3`,
  exited143: `${WAIT}; exit 143`,
  killed: `${WAIT}; kill -9 $$; sleep 300`,
  outOfTime: 'sleep 300',
  cancelledInTerminal: 'sleep 300',
  cancelledHere: 'sleep 300',
} as const;
type End = keyof typeof ENDS;
const NAMES = Object.keys(ENDS) as readonly End[];

class Ends {
  readonly #jobs: ReadonlyMap<End, JobData>;

  private constructor(jobs: ReadonlyMap<End, JobData>) {
    this.#jobs = jobs;
  }

  /** Has one job of each kind run on a cluster, and end in its way. */
  static async of(cluster: string, signal: string): Promise<Ends> {
    const jobs = new Map<End, JobData>();
    for (const name of NAMES) {
      const command = `SIGNAL=${signal}; echo ready; ${ENDS[name]}`;
      jobs.set(name, await bench.submit({ cluster, name, command, timeLimitMinutes: 60 }));
    }
    const ends = new Ends(jobs);
    for (const name of NAMES) await bench.reaches(ends.id(name), 'RUNNING');
    await areReady([...jobs.values()].map(({ workDir }) => `${workDir}/stdout.log`));
    await login.run(`touch "$HOME/${signal}"`);
    const slurmId = (name: End) => jobs.get(name)?.slurmJobId ?? '';
    await slurm.run(cluster, 'scontrol', ['update', `JobId=${slurmId('outOfTime')}`, 'EndTime=now+1seconds']);
    await slurm.run(cluster, 'scancel', [slurmId('cancelledInTerminal')]);
    await bench.cancel(ends.id('cancelledHere'));
    // From here on, nothing but what each of them has left behind tells of it.
    const slurmIds = new Set(NAMES.map(slurmId));
    await until(
      () => slurm.run(cluster, 'squeue', ['--noheader', '--states=all', '--format=%i']),
      (text) => !text.split('\n').some((id) => slurmIds.has(id)),
    );
    return ends;
  }

  id(name: End): string {
    return this.#jobs.get(name)?.id ?? '';
  }

  told(name: End): Promise<Told> {
    return told(bench, this.id(name));
  }

  /** What is told of each, once those named have ended. None of them may ever have been given up. */
  async whenEnded(names: readonly End[] = NAMES): Promise<Record<string, Told>> {
    for (const name of names) await bench.ended(this.id(name));
    for (const name of NAMES) expect(await timeline(bench, this.id(name))).not.toContain('LOST');
    return Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, await this.told(name)])));
  }
}

/** Resolves once the programs of jobs run, by their logs: then what is to catch signals is in place. */
async function areReady(logs: readonly string[]): Promise<void> {
  const words = logs.map((path) => `"${path}"`).join(' ');
  await until(
    () => login.run(`cat ${words} 2>/dev/null || :`),
    (text) => text === 'ready\n'.repeat(logs.length),
  );
}

interface Tasks {
  readonly nodes: readonly (Told & { readonly arrayTaskId: number })[];
}

async function tasks(array: JobData): Promise<Tasks> {
  const query = `query ($id: ID!) { job(id: $id) { tasks(first: 50) { nodes { arrayTaskId ${TOLD} } } } }`;
  return (await bench.server.query<{ job: { tasks: Tasks } }>(query, { id: array.id })).job.tasks;
}

function over(source: string, state: string, exitCode: unknown, signal: number | null, word: unknown = state) {
  return {
    state,
    exitCode,
    signal,
    attempt: 1,
    endedAt: expect.any(String),
    evidence: { source, word, seenAt: expect.any(String) },
    attempts: [
      { number: 1, outcome: word, exitCode, signal, startedAt: expect.any(String), endedAt: expect.any(String) },
    ],
  };
}

/** Slurm's signal reaches the shell and its program at about the same time: the shell may see its program end first. */
const BY_SIGTERM: unknown = expect.toBeOneOf([null, 143]);

const BY_ACCOUNTS = {
  completed: over('SACCT', 'COMPLETED', 0, null),
  failed: over('SACCT', 'FAILED', 3, null),
  exited143: over('SACCT', 'FAILED', 143, null),
  killed: over('SACCT', 'FAILED', null, 9),
  // sacct tells no signal of what a limit or a person ended.
  outOfTime: over('SACCT', 'TIMEOUT', BY_SIGTERM, null),
  cancelledInTerminal: over('SACCT', 'CANCELLED', BY_SIGTERM, null, 'CANCELLED by 0'),
  // By the accounts, unless they are late: that its end was asked for is known here.
  cancelledHere: { state: 'CANCELLED', exitCode: BY_SIGTERM, evidence: { source: expect.any(String) } },
};

describe.concurrent('a job that was gone before anybody saw its end', () => {
  it('is told by the accounting, with the exact code from its own script', async () => {
    const ends = await Ends.of('kept', 'go.kept');
    expect(await ends.whenEnded()).toMatchObject(BY_ACCOUNTS);
  });

  it('is told by its own script where there is no accounting, and not at all when that was killed', async () => {
    const ends = await Ends.of('bare', 'go.bare');
    const byMarker = (state: string, exitCode: unknown) => over('MARKER', state, exitCode, null, null);
    // The script can't know who sent it the signal, or why.
    const reason = expect.stringContaining('A signal ended it');
    const bySignal = { ...byMarker('FAILED', BY_SIGTERM), reason };
    expect(await ends.whenEnded(NAMES.filter((name) => name !== 'killed'))).toMatchObject({
      completed: byMarker('COMPLETED', 0),
      failed: { ...byMarker('FAILED', 3), reason: null },
      exited143: { ...byMarker('FAILED', 143), reason },
      killed: {
        state: 'RUNNING',
        exitCode: null,
        signal: null,
        endedAt: null,
        evidence: { source: 'SQUEUE', word: 'RUNNING' },
        attempts: [{ number: 1, outcome: null, endedAt: null }],
      },
      outOfTime: bySignal,
      cancelledInTerminal: bySignal,
      cancelledHere: byMarker('CANCELLED', BY_SIGTERM),
    });
  });

  it('is told as soon when it is one of many, with one look at what all of them left behind', async () => {
    const array = await bench.submit({
      cluster: 'bare',
      array: '0-29',
      command: 'until [ -e "$HOME/go.many" ]; do sleep 0.5; done; exit $((SLURM_ARRAY_TASK_ID % 3))',
    });
    const isRunning = ({ nodes }: Tasks) => nodes.every(({ state }) => state === 'RUNNING');
    await until(() => tasks(array), isRunning);
    await login.run('touch "$HOME/go.many"');
    expect(await bench.ended(array.id)).toMatchObject({ state: 'FAILED', exitCode: 2 });
    const { nodes } = await tasks(array);
    expect(nodes).toMatchObject(
      Array.from({ length: 30 }, (_, index) => ({
        arrayTaskId: index,
        ...over('MARKER', index % 3 === 0 ? 'COMPLETED' : 'FAILED', index % 3, null, null),
      })),
    );
    const { cluster } = await bench.server.query<{
      cluster: { load: { hour: { commands: { kind: string; count: number }[] } } };
    }>('{ cluster(name: "bare") { load { hour { commands { kind count } } } } }');
    expect(cluster.load.hour.commands.find(({ kind }) => kind === 'markers')?.count).toBeLessThan(10);
  });

  it('and was a task of an array cancelled in a terminal is told even if it shares its row of the accounts with others', async () => {
    const waiting = await bench.submit({ cluster: 'kept', command: 'true', array: '1-5', extraOptions: ['--hold'] });
    const started = await bench.submit({ cluster: 'kept', command: 'echo ready; sleep 300', array: '0-9%2' });
    await bench.reaches(waiting.id, 'HELD');
    await bench.reaches(started.id, 'RUNNING');
    await areReady([0, 1].map((index) => `${started.workDir}/stdout-${index}.log`));
    await slurm.run('kept', 'scancel', [waiting.slurmJobId ?? '', started.slurmJobId ?? '']);
    for (const [job, count] of [
      [waiting, 5],
      [started, 10],
    ] as const) {
      expect(await bench.ended(job.id)).toMatchObject({ state: 'CANCELLED' });
      const { nodes } = await tasks(job);
      const first = job === waiting ? 1 : 0;
      expect(nodes).toMatchObject(
        Array.from({ length: count }, (_, index) => ({
          arrayTaskId: first + index,
          state: 'CANCELLED',
          // The signal ends the shell, or its command before it, whose code that is then.
          exitCode: job === started && index < 2 ? expect.toBeOneOf([null, 143]) : null,
          attempt: 1,
          startedAt: job === started && index < 2 ? expect.any(String) : null,
          evidence: { source: 'SACCT', word: 'CANCELLED by 0' },
        })),
      );
    }
  });
});

describe('while slurmdbd is down', () => {
  it('only what is certain is told, and the rest once it is back', async () => {
    const health = new ClusterHealth(() => bench.server, 'kept');
    await slurm.stopDaemon('slurmdbd');
    let ends: Ends;
    try {
      ends = await Ends.of('kept', 'go.down');
      const { statusMessage } = await health.until(
        ({ statusMessage }) => statusMessage?.includes("accounting can't be read") === true,
      );
      expect(statusMessage).toContain('keep their last state until it can');
      const certain: readonly End[] = ['completed', 'failed', 'cancelledHere'];
      const now = await ends.whenEnded(certain);
      expect(now).toMatchObject({
        completed: over('MARKER', 'COMPLETED', 0, null, null),
        failed: over('MARKER', 'FAILED', 3, null, null),
        cancelledHere: over('MARKER', 'CANCELLED', BY_SIGTERM, null, null),
      });
      // Out of time or cancelled: their scripts wrote the same of both.
      for (const name of NAMES.filter((one) => !certain.includes(one))) {
        expect(now[name]).toMatchObject({
          state: 'RUNNING',
          endedAt: null,
          evidence: { source: 'SQUEUE', word: 'RUNNING' },
        });
      }
    } finally {
      await slurm.startDaemon('slurmdbd');
    }
    const { exited143, killed, outOfTime, cancelledInTerminal } = BY_ACCOUNTS;
    expect(await ends.whenEnded()).toMatchObject({ exited143, killed, outOfTime, cancelledInTerminal });
    expect(await health.until(({ statusMessage }) => statusMessage === null)).toMatchObject({ status: 'ONLINE' });
  });
});
