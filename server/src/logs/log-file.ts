import { type Job, type LogStream, logPath } from '../domain/job.ts';
import { type RemoteFiles, SshInterrupted } from '../ssh/index.ts';

const REQUEST_TIMEOUT_MS = 60_000;
const PIECE_BYTES = 1024 * 1024;
/** Read ahead of whoever takes the bytes. */
const PIECES_IN_FLIGHT = 3;

/** The file of a log as it was when it was opened, byte for byte. */
export interface LogFile {
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /**
   * The bytes from `start` up to `end`, in pieces and no faster than they are taken. Throws what the connection throws,
   * and SshInterrupted when the file has become shorter meanwhile.
   */
  bytes(start: number, end: number, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined>;
}

/** Null when there is no such file (yet). Throws what the connection throws. */
export async function openLogFile(files: RemoteFiles, job: Job, stream: LogStream): Promise<LogFile | null> {
  const path = logPath(job, stream);
  const status = path === null ? null : await files.stat(path, { timeoutMs: REQUEST_TIMEOUT_MS });
  if (path === null || status === null) return null;
  return { ...status, bytes: (start, end, signal) => bytesOf(files, path, start, end, signal) };
}

async function* bytesOf(
  files: RemoteFiles,
  path: string,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces: { readonly length: number; readonly read: Promise<Buffer> }[] = [];
  for (let asked = start, given = start; given < end; ) {
    for (; asked < end && pieces.length < PIECES_IN_FLIGHT; asked += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, end - asked);
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
  }
}
