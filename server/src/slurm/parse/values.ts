import { isActiveState, type JobState } from '../../domain/job-state.ts';
import { bounded } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { MAX_TEXT } from './limits.ts';

/** Slurm's ways to write "nothing". */
const EMPTY = new Set(['', '(null)', 'N/A', 'n/a', 'None', 'Unknown', 'NONE', 'None assigned']);

/** No more than `most` of it are kept. */
export function textValue(text: string, most = MAX_TEXT): string | null {
  return EMPTY.has(text) ? null : bounded(text, most);
}

/** Digits alone as a number, null for whatever else. Throws UnreadableAnswer for more than `most`. */
export function numberValue(text: string, most: number, what: string): number | null {
  if (!/^\d+$/.test(text)) return null;
  const value = Number(text);
  if (value > most) throw outOfRange(text, what);
  return value;
}

function outOfRange(text: string, what: string): UnreadableAnswer {
  return new UnreadableAnswer(`${bounded(text, 40)} is no ${what}`);
}

/** NO_VAL and INFINITE in slurm/slurm.h: how Slurm keeps "not set" and "without end". */
const NOT_SET: ReadonlySet<number> = new Set([4_294_967_294, 4_294_967_295]);
/** The end of the year 9999, behind which no time can be written as others are. */
const LAST_SECOND = 253_402_300_799;

/** Epoch seconds, as `SLURM_TIME_FORMAT=%s` gives them; null for `N/A`, `Unknown` and 0. Throws UnreadableAnswer. */
export function timeValue(text: string): Date | null {
  const seconds = numberValue(text, LAST_SECOND, 'time') ?? 0;
  return seconds === 0 || NOT_SET.has(seconds) ? null : new Date(seconds * 1000);
}

/** How the batch script itself ended. Both null: it came to no end of its own, or Slurm doesn't tell. */
export interface ExitStatus {
  readonly exitCode: number | null;
  readonly signal: number | null;
}

const NO_END: ExitStatus = { exitCode: null, signal: null };
/** Linux has no more; 125 stands for running out of memory (src/common/slurm_protocol_defs.h, SIG_OOM). */
const LAST_SIGNAL = 64;
/**
 * Slurm keeps an error of its own where the wait status belongs: of SPANK's (3000 and more) and slurmd's (4000 and more) in
 * slurm/slurm_errno.h the low bits are these numbers, so that 4021, a log that can't be opened, shows as `0:53`. They
 * are real-time signals, too, which hardly anything ends by.
 */
const FIRST_ERROR_SIGNAL = 32;
/** Ends that come from the cluster: whatever code Slurm shows beside them, no script ended with it. */
const ENDED_BY_CLUSTER: ReadonlySet<JobState> = new Set(['NODE_FAIL', 'BOOT_FAIL', 'REVOKED']);

/** A wait status has 16 bits. */
const MAX_STATUS = 0xff_ff;

/** `code:signal`, or the raw wait status that squeue prints up to 22.05 (256 is exit code 1). Throws UnreadableAnswer. */
export function exitStatus(text: string): ExitStatus {
  const [, pairCode, pairSignal] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (pairCode === undefined && NOT_SET.has(Number(text))) return NO_END;
  const status = numberValue(pairCode ?? text, MAX_STATUS, 'exit code');
  if (status === null) return NO_END;
  // Whoever is ended by a signal has no code, and whoever has a code dumps no core: an error of Slurm's, then.
  if (pairCode === undefined && status > 0xff && (status & 0xff) !== 0) return NO_END;
  const [code, signal] = pairCode === undefined ? [status >> 8, status & 0x7f] : [status, Number(pairSignal)];
  if (signal > LAST_SIGNAL) return NO_END;
  return signal === 0 ? { exitCode: code, signal: null } : { exitCode: null, signal };
}

/**
 * `exitStatus` of a job that is in this state: null unless the script ended so. A script that was never launched has no
 * code either, whatever Slurm shows; with a signal, the same reason tells of one that was (up to 22.05).
 */
export function scriptEnd(text: string, state: JobState | null, reason: string | null): ExitStatus {
  if (state === null || isActiveState(state) || ENDED_BY_CLUSTER.has(state)) return NO_END;
  const end = exitStatus(text);
  const isLaunched = end.signal !== null || reason !== 'JobLaunchFailure';
  // Slurm shows code 0 for whatever it ended itself: only a job that completed has earned it.
  const isEarned = end.exitCode !== 0 || state === 'COMPLETED';
  return isLaunched && isEarned ? end : NO_END;
}

/** Whether it may be an error of Slurm's rather than a signal: then the records of the job decide. */
export function isDoubtfulSignal(signal: number | null): boolean {
  return signal !== null && signal >= FIRST_ERROR_SIGNAL;
}

/** Before 22.05 it stands for a log or a directory that Slurm can't open, too. */
const LAUNCH_FAILURE_CODE = 1;

/** Whether it may be an error of Slurm's rather than a code of the script's: then the records of the job decide. */
export function isDoubtfulCode(exitCode: number | null): boolean {
  return exitCode === LAUNCH_FAILURE_CODE;
}

/** In whole minutes it has 31 bits. */
const MAX_DURATION = (2 ** 31 - 1) * 60;

/**
 * `1-02:03:04`, `02:03:04`, `03:04` as seconds; null for `UNLIMITED` and whatever else is no duration. Throws
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

/** `4`, `2K`, `1M`: how gres counts are written; null for whatever else, and for what can't be counted exactly. */
export function countValue(text: string): number | null {
  const match = /^(\d+)([KMG]?)$/.exec(text);
  if (match === null) return null;
  const factor = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[match[2] ?? ''] ?? 1;
  const count = Number(match[1]) * factor;
  return Number.isSafeInteger(count) ? count : null;
}
