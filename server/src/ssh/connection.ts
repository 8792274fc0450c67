import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { backOffMs, refusedBackOffMs } from './back-off.ts';
import type { AnswerOutcome, ConnectionState, LoginPrompt } from './connection-state.ts';
import { abortable, Deadline, type RequestOptions } from './deadline.ts';
import { type AcceptedKeys, dial } from './dial/dial.ts';
import { DialFailure, refused, unreachable } from './dial/failure.ts';
import type { Link } from './dial/link.ts';
import { Lookout, type Opened } from './dial/lookout.ts';
import type { LoginQuestion } from './dial/question.ts';
import { DialReport, type DialStep } from './dial/report.ts';
import { SshUnavailable } from './errors.ts';
import { Channels, ChannelsExhausted } from './session/channels.ts';
import { type CommandResult, runCommand } from './session/command.ts';
import { ConnectionFiles, type RemoteFiles } from './session/remote-files.ts';
import type { SshEnvironment, SshLog, SshSettings } from './settings.ts';
import { type SshTiming, USUAL_TIMING } from './timing.ts';

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

export interface ConnectionOptions {
  readonly log?: SshLog;
  readonly meter?: SshMeter;
  /** What differs from the usual values. */
  readonly timing?: Partial<SshTiming>;
}

const LOG_IN_AGAIN =
  'This login asks a person, so nothing more is tried by itself: have the password or the code at hand, then begin a' +
  ' new login, with "Log in" on the page of the clusters or with connectCluster.';
const MOST_WAITING = 256;
const WANTED_MS = 1000;
/** Requests that come by themselves, as those of a log's followers do each second, have it looked for so rarely. */
const SOUGHT_AGAIN_MS = 10 * 60_000;
const USUAL_OUTPUT_BYTES = 16 * 1024 * 1024;
const SILENT: SshLog = { info() {}, warn() {}, debug() {} };

/** What works while the connection is online. */
interface Session {
  readonly link: Link;
  readonly channels: Channels;
  readonly files: ConnectionFiles;
  readonly since: Date;
  /** The same by the monotonic clock, in ms. */
  readonly madeAt: number;
}

/** A question that waits for its answers. */
interface Question {
  readonly prompt: LoginPrompt;
  readonly answered: PromiseWithResolvers<readonly string[]>;
}

/** How an attempt comes about. */
interface Occasion {
  /** What became of the connection before. */
  readonly message?: string;
  /** A TCP connection that is there already. */
  readonly opened?: Opened;
  /** A person has asked for it and can answer. */
  readonly isAttended?: boolean;
}

interface Attempt {
  readonly controller: AbortController;
  /** Rejects with SshUnavailable. */
  readonly session: Promise<Session>;
  /** Rejects with SshUnavailable once a person is asked: what waits for the session may wait for long. */
  halted: PromiseWithResolvers<never>;
}

/**
 * The one connection to a cluster. Once started, it is kept: when it is lost it comes back by itself, at growing
 * intervals, unless somebody has to put something right first. A login that has asked a person is begun again only when
 * a person wants it (`connectNow`): a question that nobody is there to answer looks like an attack to the server.
 */
export class SshConnection {
  readonly files: RemoteFiles;
  readonly #settings: SshSettings;
  readonly #environment: SshEnvironment;
  readonly #log: SshLog;
  readonly #meter: SshMeter | undefined;
  readonly #timing: SshTiming;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #sftpListeners = new Set<() => void>();
  #state: ConnectionState = { status: 'idle' };
  #attempt: Attempt | undefined;
  #session: Session | undefined;
  #question: Question | undefined;
  /** The last login that got anywhere asked a person. */
  #asksPerson = false;
  /** The keys that the last login took to get in without asking anybody; null: it asked, or there was none. */
  #worked: AcceptedKeys | null = null;
  /** In a row, since it last worked. */
  #refusals = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Looks for a server that wasn't there, between the attempts. */
  readonly #lookout: Lookout;
  #closing: Promise<void> = Promise.resolve();
  #failures = 0;
  #waiting = 0;
  #lastAttemptAt = Number.NEGATIVE_INFINITY;
  #soughtAt = Number.NEGATIVE_INFINITY;
  #report = new DialReport();

