import { isActiveState, type JobState } from '../../domain/job-state.ts';
import { bounded } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { MAX_TEXT } from './limits.ts';

/** Slurm's ways to write "nothing". */
const EMPTY = new Set(['', '(null)', 'N/A', 'n/a', 'None', 'Unknown', 'NONE', 'None assigned']);

/** Cut to `most` characters. */
export function textValue(text: string, most = MAX_TEXT): string | null {
  return EMPTY.has(text) ? null : bounded(text, most);
}

/** Digits as a number; null for anything else. Throws UnreadableAnswer for more than `most`. */
export function numberValue(text: string, most: number, what: string): number | null {
  if (!/^\d+$/.test(text)) return null;
  const value = Number(text);
  if (value > most) throw outOfRange(text, what);
  return value;
}

function outOfRange(text: string, what: string): UnreadableAnswer {
  return new UnreadableAnswer(`${bounded(text, 40)} is no ${what}`);
}

/** NO_VAL and INFINITE in slurm/slurm.h: Slurm's values for "not set" and "unlimited". */
const NOT_SET: ReadonlySet<number> = new Set([4_294_967_294, 4_294_967_295]);
/** The end of the year 9999, after which times need another format. */
const LAST_SECOND = 253_402_300_799;

/** Epoch seconds, as `SLURM_TIME_FORMAT=%s` gives them; null for `N/A`, `Unknown` and 0. Throws UnreadableAnswer. */
export function timeValue(text: string): Date | null {
  const seconds = numberValue(text, LAST_SECOND, 'time') ?? 0;
  return seconds === 0 || NOT_SET.has(seconds) ? null : new Date(seconds * 1000);
}

/** How the batch script itself ended. Both null: it didn't end by itself, or Slurm doesn't say. */
export interface ExitStatus {
  readonly exitCode: number | null;
  readonly signal: number | null;
}

const NO_END: ExitStatus = { exitCode: null, signal: null };
/** Linux has no more; 125 stands for running out of memory (src/common/slurm_protocol_defs.h, SIG_OOM). */
const LAST_SIGNAL = 64;
/**
 * Slurm may store an error of its own as the wait status. The low bits of SPANK's (3000 and more) and slurmd's (4000
 * and more) errors in slurm/slurm_errno.h are these numbers: 4021, a log that can't be opened, shows as `0:53`. They
 * are also real-time signals, which rarely end anything.
 */
const FIRST_ERROR_SIGNAL = 32;
/** Ends caused by the cluster: the code that Slurm shows with them is not a script's. */
const ENDED_BY_CLUSTER: ReadonlySet<JobState> = new Set(['NODE_FAIL', 'BOOT_FAIL', 'REVOKED']);

/** A wait status has 16 bits. */
const MAX_STATUS = 0xff_ff;

/**
 * `code:signal`, or the raw wait status that squeue prints up to 22.05 (256 is exit code 1). Throws UnreadableAnswer.
 */
export function exitStatus(text: string): ExitStatus {
  const [, pairCode, pairSignal] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (pairCode === undefined && NOT_SET.has(Number(text))) return NO_END;
  const status = numberValue(pairCode ?? text, MAX_STATUS, 'exit code');
  if (status === null) return NO_END;
  // A process that a signal ended has no code, and one with a code dumps no core: so it is an error of Slurm's.
  if (pairCode === undefined && status > 0xff && (status & 0xff) !== 0) return NO_END;
  const [code, signal] = pairCode === undefined ? [status >> 8, status & 0x7f] : [status, Number(pairSignal)];
  if (signal > LAST_SIGNAL) return NO_END;
  return signal === 0 ? { exitCode: code, signal: null } : { exitCode: null, signal };
}

/**
 * `exitStatus` of a job in this state: null unless the script ended that way. A script that was never launched has no
 * code, whatever Slurm shows; with a signal, the same reason means one that was launched (up to 22.05).
 */
export function scriptEnd(text: string, state: JobState | null, reason: string | null): ExitStatus {
  if (state === null || isActiveState(state) || ENDED_BY_CLUSTER.has(state)) return NO_END;
  const end = exitStatus(text);
  const isLaunched = end.signal !== null || reason !== 'JobLaunchFailure';
  // Slurm shows code 0 for jobs that it ended itself: only a completed job really has it.
  const isEarned = end.exitCode !== 0 || state === 'COMPLETED';
  return isLaunched && isEarned ? end : NO_END;
}

/** Whether it may be an error of Slurm's and not a signal: then the job's records decide. */
export function isDoubtfulSignal(signal: number | null): boolean {
  return signal !== null && signal >= FIRST_ERROR_SIGNAL;
}

/** Before 22.05 also that of a job whose log or directory Slurm can't open. */
const LAUNCH_FAILURE_CODE = 1;

/** Whether it may be an error of Slurm's rather than a code of the script's: then the records of the job decide. */
export function isDoubtfulCode(exitCode: number | null): boolean {
  return exitCode === LAUNCH_FAILURE_CODE;
}

/** Fits in 31 bits as whole minutes. */
const MAX_DURATION = (2 ** 31 - 1) * 60;

/**
 * `1-02:03:04`, `02:03:04`, `03:04` as seconds; null for `UNLIMITED` and anything else. Throws
 * UnreadableAnswer.
 */
export function durationSeconds(text: string): number | null {
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(text);
  if (match === null) return null;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  const duration = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
  if (duration > MAX_DURATION) throw outOfRange(text, 'duration');
  return duration;
}

/** A gres count: `4`, `2K`, `1M`; null for anything else, and for a number that isn't exact. */
export function countValue(text: string): number | null {
  const match = /^(\d+)([KMG]?)$/.exec(text);
  if (match === null) return null;
  const factor = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[match[2] ?? ''] ?? 1;
  const count = Number(match[1]) * factor;
  return Number.isSafeInteger(count) ? count : null;
}
