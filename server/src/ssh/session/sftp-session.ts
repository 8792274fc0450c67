import type { SFTPWrapper } from 'ssh2';
import { faultOf } from '../client-channels.ts';
import { abortable, Deadline } from '../deadline.ts';
import { deafen } from '../deafen.ts';
import { RemoteFileError, SshUnavailable } from '../errors.ts';
import { Gate } from '../gate.ts';
import type { Channels } from './channels.ts';
import { SftpChannel } from './sftp-channel.ts';
import { NoSftp } from './sftp-request.ts';

const MOST_OPERATIONS = 128;
const LONGEST_LINE = 1_024;
/**
 * So many channels may hang on the cluster, given up here but not there, until a further one waits: for a minute, then
 * ever longer. Each holds one of the server's sessions, and commands need some, too.
 */
const MOST_HANGING = 2;
const AGAIN_MS = 60_000;
const LONGEST_AGAIN_MS = 10 * 60_000;
const MOST_SHUNNED = 1_000;
const SHUN_MS = 10 * 60_000;
const SHUNNED = 'the cluster did not answer when it was opened, so it is left alone for ten minutes';
const HANGING = 'the cluster answers no file requests: one of its file systems seems to hang';
/** SFTP that breaks so often before it has answered anything is none. */
const MOST_BROKEN = 2;

/** The one SFTP channel of a connection: opened when first needed, and anew after it was lost or had to yield. */
export class SftpSession {
  readonly #channels: Channels;
  readonly #operations = new Gate(MOST_OPERATIONS, LONGEST_LINE);
  #current: Promise<SftpChannel> | undefined;
  readonly #silenceMs: number;
  readonly #onFault: () => void;
  #fault: string | null = null;
  /** Until when what hung as it was opened isn't opened again, by path. */
  readonly #shunned = new Map<string, number>();
  #hanging = 0;
  #againAt = 0;
  #againMs = AGAIN_MS;
  #broken = 0;

  /**
   * @param silenceMs so long it may take to begin, and be without an answer
   * @param onFault called once, when `fault` is known
   */
  constructor(channels: Channels, silenceMs: number, onFault: () => void) {
    this.#channels = channels;
    this.#silenceMs = silenceMs;
    this.#onFault = onFault;
  }

  /** Why there is no SFTP that works on this server, known for as long as the connection holds; null: there may be. */
  get fault(): string | null {
    return this.#fault;
  }

  /**
   * Lends the channel to `work`, for the time that it takes.
   *
   * @throws SshUnavailable if there was no channel before `signal` aborted: nothing was sent
   */
  async use<T>(signal: AbortSignal, work: (sftp: SftpChannel) => Promise<T>): Promise<T> {
    await this.#operations.enter(signal);
    try {
      this.#current ??= this.#open();
      const sftp = await abortable(
        this.#current,
        signal,
        (reason) => new SshUnavailable(`no SFTP session was opened: ${reason.message}`, { cause: reason }),
      );
      const release = sftp.hold();
      try {
        return await work(sftp);
      } finally {
        release();
      }
    } finally {
      this.#operations.leave();
    }
  }

  /**
   * What took the place of a file just before it was opened may hang for good, and would do so again.
   *
   * @throws RemoteFileError
   */
  refuseShunned(path: string): void {
    const until = this.#shunned.get(path);
    if (until === undefined) return;
    if (performance.now() < until) throw new RemoteFileError('failure', path, `${path}: ${SHUNNED}`);
    this.#shunned.delete(path);
  }

  #open(): Promise<SftpChannel> {
    if (this.#fault !== null) throw new SshUnavailable(`SFTP doesn't work on this login: ${this.#fault}`);
    if (this.#hanging >= MOST_HANGING && performance.now() < this.#againAt) throw new SshUnavailable(HANGING);
    const forget = () => {
      if (this.#current === opening) this.#current = undefined;
    };
    const opening = this.#start(forget);
    // Its users report the failure; the next one tries again.
    opening.catch((error: unknown) => {
      if (error instanceof SshUnavailable && error.cause instanceof NoSftp) this.#isNone(error.cause.message);
      forget();
    });
    return opening;
  }

  #noteHanging(sftp: SFTPWrapper, path: string): void {
    this.#channels.ended(sftp);
    if (this.#shunned.size < MOST_SHUNNED) this.#shunned.set(path, performance.now() + SHUN_MS);
    this.#hanging += 1;
    sftp.once('close', () => (this.#hanging -= 1));
    if (this.#hanging < MOST_HANGING) return;
    this.#againAt = performance.now() + this.#againMs;
    this.#againMs = Math.min(2 * this.#againMs, LONGEST_AGAIN_MS);
  }

  #noteBroken(reason: string): void {
    this.#broken += 1;
    if (this.#broken >= MOST_BROKEN) this.#isNone(reason);
  }

  #isNone(reason: string): void {
    if (this.#fault !== null) return;
    this.#fault = reason;
    this.#onFault();
  }

  /** @param forget has the next request open another channel */
  async #start(forget: () => void): Promise<SftpChannel> {
    let channel: SftpChannel | undefined;
    let isWantedBack = false;
    // Many may wait for it, so it outlasts the deadline of the one that came first.
    using deadline = new Deadline({ timeoutMs: this.#silenceMs });
    const sftp = await this.#channels.openSftp(() => {
      forget();
      isWantedBack = true;
      channel?.yieldTurn();
    }, deadline.signal);
    const giveUp = () => {
      forget();
      channel?.end();
    };
    channel = new SftpChannel(sftp, this.#silenceMs, (path) => {
      giveUp();
      this.#noteHanging(sftp, path);
      if (channel?.answers === 0) this.#noteBroken('it answers no request');
    });
    const onEnd = () => {
      const isTheirs = channel?.isEnded === false;
      giveUp();
      if (!isTheirs || channel?.answers !== 0) return;
      this.#noteBroken(faultOf(sftp)?.message ?? 'it ended before it answered anything');
    };
    sftp.on('end', onEnd);
    sftp.on('close', onEnd);
    // It may have ended with its first words.
    if (Reflect.get(sftp, 'readable') === false) onEnd();
    sftp.on('error', (error: Error) => {
      giveUp();
      deafen(sftp);
      if (channel?.answers === 0) this.#noteBroken(error.message);
    });
    // Those who wait for it shall get hold of it before it yields.
    setImmediate(channel.hold());
    if (isWantedBack) channel.yieldTurn();
    return channel;
  }
}
