import { encodeGlobalID } from '@pothos/plugin-relay';
import { isUnanswered } from '../../clusters/index.ts';
import { isArray, type Job, type LogStream } from '../../domain/job.ts';
import type { LogAbsence } from '../../domain/log-chunk.ts';
import { fileFault, findAbsence, type LogFile, openLogFile } from '../../logs/index.ts';
import type { Services } from '../context.ts';
import { localId } from '../ids.ts';

const PATH = /^\/jobs\/([^/]+)\/(stdout|stderr)\.log$/;

/** Where the bytes of a job's log are to be had over HTTP. */
export function logUrl(job: Pick<Job, 'id'>, stream: LogStream): string {
  return `/jobs/${encodeURIComponent(encodeGlobalID('Job', job.id))}/${stream.toLowerCase()}.log`;
}

export interface LogAddress {
  /** A job's global id. */
  readonly jobId: string;
  readonly stream: LogStream;
}

/** What such a path names; null for any other one. */
export function logAddress(path: string): LogAddress | null {
  const match = PATH.exec(path);
  if (match === null) return null;
  const stream = match[2] === 'stdout' ? 'STDOUT' : 'STDERR';
  try {
    return { jobId: decodeURIComponent(match[1] ?? ''), stream };
  } catch {
    // No text in percent encoding, so no id.
    return { jobId: '', stream };
  }
}

export type OpenedLog = { readonly kind: 'file'; readonly job: Job; readonly file: LogFile } | LogRefusal;

/** `denied`, `broken`: the cluster has it and doesn't give it. `unavailable`: the cluster can't be asked. */
export interface LogRefusal {
  readonly kind: 'missing' | 'denied' | 'broken' | 'unavailable';
  readonly message: string;
}

const WORDS = {
  NEVER_STARTED: 'The job never started, so it has no log',
  NO_FOLDER: "The job's folder is no longer on the cluster: its workspace was cleaned, or is not mounted there",
  NO_FILE: "The job's folder no longer has this file, or the job ended before Slurm had made it",
} as const satisfies Record<LogAbsence, string>;

/** Opens a log for whoever may see the job. */
export async function openLog({ store, clusters }: Services, { jobId, stream }: LogAddress): Promise<OpenedLog> {
  const job = await store.jobs.get(localId(jobId, 'Job'));
  if (job === null) return { kind: 'missing', message: 'There is no such job' };
  if (isArray(job)) return { kind: 'missing', message: 'An array has no log of its own: its tasks do' };
  try {
    const file = await openLogFile(clusters.files(job.clusterName), job, stream);
    if (file !== null) return { kind: 'file', job, file };
    const absence = await findAbsence(clusters.files(job.clusterName), job, stream);
    return { kind: 'missing', message: absence === null ? 'There is no such file yet' : WORDS[absence] };
  } catch (cause) {
    const refusal = logRefusal(cause);
    if (refusal === null) throw cause;
    return refusal;
  }
}

const KINDS = {
  'no-such-file': 'missing',
  'permission-denied': 'denied',
  'not-a-file': 'broken',
  failure: 'broken',
} as const;

/** What an error while a log is opened or read comes to; null: a fault of ours. */
export function logRefusal(cause: unknown): LogRefusal | null {
  if (!isUnanswered(cause)) return null;
  const fault = fileFault(cause);
  return { kind: fault === null ? 'unavailable' : KINDS[fault], message: `The log can't be read: ${cause.message}` };
}
