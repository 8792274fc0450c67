import { abortable, type RequestOptions } from '../deadline.ts';
import { SshUnavailable } from '../errors.ts';
import { Gate } from '../gate.ts';
import type { Channels } from './channels.ts';
import { CommandFiles } from './command-files.ts';
import type { FileContent } from './file-content.ts';
import { type FoundMatches, type SearchQuestion, searchFile } from './file-search.ts';
import type { FileStatus, FileTransport } from './file-transport.ts';
import { SftpFiles } from './sftp-files.ts';
import { SftpSession } from './sftp-session.ts';

export interface FileWriteOptions extends RequestOptions {
  /** The file's permission bits, such as 0o600: set exactly, whatever the umask or an existing file's own. */
  readonly mode: number;
}

/** How a cluster's files are accessed: over SFTP, or, if its sshd has none, by commands of a POSIX shell. */
export type FileTransportKind = 'sftp' | 'commands';

/**
 * Files on the cluster, by a path that is absolute or relative to the home directory (`~` means nothing here).
 * Every request may throw SshUnavailable, SshInterrupted and RemoteFileError.
 */
export interface RemoteFiles {
  /** Found out with each connection; null: no connection, or not known yet. */
  readonly transport: FileTransportKind | null;

  /** `null` if there is no such file. Throws RemoteFileError for anything but a regular file, such as a link. */
  stat(path: string, options: RequestOptions): Promise<FileStatus | null>;

  /** Whether the path is a directory, or a link to one. */
  isDirectory(path: string, options: RequestOptions): Promise<boolean>;

  /**
   * The bytes from `offset` on: up to `length` (16 MiB at most), fewer where the file ends, none past its end. The
   * file is opened afresh each time, so a network file system shows its latest state; only a regular file is opened.
   */
  read(path: string, offset: number, length: number, options: RequestOptions): Promise<Buffer>;

  /**
   * Writes `content` to a new file, which replaces whatever is there, except a directory, without opening it. Safe to
   * repeat. A request that fails may leave a part of the file: write elsewhere and rename where that would do harm. An
   * error of the content itself is passed on.
   */
  write(path: string, content: FileContent, options: FileWriteOptions): Promise<void>;

  /**
   * Looks for a pattern in a part of a file, with grep on the cluster and at the lowest priority. Throws
   * SearchPatternError if grep doesn't understand the pattern, and SearchLimitError if the search took too long or a
   * line is too long.
   */
  search(path: string, question: SearchQuestion, options: RequestOptions): Promise<FoundMatches>;
}

const MOST_READ_BYTES = 16 * 1024 * 1024;
/** A search reads a file at the speed of the disk, so only one runs at a time. */
const MOST_SEARCHES = 1;
const MOST_SEARCHES_WAITING = 16;

/** The files of one connection. Tries at once whether it has SFTP. */
export class ConnectionFiles {
  readonly #channels: Channels;
  readonly #session: SftpSession;
  readonly #sftp: SftpFiles;
  readonly #commands: CommandFiles;
  readonly #searches = new Gate(MOST_SEARCHES, MOST_SEARCHES_WAITING);
  readonly #tried: Promise<void>;
  #isTried = false;

  /**
   * @param silenceMs how long SFTP may take to begin, and be without an answer; @param onSftpFault called when
   * `sftpFault` is known
   */
  constructor(channels: Channels, silenceMs: number, onSftpFault: () => void) {
    this.#channels = channels;
    this.#session = new SftpSession(channels, silenceMs, onSftpFault);
    this.#sftp = new SftpFiles(this.#session);
    this.#commands = new CommandFiles(channels);
    this.#tried = this.#session
      .use(AbortSignal.timeout(silenceMs + 1000), async () => {})
      // If it couldn't be tried, the next request does so.
      .catch(() => {})
      .then(() => {
        this.#isTried = true;
      });
  }

  get transport(): FileTransportKind | null {
    if (this.#session.fault !== null) return 'commands';
    return this.#isTried ? 'sftp' : null;
  }

  /** Why files are accessed by commands; null: by SFTP, or not known yet. */
  get sftpFault(): string | null {
    return this.#session.fault;
  }

  stat(path: string, signal: AbortSignal): Promise<FileStatus | null> {
    return this.#use(signal, (files) => files.stat(path, signal));
  }

  isDirectory(path: string, signal: AbortSignal): Promise<boolean> {
    return this.#use(signal, (files) => files.isDirectory(path, signal));
  }

  async read(path: string, offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`offset is not a position: ${offset}`);
    if (!Number.isSafeInteger(length) || length < 0 || length > MOST_READ_BYTES) {
      throw new RangeError(`length is not between 0 and ${MOST_READ_BYTES} bytes: ${length}`);
    }
    return this.#use(signal, (files) => files.read(path, offset, length, signal));
  }

  write(path: string, content: FileContent, mode: number, signal: AbortSignal): Promise<void> {
    return this.#use(signal, (files) => files.write(path, content, mode, signal));
  }

  async search(path: string, question: SearchQuestion, signal: AbortSignal): Promise<FoundMatches> {
    await this.#searches.enter(signal);
    try {
      return await searchFile(this.#channels, path, question, signal);
    } finally {
      this.#searches.leave();
    }
  }

  async #use<T>(signal: AbortSignal, work: (files: FileTransport) => Promise<T>): Promise<T> {
    if (!this.#isTried) await abortable(this.#tried, signal, tooLate);
    if (this.#session.fault !== null) return work(this.#commands);
    try {
      return await work(this.#sftp);
    } catch (error) {
      // This request found out; nothing was sent yet.
      if (this.#session.fault !== null && error instanceof SshUnavailable) return work(this.#commands);
      throw error;
    }
  }
}

function tooLate(reason: Error): SshUnavailable {
  return new SshUnavailable(`the request was not sent: ${reason.message} while SFTP was tried`, { cause: reason });
}
