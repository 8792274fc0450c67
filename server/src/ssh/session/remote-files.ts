import { abortable, type RequestOptions } from '../deadline.ts';
import { RemoteFileError, SshInterrupted } from '../errors.ts';
import type { Handle, SftpChannel } from './sftp-channel.ts';

export interface FileWriteOptions extends RequestOptions {
  /** The file's permission bits, such as 0o600: set exactly, whatever the umask or an existing file's own. */
  readonly mode: number;
}

export interface FileStatus {
  readonly sizeBytes: number;
  /** In whole seconds, by the cluster's clock. */
  readonly modifiedAt: Date;
}

/**
 * Files on the cluster, by a path that is absolute or relative to the home directory (`~` means nothing here).
 * Every request may throw SshUnavailable, SshInterrupted and RemoteFileError.
 */
export interface RemoteFiles {
  /** What a path leads to, through symbolic links; `null` if there is no such file. */
  stat(path: string, options: RequestOptions): Promise<FileStatus | null>;

  /**
   * The bytes from `offset` on: up to `length` (16 MiB at most), fewer where the file ends, none past its end. The
   * file is opened afresh each time, so a network file system shows its latest state.
   */
  read(path: string, offset: number, length: number, options: RequestOptions): Promise<Buffer>;

  /**
   * Creates a file, or empties the one that exists, and writes `content` to it, so it is safe to repeat. A request that
   * fails leaves a part of the file behind: write elsewhere and rename where a part would do harm. An error of the
   * content's own is passed on as it is.
   */
  write(path: string, content: Buffer | AsyncIterable<Buffer>, options: FileWriteOptions): Promise<void>;
}

/** Does something with the SFTP channel within the request's deadline, which aborts `signal`. */
type WithSftp = <T>(
  options: RequestOptions,
  work: (sftp: SftpChannel, signal: AbortSignal) => Promise<T>,
) => Promise<T>;

const MOST_READ_BYTES = 16 * 1024 * 1024;
const READ_PIECE_BYTES = 128 * 1024;
const WRITE_PIECE_BYTES = 128 * 1024;
const MOST_WRITES_IN_FLIGHT = 16;

export class SftpFiles implements RemoteFiles {
  readonly #withSftp: WithSftp;

  constructor(withSftp: WithSftp) {
    this.#withSftp = withSftp;
  }

  stat(path: string, options: RequestOptions): Promise<FileStatus | null> {
    return this.#withSftp(options, async (sftp, signal) => {
      try {
        const { size, mtime } = await sftp.stat(path, signal);
        return { sizeBytes: size, modifiedAt: new Date(mtime * 1000) };
      } catch (error) {
        if (error instanceof RemoteFileError && error.fault === 'no-such-file') return null;
        throw error;
      }
    });
  }

  async read(path: string, offset: number, length: number, options: RequestOptions): Promise<Buffer> {
    if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`offset is not a position: ${offset}`);
    if (!Number.isSafeInteger(length) || length < 0 || length > MOST_READ_BYTES) {
      throw new RangeError(`length is not between 0 and ${MOST_READ_BYTES} bytes: ${length}`);
    }
    return this.#withSftp(options, async (sftp, signal) => {
      const handle = await sftp.openToRead(path, signal);
      try {
        return await readRange(sftp, handle, offset, length, signal);
      } finally {
        sftp.abandon(handle);
      }
    });
  }

  write(path: string, content: Buffer | AsyncIterable<Buffer>, options: FileWriteOptions): Promise<void> {
    return this.#withSftp(options, async (sftp, signal) => {
      const handle = await sftp.openToReplace(path, options.mode, signal);
      try {
        await writeAll(sftp, handle, content, signal);
      } catch (error) {
        sftp.abandon(handle);
        throw error;
      }
      await sftp.close(handle, signal);
    });
  }
}

async function readRange(
  sftp: SftpChannel,
  handle: Handle,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  const pieces: Promise<number>[] = [];
  for (let start = 0; start < length; start += READ_PIECE_BYTES) {
    pieces.push(readPiece(sftp, handle, buffer.subarray(start, start + READ_PIECE_BYTES), offset + start, signal));
  }
  let size = 0;
  for (const read of await Promise.all(pieces)) {
    size += read;
    // The file ended in this piece. Should a later one hold bytes, it has grown meanwhile: the next read gets them.
    if (read < READ_PIECE_BYTES) break;
  }
  // A copy, for a short answer not to keep the memory of the long one that was asked for.
  return size === length ? buffer : Buffer.from(buffer.subarray(0, size));
}

/** A server may answer with less than was asked for before the file ends: only nothing at all means its end. */
async function readPiece(
  sftp: SftpChannel,
  handle: Handle,
  target: Buffer,
  position: number,
  signal: AbortSignal,
): Promise<number> {
  let size = 0;
  while (size < target.length) {
    const read = await sftp.read(handle, target.subarray(size), position + size, signal);
    if (read === 0) break;
    size += read;
  }
  return size;
}

async function writeAll(
  sftp: SftpChannel,
  handle: Handle,
  content: Buffer | AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  const inFlight = new Set<Promise<void>>();
  const faults: unknown[] = [];
  let position = 0;
  for await (const piece of Buffer.isBuffer(content) ? split(content) : piecesOf(content, handle.path, signal)) {
    if (inFlight.size === MOST_WRITES_IN_FLIGHT) await Promise.race(inFlight);
    if (faults.length > 0) break;
    const write = sftp
      .write(handle, piece, position, signal)
      .catch((error: unknown) => faults.push(error))
      .then(() => void inFlight.delete(write));
    inFlight.add(write);
    position += piece.length;
  }
  await Promise.all(inFlight);
  if (faults.length > 0) throw faults[0];
}

/** Takes no more from `content` than is asked for, and nothing after `signal` aborts. */
async function* piecesOf(content: AsyncIterable<Buffer>, path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const iterator = content[Symbol.asyncIterator]();
  const late = (reason: Error) =>
    new SshInterrupted(`${path}: ${reason.message} before all was written`, { cause: reason });
  try {
    for (;;) {
      const next = await abortable(iterator.next(), signal, late);
      if (next.done) return;
      yield* split(next.value);
    }
  } finally {
    // Not awaited: a source that hangs would never answer. Its own clean-up is its own affair.
    iterator.return?.().catch(() => {});
  }
}

function* split(chunk: Buffer): Generator<Buffer> {
  for (let start = 0; start < chunk.length; start += WRITE_PIECE_BYTES) {
    yield chunk.subarray(start, start + WRITE_PIECE_BYTES);
  }
}
