import { encodeGlobalID } from '@pothos/plugin-relay';
import type { Job, LogStream } from '../../domain/job.ts';
import { localId } from '../ids.ts';

const PATH = /^\/jobs\/([^/]+)\/(stdout|stderr)\.log$/;

/** Where the bytes of a job's log are to be had over HTTP. */
export function logUrl(job: Pick<Job, 'id'>, stream: LogStream): string {
  return `/jobs/${encodeURIComponent(encodeGlobalID('Job', job.id))}/${stream.toLowerCase()}.log`;
}

export interface LogAddress {
  /** One that no job has, where the path holds no job's global id. */
  readonly jobId: string;
  readonly stream: LogStream;
}

/** What such a path names; null for any other one. */
export function logAddress(path: string): LogAddress | null {
  const match = PATH.exec(path);
  if (match === null) return null;
  const stream = match[2] === 'stdout' ? 'STDOUT' : 'STDERR';
  try {
    return { jobId: localId(decodeURIComponent(match[1] ?? ''), 'Job'), stream };
  } catch {
    // No text in percent encoding, so no id.
    return { jobId: '', stream };
  }
}
