import { MAX_ARRAY_TASKS } from '../../domain/array-spec.ts';
import { linesOf } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { Budget, MAX_RESTARTS } from './limits.ts';
import { atOnce, Pace, type Reading } from './turns.ts';
import { numberValue } from './values.ts';

/** What a batch script wrote about the end of an attempt. */
export interface EndMarker {
  /** 1 is the first. */
  readonly attempt: number;
  /** The Slurm number of the job that wrote it; for a task of an array its own number, "17" and not "14_3". */
  readonly slurmJobId: string;
  /** Null: an untrapped signal ended its shell. */
  readonly exitCode: number | null;
  /** A signal reached the script or ended its commands; only Slurm, or its sender, knows why. */
  readonly isInterrupted: boolean;
  /** By this server's clock. */
  readonly endedAt: Date;
}

/** `begun`: an attempt left a record, but no complete one of its end. Null: none left any. */
export type LastRecord = EndMarker | 'begun' | null;

/** bash reports a signal as the exit code 128 plus its number. */
const FIRST_SIGNAL_CODE = 129;
const LAST_SIGNAL_CODE = 192;

/** Of the records of one attempt; only files of one block are printed. */
const MAX_MARKERS = 4096;

/**
 * The end of the last attempt that left a record of any kind. Throws UnreadableAnswer for numbers that no job has,
 * and for too much output.
 */
export function lastEnd(output: string, clock: ClusterClock = SAME_CLOCK): LastRecord {
  if (output.length > MAX_MARKERS) throw new UnreadableAnswer('the records of an attempt have no end');
  let last = 0;
  let end: string | null = null;
  for (const line of linesOf(output)) {
    const [, restarts = '', kind, text = ''] = /^\S+\.(\d+)\.(start|end) (.*)$/.exec(line) ?? [];
    const attempt = (numberValue(restarts, MAX_RESTARTS, 'number of restarts') ?? -1) + 1;
    if (attempt > last) [last, end] = [attempt, null];
    if (attempt === last && kind === 'end') end ??= text;
  }
  const match = /^job=(\d{1,10}) code=(\d{1,3})( interrupted| unsure)? at=(\d+)(?: stdout=\d* stderr=\d*)?$/.exec(
    end ?? '',
  );
  const endedAt = clock.pastInstant(match?.[4] ?? '');
  if (match === null || endedAt === null) return last === 0 ? null : 'begun';
  const code = Number(match[2]);
  const isInterrupted = match[3] !== undefined || (code >= FIRST_SIGNAL_CODE && code <= LAST_SIGNAL_CODE);
  // The shell's exit code is then that of the command before.
  const exitCode = match[3] === ' unsure' ? null : code;
  return { attempt: last, slurmJobId: match[1] ?? '', exitCode, isInterrupted, endedAt };
}

/** Names in one directory of records: those of the largest array, begun twice. A job may make any number. */
export const MAX_RECORDS = 4 * MAX_ARRAY_TASKS;

/**
 * By task, the last attempt whose command has begun, from the names of records; 1 is the first. Throws
 * UnreadableAnswer.
 */
export function lastBegun(output: string): ReadonlyMap<string, number> {
  return atOnce(readBegun(output, new Pace()));
}

/**
 * `lastBegun`, yielding to the event loop. `tasks`: only these are kept, because the answers for many directories are kept
 * together.
 */
export function* readBegun(
  output: string,
  pace: Pace,
  tasks?: ReadonlySet<string>,
): Reading<ReadonlyMap<string, number>> {
  const attempts = new Map<string, number>();
  const count = new Budget(MAX_RECORDS, 'records');
  for (const line of linesOf(output)) {
    if (pace.isDue(1)) yield;
    const [, task = '', restarts = ''] = /^(\w{1,10})\.(\d+)\.(?:command|end)$/.exec(line) ?? [];
    if (restarts === '') continue;
    count.take(1);
    const restarted = numberValue(restarts, MAX_RESTARTS, 'number of restarts');
    if (tasks !== undefined && !tasks.has(task)) continue;
    if (restarted === null || (attempts.size > MAX_ARRAY_TASKS && !attempts.has(task))) continue;
    attempts.set(task, Math.max(attempts.get(task) ?? 0, restarted + 1));
  }
  return attempts;
}
