import { Gate } from '../gate.ts';
import { type FileContent, piecesOf } from './file-content.ts';
import type { FileStatus, FileTransport } from './file-transport.ts';
import { type Handle, type SftpChannel, unlessMissing } from './sftp-channel.ts';
import type { SftpSession } from './sftp-session.ts';
import { UploadPace } from './upload-pace.ts';

const READ_PIECE_BYTES = 128 * 1024;
/**
 * The server answers requests in order, so bulk reads delay all later ones. Reads larger than a piece or two wait for
 * one of a few places; small ones, such as a log's new lines, never wait.
 */
const MOST_LARGE_READS = 4;
const LARGE_READ_BYTES = 256 * 1024;
const LONGEST_LINE = 1_024;

/** Files over the one SFTP session of a connection. */
export class SftpFiles implements FileTransport {
  readonly #session: SftpSession;
  readonly #largeReads = new Gate(MOST_LARGE_READS, LONGEST_LINE);

  constructor(session: SftpSession) {
    this.#session = session;
  }

  stat(path: string, signal: AbortSignal): Promise<FileStatus | null> {
    return this.#session.use(signal, (sftp) => unlessMissing(sftp.stat(path, signal)));
  }

  async isDirectory(path: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#session.use(signal, (sftp) => unlessMissing(sftp.isDirectory(path, signal)))) ?? false;
  }

  async read(path: string, offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    if (length <= LARGE_READ_BYTES) return this.#read(path, offset, length, signal);
    await this.#largeReads.enter(signal);
    try {
      return await this.#read(path, offset, length, signal);
    } finally {
      this.#largeReads.leave();
    }
  }

  #read(path: string, offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    return this.#session.use(signal, async (sftp) => {
      this.#session.refuseShunned(path);
      const handle = await sftp.openToRead(path, signal);
      try {
        return await readRange(sftp, handle, offset, length, signal);
      } finally {
        sftp.abandon(handle);
      }
    });
  }

  write(path: string, content: FileContent, mode: number, signal: AbortSignal): Promise<void> {
    return this.#session.use(signal, async (sftp) => {
      const handle = await sftp.openToReplace(path, mode, signal);
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
    // The file ended in this piece. If a later one has bytes, the file has grown: the next read gets them.
    if (read < READ_PIECE_BYTES) break;
  }
  // A copy, so that a short answer doesn't keep the memory of a long request.
  return size === length ? buffer : Buffer.from(buffer.subarray(0, size));
}

/** A server may return less than requested before the end of the file: only an empty answer means its end. */
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

async function writeAll(sftp: SftpChannel, handle: Handle, content: FileContent, signal: AbortSignal): Promise<void> {
  const inFlight = new Set<Promise<void>>();
  const pace = new UploadPace();
  const faults: unknown[] = [];
  let position = 0;
  for await (const piece of piecesOf(content, handle.path, signal)) {
    while (inFlight.size >= pace.limit) await Promise.race(inFlight);
    if (faults.length > 0) break;
    const begin = performance.now();
    const write = sftp
      .write(handle, piece, position, signal)
      .then(() => pace.answered(performance.now() - begin))
      .catch((error: unknown) => void faults.push(error))
      .finally(() => void inFlight.delete(write));
    inFlight.add(write);
    position += piece.length;
  }
  await Promise.all(inFlight);
  if (faults.length > 0) throw faults[0];
}
