import ssh2, { type SFTPWrapper, type Stats } from 'ssh2';
import { asError } from '../../domain/thrown.ts';
import { DeadlinePassed } from '../deadline.ts';
import { RemoteFileError, SshInterrupted } from '../errors.ts';
import { fileStatus, isDirectory, notAFile } from './file-kind.ts';
import type { FileStatus } from './file-transport.ts';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;

const ENDED = 'the SFTP session ended before the answer came';

/** Without a value: the server sent none, or one of another type than requested. */
type Done<T> = (error: Error | null | undefined, value: T | undefined) => void;

/** A file opened on the cluster. */
export interface Handle {
  readonly bytes: Buffer;
  readonly path: string;
}

/** An open SFTP channel. Its requests are promises, which `signal` ends if the answer doesn't. */
export class SftpChannel {
  readonly #sftp: SFTPWrapper;
  /** Open requests in their order: how to reject each, and its path. */
  readonly #pending = new Map<(error: Error) => void, string>();
  #onStall: ((path: string) => void) | undefined;
  readonly #silenceMs: number;
  #silence: NodeJS.Timeout | undefined;
  #answers = 0;
  #users = 0;
  #isEnded = false;
  #isWantedBack = false;

  /**
   * @param silenceMs how long it may be silent while requests are open
   * @param onStall called once, when the server stops answering: the channel is useless then. The server answers in
   * order, so the first open request is the one that hangs
   */
  constructor(sftp: SFTPWrapper, silenceMs: number, onStall: (path: string) => void) {
    this.#sftp = sftp;
    this.#silenceMs = silenceMs;
    this.#onStall = onStall;
  }

  /** By this side. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** How many requests were answered, successfully or not. */
  get answers(): number {
    return this.#answers;
  }

  /** Keeps the channel from yielding its turn until the function that it returns is called. */
  hold(): () => void {
    this.#users += 1;
    return () => {
      this.#users -= 1;
      if (this.#users === 0 && this.#isWantedBack) this.end();
    };
  }

  /** Ends the channel as soon as nobody holds it. */
  yieldTurn(): void {
    this.#isWantedBack = true;
    if (this.#users === 0) this.end();
  }

  /** Of a regular file; throws RemoteFileError for anything else, links too. */
  async stat(path: string, signal: AbortSignal): Promise<FileStatus> {
    return fileStatus(path, await this.#attributes(path, signal));
  }

  /** Whether the path is a directory, or a link to one. */
  async isDirectory(path: string, signal: AbortSignal): Promise<boolean> {
    return isDirectory(await this.#request(path, signal, (done: Done<Stats>) => this.#sftp.stat(path, done)));
  }

  /** Opens a regular file. If something replaces it after the check, the server may hang: see `onStall`. */
  async openToRead(path: string, signal: AbortSignal): Promise<Handle> {
    await this.stat(path, signal);
    return this.#open(path, OPEN_MODE.READ, 0, signal);
  }

  /** Creates a file with these permissions; whatever is there is replaced and never opened. */
  async openToReplace(path: string, mode: number, signal: AbortSignal): Promise<Handle> {
    const there = await unlessMissing(this.#attributes(path, signal));
    if (there !== null && isDirectory(there)) throw notAFile(path, there.mode);
    if (there !== null) {
      await this.#request(path, signal, (done: Done<true>) => this.#sftp.unlink(path, (error) => done(error, true)));
    }
    const handle = await this.#open(path, OPEN_MODE.WRITE | OPEN_MODE.CREAT | OPEN_MODE.EXCL, mode, signal);
    try {
      await this.#request(path, signal, (done: Done<true>) =>
        this.#sftp.fchmod(handle.bytes, mode, (error) => done(error, true)),
      );
      return handle;
    } catch (error) {
      this.abandon(handle);
      throw error;
    }
  }

  /** Fills `target` from `position` on; resolves to the number of bytes read, 0 at the end of the file. */
  read(handle: Handle, target: Buffer, position: number, signal: AbortSignal): Promise<number> {
    return this.#request(handle.path, signal, (done: Done<number>) =>
      this.#sftp.read(handle.bytes, target, 0, target.length, position, done),
    );
  }

  async write(handle: Handle, content: Buffer, position: number, signal: AbortSignal): Promise<void> {
    await this.#request(handle.path, signal, (done: Done<true>) =>
      this.#sftp.write(handle.bytes, content, 0, content.length, position, (error) => done(error, true)),
    );
  }

  /** A full disk or quota may show only here. */
  async close(handle: Handle, signal: AbortSignal): Promise<void> {
    await this.#request(handle.path, signal, (done: Done<true>) =>
      this.#sftp.close(handle.bytes, (error) => done(error, true)),
    );
  }

  /** For a handle that is no longer needed: a failure is ignored. */
  abandon(handle: Handle): void {
    this.#sftp.close(handle.bytes, () => {});
  }

  /** Ends the channel and its open requests. */
  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#silence);
    this.#sftp.end();
    for (const reject of this.#pending.keys()) reject(new SshInterrupted(ENDED));
  }

  /** Of the path itself, even if it is a link. */
  #attributes(path: string, signal: AbortSignal): Promise<Stats> {
    return this.#request(path, signal, (done: Done<Stats>) => this.#sftp.lstat(path, done));
  }

