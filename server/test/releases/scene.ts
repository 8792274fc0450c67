import type { LocalSlurm } from '@slurmql/local-slurm';
import type { Ownership } from '../../src/slurm/owner.ts';
import { FIELD_END } from '../../src/slurm/parse/ends.ts';
import { quote } from '../../src/ssh/index.ts';
import type { ClusterLogin } from '../support/cluster-login.ts';
import { until } from '../support/server.ts';

// The same jobs on every release of Slurm: what it prints of them is recorded, and held against the real thing.

export const CLUSTER = {
  name: 'alpha',
  nodes: [
    { name: 'cpu01', cpus: 64, memoryMb: 64_000 },
    { name: 'cpu02', cpus: 8, memoryMb: 16_000 },
    { name: 'gpu01', cpus: 32, memoryMb: 64_000, gpus: { type: 'a100', count: 4 } },
    {
      name: 'gpu02',
      cpus: 32,
      memoryMb: 64_000,
      gpus: [
        { type: 'h100', count: 2 },
        { type: '1g.5gb', count: 2 },
      ],
    },
    { name: 'drained', gpus: { count: 4 } },
    { name: 'down', state: 'DOWN' },
  ],
  partitions: [
    { name: 'cpu', nodes: ['cpu01'], maxTime: '7-00:00:00' },
    { name: 'gpu', nodes: ['gpu01', 'gpu02', 'drained'], maxTime: '2-00:00:00' },
    { name: 'old', nodes: ['down', 'cpu02'], state: 'INACTIVE' },
  ],
  slurmConf: ['MinJobAge=3600'],
} as const;

/** What is asked of sbatch, by the label that is the job's name. */
export const JOBS: Readonly<Record<string, readonly [options: string, command: string]>> = {
  completed: ['', 'true'],
  failed: ['', 'exit 1'],
  'exit-143': ['', 'exit 143'],
  killed: ['', 'kill -9 $$'],
  terminated: ['', 'kill -15 $$'],
  'timed-out': ['-t 60', 'sleep 600'],
  'cancelled-running': ['', 'sleep 600'],
  'cancelled-waiting': ['--hold', 'true'],
  running: ['', 'sleep 600'],
  held: ['--hold', 'true'],
  'held-by-admin': ['--begin=now+1hour', 'true'],
  later: ['--begin=now+1hour', 'true'],
  suspended: ['', 'sleep 600'],
  requeued: ['--requeue', '[ -n "$SLURM_RESTART_COUNT" ] || sleep 600'],
  fixed: ['--no-requeue', 'sleep 600'],
  gpus: ['-p gpu -w gpu01 --gres=gpu:a100:2', 'sleep 600'],
  array: ['--array=0-9%2', '[ "$SLURM_ARRAY_TASK_ID" -gt 1 ] || exit "$SLURM_ARRAY_TASK_ID"; sleep 600'],
  'array-held': ['--hold --array=0-5', 'true'],
  dependent: ['--dependency=afterok:$failed', 'true'],
  het: ['-n 1 : -p gpu -w gpu02 --gres=gpu:h100:1', 'sleep 600'],
  warned: ['-N 2 -n 1', 'true'],
  'bad-partition': ['-p nope', 'true'],
  'bad-gpus': ['-p gpu --gres=gpu:a100:64', 'true'],
  'bad-account': ['-A nobody', 'true'],
  'bad-time': ['-p gpu -t 30-0', 'true'],
  'bad-option': ['--nonsense', 'true'],
  inactive: ['-p old', 'true'],
};

/** Each is tried on a job with which scontrol has nothing to do. */
export const REFUSED = [
  ['hold', 'running'],
  ['hold', 'completed'],
  ['release', 'held-by-admin'],
  ['release', 'completed'],
  ['requeue', 'held'],
  ['requeue', 'fixed'],
  ['requeue', 'array-held'],
] as const;

const LABELS = Object.keys(JOBS);

/** The id that a job has as one of the product's. */
export function idOf(label: string): string {
  return `01K${String(LABELS.indexOf(label)).padStart(23, '0')}`;
}

/** The label of a job that Slurm shows, by the path of its script; undefined: it is none of these. */
export function labelOf({
  ownerId,
  directoryJobId,
}: Pick<Ownership, 'ownerId' | 'directoryJobId'>): string | undefined {
  const id = ownerId ?? directoryJobId;
  return LABELS.find((label) => idOf(label) === id);
}

