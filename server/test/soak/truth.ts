import type { LocalSlurm } from '@slurmql/local-slurm';
import { arrayTaskIds } from '../../src/domain/array-spec.ts';

/** One row of sacct: one attempt of one job. */
export interface Account {
  readonly slurmJobId: string;
  /** The job's name in Slurm. */
  readonly name: string;
  /** Slurm's words: `CANCELLED by 0`. */
  readonly state: string;
  /** `code:signal`. */
  readonly exit: string;
}

/** A job as the public API lists it. */
export interface JobSummary {
  readonly id: string;
  readonly name: string;
  readonly slurmJobId: string | null;
  readonly arrayTaskId: number | null;
  readonly state: string;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly attempt: number;
  readonly evidence: { readonly source: string; readonly word: string | null } | null;
}

/** A job with all that it has been through. */
export interface ToldJob extends JobSummary {
  readonly attempts: readonly { readonly number: number; readonly outcome: string | null }[];
  readonly events: {
    readonly nodes: readonly { readonly kind: string; readonly fromState: string | null; readonly state: string }[];
  };
}

export interface Difference {
  readonly job: string;
  readonly what: string;
  readonly told: string;
  readonly truth: string;
}

const NOT_OVER = /^(?:PENDING|RUNNING|SUSPENDED|COMPLETING|CONFIGURING|REQUEUED)\b/;

/**
 * What a cluster's accounting knows of jobs, in the order of the attempts of each. They are asked for by their numbers:
 * tasks that were cancelled while they waited are in no list by time.
 */
export async function readAccounts(
  slurm: LocalSlurm,
  cluster: string,
  numbers: readonly string[],
): Promise<readonly Account[]> {
  const output = await sacct(slurm, cluster, [`--jobs=${numbers.join(',')}`]);
  const rows = output.split('\n').flatMap((line) => {
    const [slurmJobId, name, state, exit, submit] = line.split('|');
    if (slurmJobId === undefined || name === undefined || state === undefined) return [];
    const row = { name, state, exit: exit ?? '', submit: submit ?? '' };
    // The tasks of an array that never started share a row.
    const [, array, tasks] = /^(\d+)_\[([^\]]+)\]$/.exec(slurmJobId) ?? [];
    if (tasks === undefined) return [{ ...row, slurmJobId, isShared: false }];
    return (arrayTaskIds(tasks) ?? []).map((task) => ({ ...row, slurmJobId: `${array}_${task}`, isShared: true }));
  });
  const own = new Set(rows.flatMap(({ slurmJobId, isShared }) => (isShared ? [] : [slurmJobId])));
  const telling = rows.filter(({ slurmJobId, isShared }) => !isShared || !own.has(slurmJobId));
  // Stable: attempts of the same second stay in the order in which they were made.
  return telling.sort((left, right) => (left.submit < right.submit ? -1 : left.submit > right.submit ? 1 : 0));
}

/** The number of every job that a cluster's accounting knows of. */
export async function allNumbers(slurm: LocalSlurm, cluster: string): Promise<readonly string[]> {
  const output = await sacct(slurm, cluster, ['--allusers', '--starttime=now-1day']);
  return [...new Set(output.split('\n').flatMap((line) => /^\d+/.exec(line) ?? []))];
}

function sacct(slurm: LocalSlurm, cluster: string, which: readonly string[]): Promise<string> {
  const options = ['--noheader', '--parsable2', '--duplicates', '--allocations'];
  return slurm.run(cluster, 'sacct', [...options, ...which, '--format=JobID,JobName,State,ExitCode,Submit']);
}

/** Whether the last attempt of a job has come to an end. */
export function isOver(accounts: readonly Account[]): boolean {
  const last = accounts.at(-1);
  return last !== undefined && !NOT_OVER.test(last.state);
}

/**
 * What is told of a job and differs from its accounts. `ownCode`: with which code its payload ends when nobody
 * interferes; null: it doesn't end by itself, or by a signal.
 */
export function compare(job: ToldJob, accounts: readonly Account[], ownCode: number | null): readonly Difference[] {
  const differences: Difference[] = [];
  const differs = (what: string, told: unknown, truth: unknown) =>
    void differences.push({ job: `${job.name} ${job.slurmJobId}`, what, told: String(told), truth: String(truth) });
  let state: string | null = null;
  for (const event of job.events.nodes) {
    if (event.kind !== 'CREATED' && event.fromState !== state) differs('chain of events', event.fromState, state);
    state = event.state;
  }
  if (state !== job.state) differs('last event', state, job.state);
  const last = accounts.at(-1);
  if (last === undefined) {
    // It was cancelled before Slurm had it.
    if (job.slurmJobId !== null || job.state !== 'CANCELLED') differs('state', job.state, 'unknown to sacct');
    return differences;
  }
  const [word = ''] = last.state.split(' ');
  if (job.state !== word) differs('state', `${job.state} by ${job.evidence?.source}`, last.state);
  if (!exits(word, last.exit, ownCode).includes(exitOf(job))) {
    differs('exit', `${exitOf(job)} by ${job.evidence?.source}`, exits(word, last.exit, ownCode).join(' or '));
  }
  const words = accounts.map(({ state, exit }) => `${state} ${exit}`).join(', ');
  if (job.attempt !== accounts.length) differs('attempts', job.attempt, `${accounts.length}: ${words}`);
  const told = job.attempts.slice(0, -1).map(({ outcome }) => outcome ?? 'not told');
  const closed = accounts.slice(0, -1).map(({ state }) => state);
  // A job that was over when it was requeued is REQUEUED in the accounts; how it had ended is as true.
  const isTrue = closed.every((word, index) => {
    const outcome = told[index] ?? '';
    return outcome === word || (word === 'REQUEUED' && /^(?:COMPLETED|FAILED|CANCELLED|TIMEOUT)/.test(outcome));
  });
  if (!isTrue || told.length !== closed.length) differs('earlier attempts', told.join(), closed.join());
  return differences;
}

function exitOf({ exitCode, signal }: Pick<ToldJob, 'exitCode' | 'signal'>): string {
  return signal === null ? `code ${exitCode}` : `signal ${signal}`;
}

/**
 * The exits that are true for a row of sacct:
 * - A job that completed has code 0.
 * - Of a job that failed by a signal, sacct tells the signal.
 * - Of one that failed by a code, sacct tells the code, less 128 from 128 on (Slurm up to 25.05, src/sacct/print.c);
 *   the payload's own code says which of both it was.
 * - What a person or a limit ended has no code of its own to sacct (0:0). squeue tells how the batch script took the
 *   SIGTERM: by its signal, or by a code of its own; code 0, of a payload that took it as a good end, is none. KILL
 *   follows where it took it not at all. A payload that was just ending has its own code.
 */
function exits(word: string, exit: string, ownCode: number | null): readonly string[] {
  const [code = 0, signal = 0] = exit.split(':').map(Number);
  if (word === 'COMPLETED') return ['code 0'];
  if (word !== 'FAILED') {
    return [
      'code null',
      'signal 15',
      'code 143',
      'signal 9',
      'code 137',
      ...(ownCode === null ? [] : [`code ${ownCode}`]),
    ];
  }
  if (signal !== 0) return [`signal ${signal}`];
  if (ownCode !== null && (code === ownCode || code === ownCode - 128)) return [`code ${ownCode}`];
  return [`code ${code}`];
}
