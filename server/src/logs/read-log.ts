import { type Job, type LogStream, logPath } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { LogChunk } from '../domain/log-chunk.ts';
import type { RemoteFiles } from '../ssh/index.ts';
import { isLongOver, recordedBytes } from './log-end.ts';
import { decodeBytes, LOOK_BACK_BYTES } from './utf8.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** The longest UTF-8 character: with fewer bytes a read might never get past one. */
const MIN_LIMIT = 4;
const MAX_LIMIT = 256 * 1024;

export interface ReadRequest {
  readonly stream: LogStream;
  /** Negative: that many bytes before the file's end. */
  readonly offset: number;
  /** Bytes; kept between 4 and 256 KiB. */
  readonly limit: number;
}

/** One chunk of a job's log; null when there is no such file (yet). Throws what the connection throws. */
export async function readLog(files: RemoteFiles, job: Job, request: ReadRequest): Promise<LogChunk | null> {
  const options = { timeoutMs: REQUEST_TIMEOUT_MS };
  const path = logPath(job, request.stream);
  const status = path === null ? null : await files.stat(path, options);
  if (path === null || status === null) return null;
  const { sizeBytes } = status;
  const offset = request.offset < 0 ? Math.max(0, sizeBytes + request.offset) : Math.min(request.offset, sizeBytes);
  const limit = Math.min(Math.max(request.limit, MIN_LIMIT), MAX_LIMIT);
  const backBytes = Math.min(LOOK_BACK_BYTES, offset);
  const read = await files.read(path, offset - backBytes, backBytes + limit, options);
  const bytes = read.subarray(backBytes);
  const reachesEnd = offset + bytes.length >= sizeBytes;
  const isAtEnd = reachesEnd && !isActiveState(job.state);
  const recorded = isAtEnd ? await recordedBytes(files, job, request.stream, options) : null;
  // Network file systems may show the last bytes of a job that has just ended late.
  const isComplete = isAtEnd && (isLongOver(job) || sizeBytes >= (recorded ?? 0));
  const { text, skipped, consumed } = decodeBytes(bytes, { before: read.subarray(0, backBytes), isEnd: isComplete });
  const place = { startOffset: offset + skipped, endOffset: offset + consumed };
  return { ...place, text, isReset: false, isComplete, absence: null, recordedBytes: isComplete ? recorded : null };
}
