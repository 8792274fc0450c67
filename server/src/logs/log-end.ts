import { endRecordPath, type Job, type LogStream } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { RemoteFileError, type RemoteFiles, type RequestOptions } from '../ssh/index.ts';

const RECORD_BYTES = 512;
/** The longest time for which network file systems show what is not so any more (acregmax, man 5 nfs, is 60 s). */
export const LATE_MS = 90_000;
/** How long nothing more has to come once all is there that the batch script wrote down. */
const QUIET_MS = 3_500;
/** The same where it wrote down nothing: it was killed, or its node was lost. */
const QUIET_WITHOUT_RECORD_MS = 7_000;

/** Whether a job has been over for so long that everything that it wrote can be seen. */
export function isLongOver(job: Job): boolean {
  return !isActiveState(job.state) && job.endedAt !== null && Date.now() - job.endedAt.getTime() > LATE_MS;
}

/** How many bytes the batch script had seen written to a log at its end; null: it left no word of it. Throws what the connection throws. */
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

/** Whether a log that brings nothing more, of a job that is over, is complete. */
export function isSettled(
  job: Job,
  seen: { readonly seenBytes: number; readonly recorded: number | null; readonly quietMs: number },
): boolean {
  if (isLongOver(job)) return true;
  if (seen.recorded === null) return seen.quietMs >= QUIET_WITHOUT_RECORD_MS;
  if (seen.seenBytes < seen.recorded) return seen.quietMs >= LATE_MS;
  return seen.quietMs >= QUIET_MS;
}
