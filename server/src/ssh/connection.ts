import { setTimeout as pause } from 'node:timers/promises';
import { Attempt } from './attempt.ts';
import type { AnswerOutcome, ConnectionState } from './connection-state.ts';
import { Deadline } from './deadline.ts';
import { dial } from './dial/dial.ts';
import { DialFailure, unreachable } from './dial/failure.ts';
import { Lookout, type Opened } from './dial/lookout.ts';
import type { LoginQuestion } from './dial/question.ts';
import { DialReport, type DialStep } from './dial/report.ts';
import { SshUnavailable } from './errors.ts';
import { LoginPrompts } from './login-prompts.ts';
import { LongAnswers } from './long-answers.ts';
import { ObservedState } from './observed-state.ts';
import { type LoginMemory, ReconnectPolicy } from './reconnect-policy.ts';
import { Requests, type RunOptions, type SshMeter } from './requests.ts';
import { ChannelsExhausted } from './session/channels.ts';
import type { CommandResult } from './session/command.ts';
import type { RemoteFiles } from './session/remote-files.ts';
import { openSession, type Session } from './session/session.ts';
import type { SshEnvironment, SshLog, SshSettings } from './settings.ts';
import { type SshTiming, USUAL_TIMING } from './timing.ts';

export interface ConnectionOptions {
  readonly log?: SshLog;
  readonly meter?: SshMeter;
  /** Deviations from the defaults. */
  readonly timing?: Partial<SshTiming>;
  /** Default: what its login shows is forgotten with the connection. */
  readonly memory?: LoginMemory;
  /** The turns of long answers, for all connections that share them. Default: of its own. */
  readonly longAnswers?: LongAnswers;
}

const WANTED_MS = 1000;
/** Background requests, such as those of a log's followers each second, cause a new attempt at most this often. */
const SOUGHT_AGAIN_MS = 10 * 60_000;
const SILENT: SshLog = { info() {}, warn() {}, debug() {} };

/** How an attempt begins. */
interface Occasion {
  /** Why the connection before was lost. */
  readonly message?: string;
  /** A TCP connection that is open already. */
  readonly opened?: Opened;
  /** A person asked for it and can answer prompts. */
  readonly isAttended?: boolean;
}

/**
 * The one connection to a cluster. Once started, it is kept: when it is lost, it reconnects at growing intervals,
 * unless a person must correct something first. A login that has asked a person is repeated only when a person requests
 * it (`connectNow`): to the server, a prompt that gets no answer looks like an attack.
 */
export class SshConnection {
  readonly files: RemoteFiles;
  readonly #settings: SshSettings;
  readonly #environment: SshEnvironment;
  readonly #log: SshLog;
  readonly #meter: SshMeter | undefined;
  readonly #timing: SshTiming;
  readonly #sftpListeners = new Set<() => void>();
  readonly #state: ObservedState;
  #attempt: Attempt | undefined;
  #session: Session | undefined;
  readonly #prompts = new LoginPrompts();
  readonly #policy: ReconnectPolicy;
  readonly #requests: Requests;
  readonly #longAnswers: LongAnswers;
  #retry: NodeJS.Timeout | undefined;
  /** Probes an unreachable server by TCP, between the attempts. */
  readonly #lookout: Lookout;
  #closing: Promise<void> = Promise.resolve();
  #lastAttemptAt = Number.NEGATIVE_INFINITY;
  #soughtAt = Number.NEGATIVE_INFINITY;
  #report = new DialReport();

  constructor(settings: SshSettings, environment: SshEnvironment, options: ConnectionOptions = {}) {
    this.#settings = settings;
    this.#environment = environment;
    this.#log = options.log ?? SILENT;
    this.#meter = options.meter;
    this.#longAnswers = options.longAnswers ?? new LongAnswers();
    this.#timing = { ...USUAL_TIMING, ...options.timing };
    this.#state = new ObservedState((error) =>
      this.#log.warn({ cluster: settings.name, err: error }, 'a listener to the connection failed'),
    );
    this.#policy = new ReconnectPolicy(settings.help, this.#timing, options.memory);
    const sessions = { current: () => this.#session, next: (signal: AbortSignal) => this.#nextSession(signal) };
    this.#requests = new Requests(sessions, options.meter);
    this.files = this.#requests.files;
    this.#lookout = new Lookout((opened) => this.#connect(0, { opened }));
  }

