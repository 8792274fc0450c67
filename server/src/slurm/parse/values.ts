import { isActiveState, type JobState } from '../../domain/job-state.ts';

/** Slurm's ways to write "nothing". */
const EMPTY = new Set(['', '(null)', 'N/A', 'n/a', 'None', 'Unknown', 'NONE', 'None assigned']);

export function textValue(text: string): string | null {
  return EMPTY.has(text) ? null : text;
}

/** Epoch seconds, as `SLURM_TIME_FORMAT=%s` gives them; null for `N/A`, `Unknown` and 0. */
export function timeValue(text: string): Date | null {
  const seconds = /^\d+$/.test(text) ? Number(text) : 0;
  return seconds === 0 ? null : new Date(seconds * 1000);
}

/** How the batch script itself ended. Both null: it came to no end of its own, or Slurm doesn't tell. */
export interface ExitStatus {
  readonly exitCode: number | null;
  readonly signal: number | null;
}

const NO_END: ExitStatus = { exitCode: null, signal: null };
/** Linux has no more; 125 stands for running out of memory (src/common/slurm_protocol_defs.h, SIG_OOM). */
const LAST_SIGNAL = 64;
/** Ends that come from the cluster: whatever code Slurm shows beside them, no script ended with it. */
const ENDED_BY_CLUSTER: ReadonlySet<JobState> = new Set(['NODE_FAIL', 'BOOT_FAIL', 'REVOKED']);

/** `code:signal`, or the raw wait status that squeue prints up to 22.05 (256 is exit code 1). */
export function exitStatus(text: string): ExitStatus {
  const pair = /^(\d+):(\d+)$/.exec(text);
  const [code, signal] = pair ? [Number(pair[1]), Number(pair[2])] : [Number(text) >> 8, Number(text) & 0x7f];
  if (!pair && !/^\d+$/.test(text)) return NO_END;
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

/** `1-02:03:04`, `02:03:04`, `03:04` as seconds; null for `UNLIMITED` and whatever else is no duration. */
export function durationSeconds(text: string): number | null {
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(text);
  if (match === null) return null;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

/** `4`, `2K`, `1M`: how gres counts are written. */
export function countValue(text: string): number | null {
  const match = /^(\d+)([KMG]?)$/.exec(text);
  if (match === null) return null;
  const factor = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[match[2] ?? ''] ?? 1;
  return Number(match[1]) * factor;
}
