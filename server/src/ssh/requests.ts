import { Deadline, type RequestOptions } from './deadline.ts';
import { type CommandResult, runCommand } from './session/command.ts';
import type { RemoteFiles } from './session/remote-files.ts';
import type { Session } from './session/session.ts';

export interface RunOptions extends RequestOptions {
  /** Standard output and standard error together. Default: 16 MiB. */
  readonly maxOutputBytes?: number;
  /**
   * A long answer keeps others from coming until this aborts, so that few are held at a time: abort it once the answer is read,
   * or failed. Default: until it is there.
   */
  readonly until?: AbortSignal;
  /** Its purpose, in one word, by which the meter counts. */
  readonly kind?: string;
}

/** Counts the requests to the cluster. */
export interface SshMeter {
  /** A command or a file request has ended, successfully or not. `milliseconds`: since it could be sent. */
  command(kind: string, milliseconds: number): void;
  /** An attempt to log in has ended. */
  login(isAccepted: boolean): void;
}

/** The source of sessions for requests. */
export interface Sessions {
  /** Undefined: there is none now. */
  current(): Session | undefined;
  /** The session that is being made. @throws SshUnavailable if there is none by the time that `signal` aborts */
  next(signal: AbortSignal): Promise<Session>;
}

const USUAL_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Commands and files over the current session. Each request has a deadline and is counted. */
export class Requests {
  readonly files: RemoteFiles;
  readonly #sessions: Sessions;
  readonly #meter: SshMeter | undefined;

  constructor(sessions: Sessions, meter: SshMeter | undefined) {
    this.#sessions = sessions;
    this.#meter = meter;
    this.files = this.#remoteFiles();
  }

  run(script: string, options: RunOptions): Promise<CommandResult> {
    const { maxOutputBytes = USUAL_OUTPUT_BYTES, until } = options;
    return this.#request(options.kind ?? 'other', options, ({ channels }, signal) =>
      runCommand(channels, script, { maxOutputBytes, ...(until === undefined ? {} : { until }) }, signal),
    );
  }

  #remoteFiles(): RemoteFiles {
    const sessions = this.#sessions;
    return {
      get transport() {
        return sessions.current()?.files.transport ?? null;
      },
      stat: (path, options) => this.#request('files', options, ({ files }, signal) => files.stat(path, signal)),
      isDirectory: (path, options) =>
        this.#request('files', options, ({ files }, signal) => files.isDirectory(path, signal)),
      read: (path, offset, length, options) =>
        this.#request('files', options, ({ files }, signal) => files.read(path, offset, length, signal)),
      write: (path, content, options) =>
        this.#request('files', options, ({ files }, signal) => files.write(path, content, options.mode, signal)),
      search: (path, question, options) =>
        this.#request('search', options, ({ files }, signal) => files.search(path, question, signal)),
    };
  }

  async #request<T>(
    kind: string,
    options: RequestOptions,
    work: (session: Session, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    using deadline = new Deadline(options);
    const session = this.#sessions.current() ?? (await this.#sessions.next(deadline.signal));
    const startedAt = performance.now();
    try {
      return await work(session, deadline.signal);
    } finally {
      this.#meter?.command(kind, performance.now() - startedAt);
    }
  }
}
