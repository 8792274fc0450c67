import { encodeGlobalID } from '@pothos/plugin-relay';
import { isUnanswered } from '../../clusters/index.ts';
import { isArray, type Job, type LogStream } from '../../domain/job.ts';
import { type LogFile, openLogFile } from '../../logs/index.ts';
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

export type OpenedLog =
  | { readonly kind: 'file'; readonly job: Job; readonly file: LogFile }
  | { readonly kind: 'missing'; readonly message: string }
  | { readonly kind: 'unavailable'; readonly message: string };

/** Opens a log for whoever may see the job. */
export async function openLog({ store, clusters }: Services, { jobId, stream }: LogAddress): Promise<OpenedLog> {
  const job = await store.jobs.get(localId(jobId, 'Job'));
  if (job === null) return { kind: 'missing', message: 'There is no such job' };
  if (isArray(job)) return { kind: 'missing', message: 'An array has no log of its own: its tasks do' };
  try {
    const file = await openLogFile(clusters.files(job.clusterName), job, stream);
    return file === null
      ? { kind: 'missing', message: 'Nothing has been written to this log' }
      : { kind: 'file', job, file };
  } catch (cause) {
    if (!isUnanswered(cause)) throw cause;
    return { kind: 'unavailable', message: `The log can't be read: ${cause.message}` };
  }
}