  constructor(settings: SshSettings, environment: SshEnvironment, options: ConnectionOptions = {}) {
    this.#settings = settings;
    this.#environment = environment;
    this.#log = options.log ?? SILENT;
    this.#meter = options.meter;
    this.#timing = { ...USUAL_TIMING, ...options.timing };
    this.files = this.#remoteFiles();
    this.#lookout = new Lookout((opened) => this.#connect(0, { opened }));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Why the files of this connection go by commands, each a process on the cluster; null: they go by SFTP, as far as is known. */
  get sftpFault(): string | null {
    return this.#session?.files.sftpFault ?? null;
  }

  /** Calls `listener` when `sftpFault` has become known, until the function that it returns is called. */
  onSftpFault(listener: () => void): () => void {
    this.#sftpListeners.add(listener);
    return () => this.#sftpListeners.delete(listener);
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
    if (this.#state.status === 'idle') this.#connect(0, { isAttended: true });
  }

  /** Resolves once nothing is left open. What is still being asked fails. */
  stop(): Promise<void> {
    const attempt = this.#attempt;
    const session = this.#session;
    this.#attempt = undefined;
    this.#session = undefined;
    this.#dropQuestion();
    this.#lookout.stop();
    clearTimeout(this.#retry);
    attempt?.controller.abort(new Error('the connection was stopped'));
    this.#setState({ status: 'idle' });
    this.#closing = Promise.allSettled([this.#closing, attempt?.session, session?.link.close()]).then(() => {});
    return this.#closing;
  }

  /**
   * A person asks: tries again now, whatever is waited for. Asked often, it waits a few seconds between attempts. A
   * connection on which requests hang is made anew.
   */
  connectNow(): void {
    const session = this.#session;
    if (session !== undefined && session.channels.hanging > 0) {
      this.#session = undefined;
      void session.link.close();
      this.#connect(0, { isAttended: true });
      return;
    }
    if (this.#state.status !== 'unreachable' && this.#state.status !== 'refused') return;
    const { quickRetryMs, askAgainMs } = this.#timing;
    const pauseMs = this.#lookout.isLooking ? quickRetryMs : askAgainMs;
    this.#connect(Math.max(0, this.#lastAttemptAt + pauseMs - performance.now()), { isAttended: true });
  }

  /**
   * There is something to do on the cluster: where nothing listened, it is looked for now and quickly for a while; what
   * broke off otherwise is tried again, unless it was a short time ago. Resolves once an attempt is under way, there is
   * nothing to wait for, or after a second without either.
   */
  async wanted(): Promise<void> {
    if (this.#state.status !== 'unreachable') return;
    this.#lookout.wanted();
    if (performance.now() - this.#lastAttemptAt >= this.#timing.wantedAgainMs) this.#connect(0);
    else if (this.#lookout.isLooking) await this.#change(WANTED_MS);
  }

  /** The next change of the state, or so much time. */
  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      const unsubscribe = this.onStateChange(finish);
    });
  }

  /**
   * Gives a person's answers to the question that waits, one a prompt. What the server says to them is told by the next
   * state. They go to the server and nowhere else.
   */
  answer(promptId: string, answers: readonly string[]): AnswerOutcome {
    const question = this.#question;
    if (question?.prompt.id !== promptId) return 'stale';
    if (question.prompt.prompts.length !== answers.length) return 'miscounted';
    this.#question = undefined;
    if (this.#attempt) this.#attempt.halted = quietly();
    this.#setState({ status: 'connecting', message: null });
    question.answered.resolve(answers);
    return 'taken';
  }

  /** Whether its login has asked a person: only a person can make the connection again once it is lost. */
  get asksPerson(): boolean {
    return this.#asksPerson;
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

  /** The files of whatever session there is at the time. */
  #remoteFiles(): RemoteFiles {
    const session = () => this.#session;
    return {
      get transport() {
        return session()?.files.transport ?? null;
      },
      stat: (path, options) => this.#request('files', options, ({ files }, signal) => files.stat(path, signal)),
      isFolder: (path, options) => this.#request('files', options, ({ files }, signal) => files.isFolder(path, signal)),
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
    const session = this.#session ?? (await this.#wait(deadline.signal));
    const startedAt = performance.now();
    try {
      return await work(session, deadline.signal);
    } finally {
      this.#meter?.command(kind, performance.now() - startedAt);
    }
  }

  async #wait(signal: AbortSignal): Promise<Session> {
    const attempt = this.#attempt;
    if (attempt === undefined && performance.now() - this.#soughtAt >= SOUGHT_AGAIN_MS) {
      this.#soughtAt = performance.now();
      this.#lookout.wanted();
    }
    if (attempt === undefined || this.#question) throw new SshUnavailable(this.#whyOffline());
    if (this.#waiting >= MOST_WAITING)
      throw new SshUnavailable(`${MOST_WAITING} requests wait for the cluster already`);
    this.#waiting += 1;
    try {
      return await abortable(
        Promise.race([attempt.session, attempt.halted.promise]),
        signal,
        (reason) => new SshUnavailable(`${reason.message} while connecting to the cluster`, { cause: reason }),
      );
    } finally {
      this.#waiting -= 1;
    }
  }

  #whyOffline(): string {
    return ('message' in this.#state ? this.#state.message : null) ?? 'the connection to the cluster is stopped';
  }

  #connect(delayMs: number, occasion: Occasion = {}): void {
    clearTimeout(this.#retry);
    this.#lookout.stop();
    const controller = new AbortController();
    const session = this.#open(delayMs, controller.signal, occasion);
    // Whether anybody waits for it or not, a failed attempt is no unhandled rejection: the state tells of it.
    session.catch(() => {});
    this.#attempt = { controller, session, halted: quietly() };
    this.#setState({ status: 'connecting', message: occasion.message ?? null });
  }

  async #open(delayMs: number, stopped: AbortSignal, { opened, isAttended }: Occasion): Promise<Session> {
    let hasAsked = false;
    // What works without a person is not to begin asking where nobody is there, and once refused offers what worked.
    const isAlone = !isAttended && this.#worked !== null;
    const onlyKeys = isAlone && this.#refusals > 0 ? (this.#worked ?? undefined) : undefined;
    try {
      if (delayMs > 0) await pause(delayMs, undefined, { signal: stopped });
      this.#lastAttemptAt = performance.now();
      this.#report = new DialReport();
      using deadline = new Deadline({ timeoutMs: this.#timing.connectTimeoutMs, signal: stopped });
      const { client, link, keys } = await dial(this.#settings, this.#environment, {
        signal: deadline.signal,
        log: this.#log,
        ask: isAlone
          ? null
          : (question) => {
              hasAsked = true;
              return this.#ask(question, deadline);
            },
        onlyKeys,
        report: this.#report,
        opened,
        ...this.#timing,
      });
      if (stopped.aborted) {
        await link.close();
        throw stopped.reason;
      }
      const { silenceMs } = this.#timing;
      const channels = new Channels(client, { silenceMs, onExhausted: (reason) => link.break(reason) });
      const session = {
        link,
        channels,
        files: new ConnectionFiles(channels, silenceMs, () => this.#noteSftpFault()),
        since: new Date(),
        madeAt: performance.now(),
      };
      this.#asksPerson = hasAsked;
      this.#worked = hasAsked ? null : keys;
      this.#refusals = 0;
      this.#online(session);
      return session;
    } catch (error) {
      if (stopped.aborted) throw new SshUnavailable(this.#whyOffline());
      this.#fail(error);
      throw new SshUnavailable(this.#whyOffline(), { cause: error });
    }
  }

  async #ask(question: LoginQuestion, deadline: Deadline): Promise<readonly string[]> {
    const { host, expiresAt } = question;
    const prompt = { ...question, id: randomUUID() };
    const asked = { prompt, answered: quietly<readonly string[]>() };
    const timer = setTimeout(
      () =>
        asked.answered.reject(
          refused(`${host} wants an answer from a person, and nobody gave one in time. ${LOG_IN_AGAIN}`),
        ),
      Math.max(0, expiresAt.getTime() - Date.now()),
    );
    deadline.suspend();
    this.#asksPerson = true;
    this.#question = asked;
    const message =
      `${host} asks for something that only a person can give, such as a password or a one-time code: an administrator` +
      ` can answer until ${expiresAt.toISOString().slice(11, 19)} UTC, with "Log in" on the page of the clusters`;
    this.#attempt?.halted.reject(new SshUnavailable(message));
    this.#setState({ status: 'asking', message, prompt });
    try {
      const answers = await abortable(asked.answered.promise, deadline.signal, (reason) => reason);
      deadline.restart();
      return answers;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The login that asked is over. */
  #dropQuestion(): void {
    this.#question?.answered.reject(new Error('the login ended'));
    this.#question = undefined;
  }

  #online(session: Session): void {
    this.#attempt = undefined;
    this.#soughtAt = Number.NEGATIVE_INFINITY;
    this.#meter?.login(true);
    this.#session = session;
    session.link.broken.catch((reason: Error) => this.#lose(session, reason));
    this.#log.info({ cluster: this.#settings.name }, 'connected');
    this.#setState({ status: 'online', since: session.since });
  }

  #lose(session: Session, reason: Error): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    const failure = unreachable(`the connection to ${this.#settings.host} was lost: ${reason.message}`, reason);
    if (this.#asksPerson) {
      this.#failures = 0;
      this.#fail(failure);
      return;
    }
    this.#lookout.lost();
    // What hangs stays on the cluster: it is to get no more of it each minute.
    const wasSteady = performance.now() - session.madeAt >= this.#timing.steadyAfterMs;
    if (wasSteady && !(reason instanceof ChannelsExhausted)) this.#failures = 0;
    else if (this.#failures === 0) this.#failures = 1;
    else {
      // A server that drops every login at once is not to be bothered each second.
      this.#fail(failure);
      return;
    }
    this.#log.warn({ cluster: this.#settings.name, err: failure }, 'connection lost, connecting again');
    this.#connect(this.#timing.quickRetryMs, { message: `${failure.message}. It is being made again` });
  }

  #fail(error: unknown): void {
    this.#attempt = undefined;
    this.#dropQuestion();
    this.#failures += 1;
    const failure = error instanceof DialFailure ? error : unreachable(String(error), error);
    if (this.#report.stage === 'login') this.#meter?.login(false);
    this.#log.warn({ cluster: this.#settings.name, err: failure }, 'not connected');
    if (failure.status === 'refused') {
      this.#refuse(failure);
      return;
    }
    const { help } = this.#settings;
    const helped = help === undefined ? failure.message : `${failure.message}. ${help.trim()}`;
    if (this.#asksPerson) {
      this.#setState({ status: 'refused', message: `${helped.replace(/\.$/, '')}. ${LOG_IN_AGAIN}`, retryAt: null });
      return;
    }
    if (failure.nobodyAt !== undefined) this.#lookout.start(failure.nobodyAt);
    const delayMs = backOffMs(this.#failures, Math.random());
    this.#retry = setTimeout(() => this.#connect(0), delayMs);
    this.#setState({
      status: 'unreachable',
      message: helped,
      retryAt: new Date(Date.now() + delayMs),
    });
  }

  /** A login that worked before by keys alone is tried again, rarely: a home or an agent may have been away for a while. */
  #refuse({ message, passing }: DialFailure): void {
    if (passing === undefined || this.#worked === null || this.#asksPerson) {
      this.#setState({ status: 'refused', message, retryAt: null });
      return;
    }
    this.#refusals += 1;
    const delayMs = refusedBackOffMs(this.#timing.refusedRetryMs, this.#refusals, Math.random());
    const retryAt = new Date(Date.now() + delayMs);
    this.#retry = setTimeout(() => this.#connect(0), delayMs);
    const time = retryAt.toISOString().slice(11, 16);
    const plan =
      `It worked before and asked nobody, so it is tried again by itself, with the same key alone: at ${time} UTC, and` +
      ' ever more rarely lest the account gets banned. Ask for a new login to have it tried at once.';
    this.#setState({ status: 'refused', message: `${passing} ${plan}`, retryAt });
  }

  #noteSftpFault(): void {
    this.#log.warn({ cluster: this.#settings.name, fault: this.sftpFault }, 'files go by commands, without SFTP');
    for (const listener of this.#sftpListeners) listener();
  }

  #setState(state: ConnectionState): void {
    if (state.status === this.#state.status && !('message' in state)) return;
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

/** A promise whose rejection is no unhandled one, whether anybody waits for it or not. */
function quietly<T>(): PromiseWithResolvers<T> {
  const resolvers = Promise.withResolvers<T>();
  resolvers.promise.catch(() => {});
  return resolvers;
}
