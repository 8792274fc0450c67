import { setTimeout as pause } from 'node:timers/promises';
import { type Job, type LogStream, logPath } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { LogChunk } from '../domain/log-chunk.ts';
import { type RemoteFiles, SshInterrupted, SshUnavailable } from '../ssh/index.ts';
import type { FileWatches } from './file-watch.ts';
import { MAX_CHUNK_BYTES, readLog } from './read-log.ts';

/** Shared file systems show a job's last bytes late: so many looks without growth after its end, then it is over. */
const QUIET_LOOKS_AT_THE_END = 2;
const FOLDER_CHECK_MS = 250;

export interface FollowRequest {
  readonly stream: LogStream;
  /** Byte offset to start from; negative: that many bytes before the end as it is at the first look. */
  readonly after: number;
  readonly signal: AbortSignal;
  readonly files: RemoteFiles;
  readonly watches: FileWatches;
  /** The job as it is now. */
  job(): Promise<Job>;
}

/**
 * The bytes of a job's log from an offset to the end, then as they come. Ends with a complete chunk once the job is
 * over and its file read to the end. While the cluster is out of reach it waits, and then goes on where it was.
 */
export async function* followLog(request: FollowRequest): AsyncGenerator<LogChunk, void, undefined> {
  const { signal, files } = request;
  const job = await withFolder(request);
  const path = logPath(job, request.stream);
  if (path === null) {
    // Aborted, or the job ended before it had a folder: there never was a log.
    if (!signal.aborted) yield { startOffset: 0, endOffset: 0, text: '', isReset: false, isComplete: true };
    return;
  }
  using watch = request.watches.open(job.clusterName, files, path);
  let offset = request.after < 0 ? null : request.after;
  let isReset = false;
  let quietSince: number | null = null;
  let lookAtRead = watch.looks;

  while (!signal.aborted) {
    if (watch.fault !== null) throw watch.fault;
    // Read before the look that counts, so that nothing the job wrote at its end can follow that look.
    const isOver = !isActiveState((await request.job()).state);
    const size = watch.status?.sizeBytes ?? null;
    if (size !== null) {
      offset ??= Math.max(0, size + request.after);
      // The look that was under way while the offset was read may have seen the file as it was before.
      if (size < offset && watch.looks - lookAtRead >= 2) {
        offset = 0;
        isReset = true;
        quietSince = null;
      }
    }
    const isFinal = quietSince !== null && watch.looks - quietSince >= QUIET_LOOKS_AT_THE_END;
    if (size !== null && offset !== null && (size > offset || isFinal)) {
      const chunk = await unlessInterrupted(readLog(files, { path, offset, limit: MAX_CHUNK_BYTES, isFinal, signal }));
      if (chunk !== null && (chunk.endOffset > offset || chunk.isComplete)) {
        yield { ...chunk, isReset };
        if (chunk.isComplete) return;
        offset = chunk.endOffset;
        lookAtRead = watch.looks;
        isReset = false;
        quietSince = null;
        continue;
      }
    } else if (isFinal) {
      yield { startOffset: 0, endOffset: 0, text: '', isReset: false, isComplete: true };
      return;
    }
    if (isOver) quietSince ??= watch.looks;
    await watch.nextLook(signal);
  }
}

/** The job once its folder on the cluster is known, or it is over, or nobody follows any more. */
async function withFolder({ job, signal }: FollowRequest): Promise<Job> {
  for (;;) {
    const current = await job();
    if (current.workDir !== null || !isActiveState(current.state) || signal.aborted) return current;
    await pause(FOLDER_CHECK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Null when the connection broke: the watch tells when the cluster answers again. */
async function unlessInterrupted<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (cause) {
    if (cause instanceof SshUnavailable || cause instanceof SshInterrupted) return null;
    throw cause;
  }
}
