import { setTimeout as pause } from 'node:timers/promises';
import { type Job, type LogStream, logPath } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { LogChunk } from '../domain/log-chunk.ts';
import { RemoteFileError, type RemoteFiles, SshError, SshInterrupted, SshUnavailable } from '../ssh/index.ts';
import { TURNS } from '../turns/index.ts';
import { absenceOf } from './absence.ts';
import type { FileWatches, Followed, Place } from './file-watch.ts';
import { isSettled, recordedBytes } from './log-end.ts';

const DIRECTORY_CHECK_MS = 250;
/** How often a log is opened to look for late bytes once its job is over. */
const END_CHECK_MS = 500;
const REQUEST_TIMEOUT_MS = 30_000;
/** The furthest offset beyond the end: no file system accepts every number (lseek(2), EINVAL). */
const FARTHEST_BYTES = 2 ** 40;
/** This many failed reads in a row count as lasting. */
const LASTING_FAULTS = 3;

export interface FollowRequest {
  readonly stream: LogStream;
  /** Byte offset to start from; negative: that many bytes before the end at the first look. */
  readonly after: number;
  readonly signal: AbortSignal;
  readonly files: RemoteFiles;
  readonly watches: FileWatches;
  /** Of whoever follows it: accounts take turns. */
  readonly account: string;
  /** Taken before each read, and released once that has been sent. Absent: no wait. */
  seat?(): Promise<Disposable | null> | null;
  /** The job as it is now; asked once at each look for all who follow this file. */
  job(): Promise<Job>;
}

/**
 * The bytes of a job's log from an offset to the end, then as they come. Ends with a complete chunk once the job is
 * over and its file grows no more. While the cluster can't be reached it waits, then continues from its place.
 */
export async function* followLog(request: FollowRequest): AsyncGenerator<LogChunk, void, undefined> {
  const { signal, files, stream, after } = request;
  const first = await withDirectory(request);
  const path = logPath(first, stream);
  if (path === null) {
    // Aborted, or the job ended before it had a directory: there never was a log.
    if (!signal.aborted) yield lastChunk({ offset: 0, absence: 'NEVER_STARTED' });
    return;
  }
  using watch = request.watches.open(first.clusterName, files, path);
  let place: Place | null = null;
  let isReset = false;
  let faults = 0;
  let quietSince: number | null = null;
  let recorded: number | null = null;
  let hasRead = false;
  const options = { timeoutMs: REQUEST_TIMEOUT_MS, signal };

  while (!signal.aborted) {
    // One look at a file wakes thousands.
    const turn = TURNS.pass('new', request.account);
    if (turn !== undefined) await turn;
    if (watch.fault !== null) throw watch.fault;
    // Before the file is read, so that nothing that the job wrote at its end can be missed.
    const job = await watch.job(request.job);
    const isOver = !isActiveState(job.state);
    if (!isOver) {
      quietSince = null;
      // The next attempt leaves a record of its own.
      recorded = null;
    }
    let followed: Followed | null = watch.looks > 0 ? { kind: 'end' } : null;
    if (watch.status !== null) {
      const { sizeBytes } = watch.status;
      using _seat = await request.seat?.();
      place ??= watch.place(after < 0 ? Math.max(0, sizeBytes + after) : Math.min(after, sizeBytes + FARTHEST_BYTES));
      try {
        followed = await untilAborted(unlessInterrupted(watch.read(place, isOver ? 'opened' : 'grown')), signal);
        faults = 0;
      } catch (cause) {
        // A file that is being replaced or was just removed may fail once.
        faults += 1;
        if (!(cause instanceof RemoteFileError) || faults >= LASTING_FAULTS) throw cause;
        followed = null;
      }
      if (followed?.kind === 'chunk') {
        yield { ...followed.chunk, isReset };
        place = followed.next;
        hasRead = true;
        isReset = false;
        quietSince = null;
        continue;
      }
    }
    if (followed?.kind === 'replaced') {
      const sizeBytes = watch.status?.sizeBytes ?? 0;
      // The client named a place beyond the end of a complete log.
      let isBehindEnd = isOver && !hasRead && after > sizeBytes;
      if (isBehindEnd) {
        recorded ??= await unlessInterrupted(recordedBytes(files, job, stream, options));
        isBehindEnd = sizeBytes >= (recorded ?? 0);
      }
      place = watch.place(isBehindEnd ? sizeBytes : 0);
      isReset = !isBehindEnd;
      hasRead = true;
      quietSince = null;
    } else if (followed === null || !isOver) {
      await watch.nextLook(signal);
    } else {
      quietSince ??= performance.now();
      const offset = place?.offset ?? 0;
      // More than was read if it ends within a character.
      const seenBytes = Math.max(offset, watch.status?.sizeBytes ?? 0);
      recorded ??= (await unlessInterrupted(recordedBytes(files, job, stream, options))) ?? null;
      if (isSettled(job, { seenBytes, recorded, quietMs: performance.now() - quietSince })) {
        const last = place === null ? null : await untilAborted(lastOf(watch.read(place, 'last')), signal);
        if (last?.kind === 'chunk') {
          yield { ...last.chunk, isReset, isComplete: true, recordedBytes: recorded };
          return;
        }
        const absence = watch.status === null ? await unlessInterrupted(absenceOf(files, job, options)) : null;
        if (watch.status !== null || absence !== null) {
          if (!signal.aborted) yield lastChunk({ offset, isReset, absence, recordedBytes: recorded });
          return;
        }
      }
      await pause(END_CHECK_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

function lastChunk({ offset, ...news }: { readonly offset: number } & Partial<LogChunk>): LogChunk {
  const end = { startOffset: offset, endOffset: offset, text: '', isComplete: true };
  return { ...end, isReset: false, absence: null, recordedBytes: null, ...news };
}

/** The job once its directory on the cluster is known, or it is over, or the signal is aborted. */
async function withDirectory({ job, signal }: FollowRequest): Promise<Job> {
  for (;;) {
    const current = await job();
    if (current.workDir !== null || !isActiveState(current.state) || signal.aborted) return current;
    await pause(DIRECTORY_CHECK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Null if the connection broke: the watch notices when the cluster answers again. */
async function unlessInterrupted<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (cause) {
    if (cause instanceof SshUnavailable || cause instanceof SshInterrupted) return null;
    throw cause;
  }
}

/** Null if nothing can be read any more, for example because the file was deleted. */
async function lastOf(reading: Promise<Followed>): Promise<Followed | null> {
  try {
    return await reading;
  } catch (cause) {
    if (cause instanceof SshError) return null;
    throw cause;
  }
}

/** Null once the signal is aborted: a shared read continues for the others. */
async function untilAborted<T>(reading: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return null;
  const { promise, resolve } = Promise.withResolvers<null>();
  const onAbort = () => resolve(null);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([reading, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
