import type { LogChunk } from '../domain/log-chunk.ts';
import type { RemoteFiles } from '../ssh/index.ts';
import { decodeBytes } from './utf8.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** The longest UTF-8 character: with fewer bytes a read might never get past one. */
const MIN_LIMIT = 4;
export const MAX_CHUNK_BYTES = 256 * 1024;

export interface ReadRequest {
  readonly path: string;
  /** Negative: that many bytes before the file's end. */
  readonly offset: number;
  /** Bytes; kept between 4 and 256 KiB. */
  readonly limit: number;
  /** Nobody writes to the file any more. */
  readonly isFinal: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** One chunk of a log; null when there is no such file yet. Throws what the connection throws. */
export async function readLog(files: RemoteFiles, request: ReadRequest): Promise<LogChunk | null> {
  const options = {
    timeoutMs: REQUEST_TIMEOUT_MS,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
  const status = await files.stat(request.path, options);
  if (status === null) return null;
  const offset =
    request.offset < 0 ? Math.max(0, status.sizeBytes + request.offset) : Math.min(request.offset, status.sizeBytes);
  const limit = Math.min(Math.max(request.limit, MIN_LIMIT), MAX_CHUNK_BYTES);
  const bytes = await files.read(request.path, offset, limit, options);
  const reachesEnd = offset + bytes.length >= status.sizeBytes;
  const { text, skipped, consumed } = decodeBytes(bytes, {
    isStart: offset === 0,
    isEnd: reachesEnd && request.isFinal,
  });
  return {
    startOffset: offset + skipped,
    endOffset: offset + consumed,
    text,
    isReset: false,
    isComplete: reachesEnd && request.isFinal,
  };
}
