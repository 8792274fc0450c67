import { type Job, type LogStream, logPath } from '../domain/job.ts';
import { type FileFault, RemoteFileError, type RemoteFiles, SshInterrupted } from '../ssh/index.ts';

const REQUEST_TIMEOUT_MS = 60_000;
/** Each piece is twice as long as the one before, up to the longest: who takes little is read little for. */
const FIRST_PIECE_BYTES = 64 * 1024;
const LONGEST_PIECE_BYTES = 1024 * 1024;
/** Of the longest pieces, so many are read ahead of whoever takes the bytes. */
const PIECES_IN_FLIGHT = 3;

export interface ReadingOptions {
  readonly signal: AbortSignal;
  /** Asked for each piece: whether it may be long, with others read ahead of it. */
  mayReadAhead(): boolean;
}

/** The file of a log as it was when it was opened, byte for byte. */
export interface LogFile {
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /**
   * The bytes from `start` up to `end`, in pieces and no faster than they are taken. Throws what the connection throws,
   * and SshInterrupted when the file has become shorter meanwhile.
   */
  bytes(start: number, end: number, options: ReadingOptions): AsyncGenerator<Buffer, void, undefined>;
}

/** Null when there is no such file (yet). Throws what the connection throws. */
export async function openLogFile(files: RemoteFiles, job: Job, stream: LogStream): Promise<LogFile | null> {
  const path = logPath(job, stream);
  const status = path === null ? null : await files.stat(path, { timeoutMs: REQUEST_TIMEOUT_MS });
  if (path === null || status === null) return null;
  return { ...status, bytes: (start, end, options) => bytesOf(files, path, start, end, options) };
}

async function* bytesOf(
  files: RemoteFiles,
  path: string,
  start: number,
  end: number,
  { signal, mayReadAhead }: ReadingOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces: { readonly length: number; readonly read: Promise<Buffer> }[] = [];
  let pieceBytes = FIRST_PIECE_BYTES;
  for (let asked = start, given = start; given < end; ) {
    const mostPieces = pieceBytes === LONGEST_PIECE_BYTES ? PIECES_IN_FLIGHT : 1;
    for (; asked < end && pieces.length < mostPieces; asked += pieceBytes) {
      const length = Math.min(pieceBytes, end - asked);
      const read = files.read(path, asked, length, { timeoutMs: REQUEST_TIMEOUT_MS, signal });
      // Should nobody come for it.
      read.catch(() => {});
      pieces.push({ length, read });
    }
    const piece = pieces.shift();
    const bytes = await piece?.read;
    if (bytes === undefined || bytes.length !== piece?.length) {
      throw new SshInterrupted(`${path} became shorter while it was read`);
    }
    yield bytes;
    given += bytes.length;
    pieceBytes = mayReadAhead() ? Math.min(LONGEST_PIECE_BYTES, pieceBytes * 2) : FIRST_PIECE_BYTES;
  }
}

/** What a cluster says is wrong with a file; null: it is something else that is wrong. */
export function fileFault(cause: unknown): FileFault | null {
  return cause instanceof RemoteFileError ? cause.fault : null;
}
