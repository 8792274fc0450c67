import { type Job, type LogStream, logPath } from '../domain/job.ts';
import { isActiveState, type JobState } from '../domain/job-state.ts';
import type { LogAbsence } from '../domain/log-chunk.ts';
import type { RemoteFiles, RequestOptions } from '../ssh/index.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** How a job may end before it begins. After any other end it ran, even if its start was not seen. */
const NEEDS_NO_START: ReadonlySet<JobState> = new Set([
  'SUBMIT_FAILED',
  'CANCELLED',
  'DEADLINE',
  'BOOT_FAIL',
  'REVOKED',
]);

/**
 * Why there is no log file of a job that is over. Null: there is one, or the job isn't over and may still write it.
 * Throws what the connection throws.
 */
export async function findAbsence(files: RemoteFiles, job: Job, stream: LogStream): Promise<LogAbsence | null> {
  if (isActiveState(job.state)) return null;
  const options = { timeoutMs: REQUEST_TIMEOUT_MS };
  const path = logPath(job, stream);
  if (path !== null && (await files.stat(path, options)) !== null) return null;
  return absenceOf(files, job, options);
}

/** The same when it is known that there is no file. */
export async function absenceOf(files: RemoteFiles, job: Job, options: RequestOptions): Promise<LogAbsence> {
  const isUnstarted = job.startedAt === null && job.attempt === 1 && NEEDS_NO_START.has(job.state);
  if (job.workDir === null || isUnstarted) return 'NEVER_STARTED';
  return (await files.isDirectory(job.workDir, options)) ? 'NO_FILE' : 'NO_FOLDER';
}