  get state(): ConnectionState {
    return this.#state.current;
  }

  /** Why files are read and written by commands, each a process on the cluster; null: by SFTP, as far as is known. */
  get sftpFault(): string | null {
    return this.#session?.files.sftpFault ?? null;
  }

  /** Calls `listener` when `sftpFault` has become known, until the function that it returns is called. */
  onSftpFault(listener: () => void): () => void {
    this.#sftpListeners.add(listener);
    return () => this.#sftpListeners.delete(listener);
  }

  /** The steps of the last or current attempt to connect; empty before the first. */
  get lastAttempt(): readonly DialStep[] {
    return this.#report.steps;
  }

  /** Calls `listener` after every change of the state, until the function that it returns is called. */
  onStateChange(listener: (state: ConnectionState) => void): () => void {
    return this.#state.onChange(listener);
  }

  start(): void {
    if (this.state.status === 'idle') this.#connect(0);
  }

  /** Resolves once everything is closed. Open requests fail. */
  stop(): Promise<void> {
    const attempt = this.#attempt;
    const session = this.#session;
    this.#attempt = undefined;
    this.#session = undefined;
    this.#prompts.drop();
    this.#lookout.stop();
    clearTimeout(this.#retry);
    const stopped = attempt?.stop();
    this.#state.set({ status: 'idle' });
    this.#closing = Promise.allSettled([this.#closing, stopped, session?.link.close()]).then(() => {});
    return this.#closing;
  }

  /**
   * Tries again now because a person asked for it. Repeated calls wait a few seconds between attempts. A connection on
   * which requests hang is replaced.
   */
  connectNow(): void {
    const session = this.#session;
    if (session !== undefined && session.channels.hanging > 0) {
      this.#session = undefined;
      void session.link.close();
      this.#connect(0, { isAttended: true });
      return;
    }
    if (this.state.status !== 'unreachable' && this.state.status !== 'refused') return;
    const { quickRetryMs, askAgainMs } = this.#timing;
    const pauseMs = this.#lookout.isLooking ? quickRetryMs : askAgainMs;
    this.#connect(Math.max(0, this.#lastAttemptAt + pauseMs - performance.now()), { isAttended: true });
  }

  /**
   * Called when the cluster is needed. A host where nothing listened is probed now, and quickly for a while; after
   * another failure it tries again, unless that was a short time ago. Resolves once an attempt is in progress or there
   * is nothing to wait for, after a second at most.
   */
  async wanted(): Promise<void> {
    if (this.state.status !== 'unreachable') return;
    this.#lookout.wanted();
    if (performance.now() - this.#lastAttemptAt >= this.#timing.wantedAgainMs) this.#connect(0);
    else if (this.#lookout.isLooking) await this.#state.nextChange(WANTED_MS);
  }

  /**
   * Gives a person's answers to the waiting prompts, one each. The next state shows how the server judged them. They go
   * to the server and nowhere else.
   */
  answer(promptId: string, answers: readonly string[]): AnswerOutcome {
    const outcome = this.#prompts.answer(promptId, answers);
    if (outcome === 'taken') {
      this.#attempt?.resume();
      this.#state.set({ status: 'connecting', message: null });
    }
    return outcome;
  }

  /** Whether its login has asked a person: only a person can restore the connection once it is lost. */
  get asksPerson(): boolean {
    return this.#policy.asksPerson;
  }

  /**
   * Runs a POSIX shell script and resolves to its result, whatever its exit code. Its standard input is empty.
   *
   * @throws SshUnavailable if it was not sent: at once if there is no connection and no attempt in progress
   * @throws SshInterrupted if it was sent, and the deadline passed or the connection broke before its exit code came
   * @throws SshOutputTooLarge if it printed more than `maxOutputBytes`
   */
  run(script: string, options: RunOptions): Promise<CommandResult> {
    return this.#requests.run(script, options);
  }

  async #nextSession(signal: AbortSignal): Promise<Session> {
    if (this.#attempt !== undefined) return this.#attempt.wait(signal);
    if (performance.now() - this.#soughtAt >= SOUGHT_AGAIN_MS) {
      this.#soughtAt = performance.now();
      this.#lookout.wanted();
    }
    throw new SshUnavailable(this.#whyOffline());
  }

  #whyOffline(): string {
    const { state } = this;
    return ('message' in state ? state.message : null) ?? 'the connection to the cluster is stopped';
  }

  #connect(delayMs: number, occasion: Occasion = {}): void {
    clearTimeout(this.#retry);
    this.#lookout.stop();
    this.#attempt = new Attempt((stopped) => this.#open(delayMs, stopped, occasion));
    this.#state.set({ status: 'connecting', message: occasion.message ?? null });
  }

  async #open(delayMs: number, stopped: AbortSignal, { opened, isAttended }: Occasion): Promise<Session> {
    let hasAsked = false;
    try {
      if (delayMs > 0) await pause(delayMs, undefined, { signal: stopped });
      this.#lastAttemptAt = performance.now();
      this.#report = new DialReport();
      using deadline = new Deadline({ timeoutMs: this.#timing.connectTimeoutMs, signal: stopped });
      const dialled = await dial(this.#settings, this.#environment, {
        signal: deadline.signal,
        log: this.#log,
        permit: (hops) => {
          const { mayAsk, onlyKeys } = this.#policy.login(isAttended === true, hops);
          if (!mayAsk) return { ask: null, onlyKeys };
          const ask = (question: LoginQuestion) => {
            hasAsked = true;
            return this.#ask(question, deadline);
          };
          return { ask, onlyKeys };
        },
        report: this.#report,
        opened,
        ...this.#timing,
      });
      if (stopped.aborted) {
        await dialled.link.close();
        throw stopped.reason;
      }
      const onSftpFault = () => this.#noteSftpFault();
      const session = openSession(dialled, { ...this.#timing, longAnswers: this.#longAnswers, onSftpFault });
      this.#policy.loggedIn(hasAsked, dialled.keys);
      this.#online(session);
      return session;
    } catch (error) {
      if (stopped.aborted) throw new SshUnavailable(this.#whyOffline());
      this.#fail(error);
      throw new SshUnavailable(this.#whyOffline(), { cause: error });
    }
  }

  #ask(question: LoginQuestion, deadline: Deadline): Promise<readonly string[]> {
    const { prompt, message, answers } = this.#prompts.ask(question, deadline);
    this.#policy.asked();
    this.#attempt?.halt(message);
    this.#state.set({ status: 'asking', message, prompt });
    return answers;
  }

  #online(session: Session): void {
    this.#attempt = undefined;
    this.#soughtAt = Number.NEGATIVE_INFINITY;
    this.#meter?.login(true);
    this.#session = session;
    session.link.broken.catch((reason: Error) => this.#lose(session, reason));
    this.#log.info({ cluster: this.#settings.name }, 'connected');
    this.#state.set({ status: 'online', since: session.since });
  }

  #lose(session: Session, reason: Error): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    const failure = unreachable(`the connection to ${this.#settings.host} was lost: ${reason.message}`, reason);
    if (!this.#policy.asksPerson) this.#lookout.lost();
    const isGivenUp = reason instanceof ChannelsExhausted || reason instanceof DialFailure;
    if (!this.#policy.lost(performance.now() - session.madeAt, isGivenUp)) {
      this.#fail(failure);
      return;
    }
    this.#log.warn({ cluster: this.#settings.name, err: failure }, 'connection lost, connecting again');
    this.#connect(this.#timing.quickRetryMs, { message: `${failure.message}. It is being made again` });
  }

  #fail(error: unknown): void {
    this.#attempt = undefined;
    this.#prompts.drop();
    const failure = error instanceof DialFailure ? error : unreachable(String(error), error);
    if (this.#report.stage === 'login') this.#meter?.login(false);
    this.#log.warn({ cluster: this.#settings.name, err: failure }, 'not connected');
    const { state, retryMs } = this.#policy.failed(failure);
    if (state.status === 'unreachable' && failure.nobodyAt !== undefined) this.#lookout.start(failure.nobodyAt);
    if (retryMs !== null) this.#retry = setTimeout(() => this.#connect(0), retryMs);
    this.#state.set(state);
  }

  #noteSftpFault(): void {
    this.#log.warn({ cluster: this.#settings.name, fault: this.sftpFault }, 'files go by commands, without SFTP');
    for (const listener of this.#sftpListeners) listener();
  }
}
