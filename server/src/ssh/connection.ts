import { setTimeout as pause } from 'node:timers/promises';
import { backOffMs } from './back-off.ts';
import { abortable, Deadline, type RequestOptions } from './deadline.ts';
import { dial } from './dial/dial.ts';
import { DialFailure, unreachable } from './dial/failure.ts';
import type { Link } from './dial/link.ts';
import { DialReport, type DialStep } from './dial/report.ts';
import { SshUnavailable } from './errors.ts';
import { Channels } from './session/channels.ts';
import { type CommandResult, runCommand } from './session/command.ts';
import { type RemoteFiles, SftpFiles } from './session/remote-files.ts';
import { SftpSession } from './session/sftp-session.ts';
import type { SshEnvironment, SshLog, SshSettings } from './settings.ts';

export type ConnectionState =
  /** Not started, or stopped. */
  | { readonly status: 'idle' }
  /** An attempt is under way, or begins within seconds. */
  | { readonly status: 'connecting' }
  | { readonly status: 'online'; readonly since: Date }
  /** Network, timeout or protocol: tried again by itself at `retryAt`. */
  | { readonly status: 'unreachable'; readonly message: string; readonly retryAt: Date }
  /** Host key, login or configuration: nothing more is tried until a person asks for it with `connectNow`. */
  | { readonly status: 'refused'; readonly message: string };

export interface RunOptions extends RequestOptions {
  /** Standard output and standard error together. 16 MiB unless told. */
  readonly maxOutputBytes?: number;
  /** What it is for, in one word: the meter counts by it. */
  readonly kind?: string;
}

/** Counts what is asked of the cluster. */
export interface SshMeter {
  /** A command or a file request has ended, well or not. `milliseconds`: since it could be sent. */
  command(kind: string, milliseconds: number): void;
  /** An attempt to log in has ended. */
  login(isAccepted: boolean): void;
}

export interface SshTiming {
  /** For one attempt: all hops, their handshakes and logins. */
  readonly connectTimeoutMs: number;
  /** A silent connection is asked for a sign of life this often, and given up after `keepAliveMisses` without one. */
  readonly keepAliveIntervalMs: number;
  readonly keepAliveMisses: number;
  /** A connection that held so long was a good one: when it is lost, the next attempt comes quickly. */
  readonly steadyAfterMs: number;
  readonly quickRetryMs: number;
  /** The least time from one attempt to the next, however often a person asks. */
  readonly askAgainMs: number;
}

const TIMING: SshTiming = {
  connectTimeoutMs: 15_000,
  keepAliveIntervalMs: 15_000,
  keepAliveMisses: 3,
  steadyAfterMs: 30_000,
  quickRetryMs: 1_000,
  askAgainMs: 5_000,
};

export interface ConnectionOptions {
  readonly log?: SshLog;
  readonly meter?: SshMeter;
  /** What differs from the usual values. */
  readonly timing?: Partial<SshTiming>;
}

const MOST_WAITING = 256;
const USUAL_OUTPUT_BYTES = 16 * 1024 * 1024;
const SILENT: SshLog = { info() {}, warn() {}, debug() {} };

/** What works while the connection is online. */
interface Session {
  readonly link: Link;
  readonly channels: Channels;
  readonly sftp: SftpSession;
  readonly since: Date;
}

interface Attempt {
  readonly controller: AbortController;
  /** Rejects with SshUnavailable. */
  readonly session: Promise<Session>;
}

/**
 * The one connection to a cluster. Once started, it is kept: when it is lost it comes back by itself, at growing
 * intervals, unless somebody has to put something right first.
 */
export class SshConnection {
  readonly files: RemoteFiles;
  readonly #settings: SshSettings;
  readonly #environment: SshEnvironment;
  readonly #log: SshLog;
  readonly #meter: SshMeter | undefined;
  readonly #timing: SshTiming;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = { status: 'idle' };
  #attempt: Attempt | undefined;
  #session: Session | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closing: Promise<void> = Promise.resolve();
  #failures = 0;
  #waiting = 0;
  #lastAttemptAt = Number.NEGATIVE_INFINITY;
  #report = new DialReport();

