import { encodeGlobalID } from '@pothos/plugin-relay';
import type { Job, LogStream } from '../../domain/job.ts';
import { localId } from '../ids.ts';

const PATH = /^\/jobs\/([^/]+)\/(stdout|stderr)\.log$/;

/** The HTTP path of a job's log. */
export function logUrl(job: Pick<Job, 'id'>, stream: LogStream): string {
  return `/jobs/${encodeURIComponent(encodeGlobalID('Job', job.id))}/${stream.toLowerCase()}.log`;
}

export interface LogAddress {
  /** An id that no job has, if the path contains no job's global id. */
  readonly jobId: string;
  readonly stream: LogStream;
}

/** The log that such a path names; null for any other path. */
export function logAddress(path: string): LogAddress | null {
  const match = PATH.exec(path);
  if (match === null) return null;
  const stream = match[2] === 'stdout' ? 'STDOUT' : 'STDERR';
  try {
    return { jobId: localId(decodeURIComponent(match[1] ?? ''), 'Job'), stream };
  } catch {
    // Invalid percent encoding, so no id.
    return { jobId: '', stream };
  }
}
