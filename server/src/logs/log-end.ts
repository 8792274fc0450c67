import { endRecordPath, type Job, type LogStream } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { isSurelyOver } from '../domain/times.ts';
import { RemoteFileError, type RemoteFiles, type RequestOptions } from '../ssh/index.ts';

const RECORD_BYTES = 512;
/** The longest time that network file systems show stale data (acregmax, man 5 nfs, is 60 s). */
export const LATE_MS = 90_000;
/** How long a log must not grow once it has the recorded length. */
const QUIET_MS = 3_500;
/** The same without a record: the batch script was killed, or its node was lost. */
const QUIET_WITHOUT_RECORD_MS = 7_000;

/** Whether a job has been over long enough for all its output to be visible. */
export function isLongOver(job: Job): boolean {
  return !isActiveState(job.state) && job.endedAt !== null && isSurelyOver(job.endedAt, new Date(), LATE_MS);
}

/**
 * The length of a log that the batch script recorded at its end; null: no record. Throws what the connection throws.
 */
export async function recordedBytes(
  files: RemoteFiles,
  job: Job,
  stream: LogStream,
  options: RequestOptions,
): Promise<number | null> {
  const path = endRecordPath(job);
  if (path === null) return null;
  try {
    const record = (await files.read(path, 0, RECORD_BYTES, options)).toString('latin1');
    const match = (stream === 'STDOUT' ? / stdout=\s*(\d+)/ : / stderr=\s*(\d+)/).exec(record);
    return match === null ? null : Number(match[1]);
  } catch (cause) {
    if (cause instanceof RemoteFileError) return null;
    throw cause;
  }
}

/** Whether the log of a job that is over, and that grows no more, is complete. */
export function isSettled(
  job: Job,
  seen: { readonly seenBytes: number; readonly recorded: number | null; readonly quietMs: number },
): boolean {
  if (isLongOver(job)) return true;
  if (seen.recorded === null) return seen.quietMs >= QUIET_WITHOUT_RECORD_MS;
  if (seen.seenBytes < seen.recorded) return seen.quietMs >= LATE_MS;
  return seen.quietMs >= QUIET_MS;
}
