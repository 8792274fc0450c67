import ssh2, { type InputAttributes, type SFTPWrapper, type Stats } from 'ssh2';
import { DeadlinePassed } from '../deadline.ts';
import { RemoteFileError, SshInterrupted } from '../errors.ts';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;

type Done<T> = (error: Error | null | undefined, value: T) => void;

/** A file opened on the cluster. */
export interface Handle {
  readonly bytes: Buffer;
  readonly path: string;
}

/** An open SFTP channel. Its requests are promises, which `signal` ends if the answer doesn't. */
export class SftpChannel {
  readonly #sftp: SFTPWrapper;
  readonly #pending = new Set<(error: Error) => void>();
  #onStall: (() => void) | undefined;
  #answers = 0;
  #users = 0;
  #isWantedBack = false;

  /** @param onStall called once, when the server's end answers no more: the channel is of no further use then */
  constructor(sftp: SFTPWrapper, onStall: () => void) {
    this.#sftp = sftp;
    this.#onStall = onStall;
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

  stat(path: string, signal: AbortSignal): Promise<Stats> {
    return this.#request(path, signal, (done: Done<Stats>) => this.#sftp.stat(path, done));
  }

  openToRead(path: string, signal: AbortSignal): Promise<Handle> {
    return this.#open(path, OPEN_MODE.READ, {}, signal);
  }

  /** Creates the file, or empties it. Its permissions become `mode` in either case. */
  async openToReplace(path: string, mode: number, signal: AbortSignal): Promise<Handle> {
    const handle = await this.#open(path, OPEN_MODE.WRITE | OPEN_MODE.CREAT | OPEN_MODE.TRUNC, { mode }, signal);
    try {
      await this.#request(path, signal, (done: Done<void>) =>
        this.#sftp.fchmod(handle.bytes, mode, (error) => done(error)),
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

  write(handle: Handle, content: Buffer, position: number, signal: AbortSignal): Promise<void> {
    return this.#request(handle.path, signal, (done: Done<void>) =>
      this.#sftp.write(handle.bytes, content, 0, content.length, position, (error) => done(error)),
    );
  }

  /** Full disks and quotas may show only here. */
  close(handle: Handle, signal: AbortSignal): Promise<void> {
    return this.#request(handle.path, signal, (done: Done<void>) =>
      this.#sftp.close(handle.bytes, (error) => done(error)),
    );
  }

  /** For a handle that nothing depends on any more: whether it can be closed makes no difference. */
  abandon(handle: Handle): void {
    this.#sftp.close(handle.bytes, () => {});
  }

  /** Ends the channel, and with it what is still being asked. */
  end(): void {
    this.#sftp.end();
    for (const reject of this.#pending) reject(new SshInterrupted('the SFTP session ended before the answer came'));
  }

  async #open(path: string, flags: number, attributes: InputAttributes, signal: AbortSignal): Promise<Handle> {
    let isTooLate = false;
    try {
      const bytes = await this.#request(path, signal, (done: Done<Buffer>) =>
        this.#sftp.open(path, flags, attributes, (error, handle) => {
          if (isTooLate && !error) this.abandon({ bytes: handle, path });
          done(error, handle);
        }),
      );
      return { bytes, path };
    } catch (error) {
      isTooLate = true;
      throw error;
    }
  }

  #request<T>(path: string, signal: AbortSignal, send: (done: Done<T>) => void): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const late = () =>
      new SshInterrupted(`${path}: ${signal.reason.message} before the answer came`, { cause: signal.reason });
    if (signal.aborted) return Promise.reject(late());

    const answersBefore = this.#answers;
    const onAbort = () => {
      reject(late());
      // Not one answer in all its time: the server's end hangs, on a file system that is down perhaps.
      if (signal.reason instanceof DeadlinePassed && this.#answers === answersBefore) this.#stall();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#pending.add(reject);
    send((error, value) => {
      this.#answers += 1;
      if (error) reject(translate(error, path));
      else resolve(value);
    });
    return promise.finally(() => {
      signal.removeEventListener('abort', onAbort);
      this.#pending.delete(reject);
    });
  }

  #stall(): void {
    const onStall = this.#onStall;
    this.#onStall = undefined;
    onStall?.();
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
