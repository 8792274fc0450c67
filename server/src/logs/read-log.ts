import { type Job, type LogStream, logPath } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { LogChunk } from '../domain/log-chunk.ts';
import type { RemoteFiles } from '../ssh/index.ts';
import { isLongOver, recordedBytes } from './log-end.ts';
import { decodeBytes, LOOK_BACK_BYTES } from './utf8.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** The longest UTF-8 character: a shorter read might never get past one. */
const MIN_LIMIT = 4;
export const MAX_LIMIT = 256 * 1024;
/** More than the scrollback of a terminal. */
export const MOST_LAST_LINES = 10_000;
const LINE_PIECE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

export interface ReadRequest {
  readonly stream: LogStream;
  /** Negative: that many bytes before the file's end. */
  readonly offset: number;
  /** Bytes; kept between 4 and 256 KiB. */
  readonly limit: number;
  /** This many lines at the end, up to `limit` bytes, instead of the bytes at `offset`. */
  readonly lastLines: number | null;
}

/** One chunk of a job's log; null when there is no such file (yet). Throws what the connection throws. */
export async function readLog(files: RemoteFiles, job: Job, request: ReadRequest): Promise<LogChunk | null> {
  const options = { timeoutMs: REQUEST_TIMEOUT_MS };
  const path = logPath(job, request.stream);
  const status = path === null ? null : await files.stat(path, options);
  if (path === null || status === null) return null;
  const { sizeBytes } = status;
  const most = Math.min(Math.max(request.limit, MIN_LIMIT), MAX_LIMIT);
  const { offset, limit } =
    request.lastLines === null
      ? { offset: placeIn(sizeBytes, request.offset), limit: most }
      : await lastLinesOf(
          (from, length) => files.read(path, from, length, options),
          sizeBytes,
          request.lastLines,
          most,
        );
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

function placeIn(sizeBytes: number, offset: number): number {
  return offset < 0 ? Math.max(0, sizeBytes + offset) : Math.min(offset, sizeBytes);
}

/**
 * The position of the last lines of a file, searched from its end, piece by piece, in its last `most` bytes. A line
 * feed ends a line; what follows the last one is a line, too.
 */
async function lastLinesOf(
  read: (from: number, length: number) => Promise<Buffer>,
  sizeBytes: number,
  lines: number,
  most: number,
): Promise<{ readonly offset: number; readonly limit: number }> {
  const earliest = Math.max(0, sizeBytes - most);
  let left = lines;
  for (let end = sizeBytes; end > earliest; end = Math.max(earliest, end - LINE_PIECE_BYTES)) {
    const from = Math.max(earliest, end - LINE_PIECE_BYTES);
    const piece = await read(from, end - from);
    // A line feed at the end of the file ends its last line.
    let at = end === sizeBytes ? piece.length - 1 : piece.length;
    while (at > 0) {
      at = piece.lastIndexOf(NEWLINE, at - 1);
      if (at === -1) break;
      left -= 1;
      if (left === 0) return { offset: from + at + 1, limit: Math.max(1, sizeBytes - from - at - 1) };
    }
  }
  return { offset: earliest, limit: Math.max(1, sizeBytes - earliest) };
}