  constructor(settings: SshSettings, environment: SshEnvironment, options: ConnectionOptions = {}) {
    this.#settings = settings;
    this.#environment = environment;
    this.#log = options.log ?? SILENT;
    this.#meter = options.meter;
    this.#timing = { ...TIMING, ...options.timing };
    this.files = new SftpFiles((request, work) =>
      this.#request('files', request, ({ sftp }, signal) => sftp.use(signal, (channel) => work(channel, signal))),
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** How the last attempt to connect went, or goes, step by step; none before the first. */
  get lastAttempt(): readonly DialStep[] {
    return this.#report.steps;
  }

  /** Calls `listener` after every change of the state, until the function that it returns is called. */
  onStateChange(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    if (this.#state.status === 'idle') this.#connect(0);
  }

  /** Resolves once nothing is left open. What is still being asked fails. */
  stop(): Promise<void> {
    const attempt = this.#attempt;
    const session = this.#session;
    this.#attempt = undefined;
    this.#session = undefined;
    clearTimeout(this.#retry);
    attempt?.controller.abort(new Error('the connection was stopped'));
    this.#setState({ status: 'idle' });
    this.#closing = Promise.allSettled([this.#closing, attempt?.session, session?.link.close()]).then(() => {});
    return this.#closing;
  }

  /** A person asks: tries again now, whatever is waited for. Asked often, it waits a few seconds between attempts. */
  connectNow(): void {
    if (this.#state.status !== 'unreachable' && this.#state.status !== 'refused') return;
    this.#connect(Math.max(0, this.#lastAttemptAt + this.#timing.askAgainMs - performance.now()));
  }

  /**
   * Runs a POSIX shell script and resolves to its result, whatever its exit code. Its standard input is empty.
   *
   * @throws SshUnavailable if it was not sent: at once if there is no connection, nor an attempt at one under way
   * @throws SshInterrupted if it was sent, and the deadline passed or the connection broke before its exit code came
   * @throws SshOutputTooLarge if it printed more than `maxOutputBytes`
   */
  run(script: string, options: RunOptions): Promise<CommandResult> {
    const { maxOutputBytes = USUAL_OUTPUT_BYTES } = options;
    return this.#request(options.kind ?? 'other', options, ({ channels }, signal) =>
      runCommand(channels, script, maxOutputBytes, signal),
    );
  }

  async #request<T>(
    kind: string,
    options: RequestOptions,
    work: (session: Session, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    using deadline = new Deadline(options);
    const session = this.#session ?? (await this.#wait(deadline.signal));
    const startedAt = performance.now();
    try {
      return await work(session, deadline.signal);
    } finally {
      this.#meter?.command(kind, performance.now() - startedAt);
    }
  }

  async #wait(signal: AbortSignal): Promise<Session> {
    if (this.#attempt === undefined) throw new SshUnavailable(this.#whyOffline());
    if (this.#waiting >= MOST_WAITING)
      throw new SshUnavailable(`${MOST_WAITING} requests wait for the cluster already`);
    this.#waiting += 1;
    try {
      return await abortable(
        this.#attempt.session,
        signal,
        (reason) => new SshUnavailable(`${reason.message} while connecting to the cluster`, { cause: reason }),
      );
    } finally {
      this.#waiting -= 1;
    }
  }

  #whyOffline(): string {
    return 'message' in this.#state ? this.#state.message : 'the connection to the cluster is stopped';
  }

  #connect(delayMs: number): void {
    clearTimeout(this.#retry);
    const controller = new AbortController();
    const session = this.#open(delayMs, controller.signal);
    // Whether anybody waits for it or not, a failed attempt is no unhandled rejection: the state tells of it.
    session.catch(() => {});
    this.#attempt = { controller, session };
    this.#setState({ status: 'connecting' });
  }

  async #open(delayMs: number, stopped: AbortSignal): Promise<Session> {
    try {
      await pause(delayMs, undefined, { signal: stopped });
      this.#lastAttemptAt = performance.now();
      this.#report = new DialReport();
      using deadline = new Deadline({ timeoutMs: this.#timing.connectTimeoutMs, signal: stopped });
      const { client, link } = await dial(this.#settings, this.#environment, {
        signal: deadline.signal,
        log: this.#log,
        report: this.#report,
        ...this.#timing,
      });
      if (stopped.aborted) {
        await link.close();
        throw stopped.reason;
      }
      const channels = new Channels(client);
      const session = { link, channels, sftp: new SftpSession(channels), since: new Date() };
      this.#online(session);
      return session;
    } catch (error) {
      if (stopped.aborted) throw new SshUnavailable(this.#whyOffline());
      this.#fail(error);
      throw new SshUnavailable(this.#whyOffline(), { cause: error });
    }
  }

  #online(session: Session): void {
    this.#attempt = undefined;
    this.#meter?.login(true);
    this.#session = session;
    session.link.broken.catch((reason: Error) => this.#lose(session, reason));
    this.#log.info({ cluster: this.#settings.name }, 'connected');
    this.#setState({ status: 'online', since: session.since });
  }

  #lose(session: Session, reason: Error): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    const failure = unreachable(`the connection was lost: ${reason.message}`, reason);
    if (Date.now() - session.since.getTime() < this.#timing.steadyAfterMs) {
      // A server that drops every login at once is not to be bothered each second.
      this.#fail(failure);
      return;
    }
    this.#failures = 0;
    this.#log.warn({ cluster: this.#settings.name, err: failure }, 'connection lost, connecting again');
    this.#connect(this.#timing.quickRetryMs);
  }

  #fail(error: unknown): void {
    this.#attempt = undefined;
    this.#failures += 1;
    const failure = error instanceof DialFailure ? error : unreachable(String(error), error);
    if (this.#report.stage === 'login') this.#meter?.login(false);
    this.#log.warn({ cluster: this.#settings.name, err: failure }, 'not connected');
    if (failure.status === 'refused') {
      this.#setState({ status: 'refused', message: failure.message });
      return;
    }
    const delayMs = backOffMs(this.#failures, Math.random());
    this.#retry = setTimeout(() => this.#connect(0), delayMs);
    const { help } = this.#settings;
    this.#setState({
      status: 'unreachable',
      message: help === undefined ? failure.message : `${failure.message}. ${help.trim()}`,
      retryAt: new Date(Date.now() + delayMs),
    });
  }

  #setState(state: ConnectionState): void {
    if (state.status === this.#state.status && state.status !== 'unreachable' && state.status !== 'refused') return;
    this.#state = state;
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.#log.warn({ cluster: this.#settings.name, err: error }, 'a listener to the connection failed');
      }
    }
  }
}