  async #open(path: string, flags: number, mode: number, signal: AbortSignal): Promise<Handle> {
    let isTooLate = false;
    try {
      const bytes = await this.#request(path, signal, (done: Done<Buffer>) =>
        this.#sftp.open(path, flags, { mode }, (error, answer: unknown) => {
          // ssh2 (1.17) passes on an answer of any type.
          const handle = Buffer.isBuffer(answer) ? answer : undefined;
          if (isTooLate && handle !== undefined) this.abandon({ bytes: handle, path });
          done(error, handle);
        }),
      );
      return { bytes, path };
    } catch (error) {
      isTooLate = true;
      throw error;
    }
  }

  #request<T extends {}>(path: string, signal: AbortSignal, send: (done: Done<T>) => void): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const late = () =>
      new SshInterrupted(`${path}: ${signal.reason.message} before the answer came`, { cause: signal.reason });
    if (signal.aborted) return Promise.reject(late());
    if (this.#isEnded) return Promise.reject(new SshInterrupted(ENDED));

    const answersBefore = this.#answers;
    const onAbort = () => {
      reject(late());
      // No answer at all in this time: the server hangs, perhaps on a file system that is down.
      if (signal.reason instanceof DeadlinePassed && this.#answers === answersBefore) this.#stall();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#pending.set(reject, path);
    if (this.#pending.size === 1) this.#awaitAnswer();
    const done: Done<T> = (error, value) => {
      // Without a code it is ssh2's own error, for a channel that has ended.
      if (!error || 'code' in error) this.#answers += 1;
      this.#awaitAnswer();
      if (error) reject(translate(error, path));
      // A server may report success and send nothing.
      else if (value === undefined)
        reject(new RemoteFileError('failure', path, `${path}: the cluster answers nothing that was asked for`));
      else resolve(value);
    };
    try {
      send(done);
    } catch (cause) {
      // Otherwise nobody would be there to hear how it ends.
      reject(translate(asError(cause), path));
    }
    return promise.finally(() => {
      signal.removeEventListener('abort', onAbort);
      this.#pending.delete(reject);
      if (this.#pending.size === 0) clearTimeout(this.#silence);
    });
  }

  /** Requests may have long deadlines, and one that hangs blocks all later ones. */
  #awaitAnswer(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#stall(), this.#silenceMs);
  }

  #stall(): void {
    const onStall = this.#onStall;
    this.#onStall = undefined;
    const [path = ''] = this.#pending.values();
    onStall?.(path);
  }
}

export async function unlessMissing<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RemoteFileError && error.fault === 'no-such-file') return null;
    throw error;
  }
}

function translate(error: Error, path: string): Error {
  const status: unknown = 'code' in error ? error.code : undefined;
  const options = { cause: error };
  switch (status) {
    case STATUS_CODE.NO_SUCH_FILE:
      return new RemoteFileError('no-such-file', path, `${path}: no such file on the cluster`, options);
    case STATUS_CODE.PERMISSION_DENIED:
      return new RemoteFileError('permission-denied', path, `${path}: the cluster denies permission`, options);
    case undefined:
      return new SshInterrupted(`${path}: the connection broke before the answer came`, options);
    default: {
      const advice = 'Is the disk or the quota full, or the path of another kind than expected?';
      return new RemoteFileError(
        'failure',
        path,
        `${path}: the cluster answers "${error.message}". ${advice}`,
        options,
      );
    }
  }
}