/** What sbatch answered to one of the jobs. */
export interface SbatchAnswer {
  readonly label: string;
  readonly options: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The jobs on a cluster that is like CLUSTER. */
export class Scene {
  readonly #slurm: LocalSlurm;
  readonly #login: ClusterLogin;
  /** Slurm's numbers, by label. */
  readonly numbers = new Map<string, string>();

  constructor(slurm: LocalSlurm, login: ClusterLogin) {
    this.#slurm = slurm;
    this.#login = login;
  }

  /** Resolves to the answers of sbatch once every job is what its label says. */
  async make(): Promise<readonly SbatchAnswer[]> {
    await this.#admin('update', 'NodeName=drained', 'State=DRAIN', 'Reason=bad fan: since May');
    const answers = await this.#submit();
    await this.#settle();
    return answers;
  }

  async #submit(): Promise<readonly SbatchAnswer[]> {
    const answers: SbatchAnswer[] = [];
    for (const [label, [options, command]] of Object.entries(JOBS)) {
      // A job of the product's: by the path of its script and its directory.
      const directory = `$HOME/slurmql/jobs/${idOf(label)}`;
      const common = `-J ${label} -o /dev/null --chdir=${directory}`;
      const [code, stdout = '', stderr = ''] = (
        await this.#login.run(`mkdir -p ${directory}; failed=${this.numbers.get('failed') ?? ''}
printf '#!/bin/bash\\n%s\\n' ${quote(command)} >${directory}/job.sh
sbatch --parsable ${common} ${options.replace(' : ', ` : ${common} `)} ${directory}/job.sh >out 2>err; echo $?; printf '${FIELD_END}'; cat out; printf '${FIELD_END}'; cat err`)
      ).split(FIELD_END);
      answers.push({ label, options, exitCode: Number(code), stdout, stderr });
      const id = /^\d+/m.exec(stdout)?.[0];
      if (id !== undefined) this.numbers.set(label, id);
    }
    return answers;
  }

  async #settle(): Promise<void> {
    for (const label of ['timed-out', 'cancelled-running', 'running', 'suspended', 'requeued', 'fixed', 'gpus', 'het'])
      await this.#reaches(label, 'RUNNING');
    await this.#admin('update', `JobId=${this.number('timed-out')}`, 'EndTime=now+1seconds');
    await this.#slurm.run('alpha', 'scancel', [this.number('cancelled-running'), this.number('cancelled-waiting')]);
    await this.#admin('hold', this.number('held-by-admin'));
    await this.#admin('suspend', this.number('suspended'));
    await this.#admin('requeue', this.number('requeued'));
    await this.#admin('release', `${this.number('array-held')}_3`);
    const states = {
      ...{ completed: 'COMPLETED', failed: 'FAILED', killed: 'FAILED', terminated: 'FAILED', requeued: 'COMPLETED' },
      ...{ 'timed-out': 'TIMEOUT', 'cancelled-running': 'CANCELLED', suspended: 'SUSPENDED', 'exit-143': 'FAILED' },
      'array-held': 'COMPLETED',
    };
    for (const [label, state] of Object.entries(states)) await this.#reaches(label, state);
    // slurmdbd hears of ends within seconds.
    await until(
      () => this.#slurm.run('alpha', 'sacct', ['-a', '-X', '-n', '-P', '-j', this.number('requeued'), '-o', 'State']),
      (text) => text.trim() === 'COMPLETED',
    );
    await until(
      () => this.#slurm.run('alpha', 'sacct', ['-a', '-X', '-n', '-P', '-j', this.number('running'), '-o', 'JobName']),
      (text) => text.startsWith('running'),
    );
  }

  number(label: string): string {
    const id = this.numbers.get(label);
    if (id === undefined) throw new Error(`sbatch took no job ${label}`);
    return id;
  }

  async #reaches(label: string, state: string): Promise<void> {
    await until(
      () => this.#slurm.run('alpha', 'squeue', ['-h', '-t', 'all', '-j', this.number(label), '-o', '%T']),
      (text) => text.split('\n').includes(state),
    );
  }

  #admin(...args: readonly string[]): Promise<string> {
    return this.#slurm.run('alpha', 'scontrol', args);
  }
}
