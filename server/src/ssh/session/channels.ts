import { setTimeout as pause } from 'node:timers/promises';
import type { Client, ClientCallback, ClientChannel, ClientSFTPCallback, SFTPWrapper } from 'ssh2';
import { asError } from '../../domain/thrown.ts';
import { askReceipt } from '../client-channels.ts';
import { abortable } from '../deadline.ts';
import { deafen } from '../deafen.ts';
import { SshUnavailable } from '../errors.ts';
import { Gate } from '../gate.ts';
import { LONGEST_OWN_TURN_MS, LongAnswers } from '../long-answers.ts';
import { CommandRefused, requestCommand } from './command-request.ts';
import { NoSftp, SftpRequest } from './sftp-request.ts';

const MOST_COMMANDS = 4;
const LONGEST_LINE = 256;
/** The commands and the SFTP session: half of the 10 that sshd allows unless told otherwise (`MaxSessions`). */
const MOST_CHANNELS = MOST_COMMANDS + 1;
/** How many channels in a row must be granted before it tries one more than the server last allowed. */
const GRANTS_TO_RECOVER = 20;
/**
 * sshd counts a channel for a moment after it was closed: a new one that follows at once is refused if there is no room
 * for both.
 */
const GRACE_MS = 5;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 1_000;

/** So much may come on a channel after this side has ended it: the most room that it had, twice (ssh2 1.17, lib/Channel.js). */
const MOST_LATE_BYTES = 4 * 1024 * 1024;

/** Shared by commands and SFTP. */
interface Channel {
  once(event: 'close', listener: () => void): unknown;
  on(event: 'error', listener: () => void): unknown;
  end(): unknown;
}

export interface ChannelsOptions {
  /** How long the server may take to open or to close a channel. */
  readonly silenceMs: number;
  /** What was written to the connection and the server has not taken yet. */
  readonly unsentBytes: () => number;
  /** Whether all that the server had to send on a channel has come. */
  readonly hasEnded: (channel: object) => boolean;
  /** Of all connections of the server. */
  readonly longAnswers: LongAnswers;
  /** Called when no channel can be had any more: the connection is useless. */
  readonly onExhausted: (reason: ChannelsExhausted) => void;
}

/** Why an open connection that answers nothing is given up. The message completes "the connection was lost: ". */
export class ChannelsExhausted extends Error {
  override readonly name = 'ChannelsExhausted';
}

type OpenRequest<C extends Channel> = (done: (error: Error | undefined, channel: C) => void) => void;

/**
 * The limited channels of one connection. A refused channel is opened again once another has closed, which is safe
 * because nothing was sent on it, and from then on fewer are opened. If only one is allowed, commands and SFTP take
 * turns. A channel that was ended here but not by the server, because its process hangs, keeps its place: once these
 * leave no room for others, the connection is given up.
 */
export class Channels {
  readonly #client: Client;
  readonly #options: ChannelsOptions;
  readonly #commands = new Gate(MOST_COMMANDS, LONGEST_LINE);
  readonly #all = new Gate(MOST_CHANNELS, LONGEST_LINE);
  readonly #longAnswers = new LongAnswers(LONGEST_OWN_TURN_MS);
  #grants = 0;
  /** All channels that were ever granted. */
  #opened = 0;
  /** When it was refused a channel for the first time since the last was granted, though it had none. */
  #refusedAt: number | undefined;
  #hanging = 0;
  /** When the server has closed each channel. It may do so as soon as it has granted it. */
  readonly #closings = new WeakMap<Channel, Promise<void>>();
  #yieldSftp: (() => void) | undefined;

  constructor(client: Client, options: ChannelsOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** What was written to the connection and the server has not taken yet. */
  get unsentBytes(): number {
    return this.#options.unsentBytes();
  }

  /** Calls `received` once the server has received all that was written so far, or the connection has ended. */
  askReceipt(received: () => void): void {
    askReceipt(this.#client, received);
  }

  /** Whether all that the server had to send on a channel has come; otherwise it closed because the connection did. */
  hasEnded(channel: object): boolean {
    return this.#options.hasEnded(channel);
  }

  /** How many channels were ended here long enough ago that the server should have closed them. */
  get hanging(): number {
    return this.#hanging;
  }

  /**
   * A channel on which `command` runs. Its place is taken until it emits `close`.
   *
   * @throws SshUnavailable if there was none before `signal` aborted or the connection broke: nothing has run
   */
  async openCommand(command: string, signal: AbortSignal): Promise<ClientChannel> {
    await this.#commands.enter(signal);
    const leave = () => this.#commands.leave();
    try {
      const channel = await this.#open((done: ClientCallback) => this.#exec(command, done), signal);
      channel.once('close', leave);
      return channel;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /**
   * Resolves once no other long answer of this connection is on its way or being read, nor one of another connection for
   * long; it is this one's turn until `until` aborts. Throws SshUnavailable if `over` aborts before.
   */
  async takeLongAnswer(over: AbortSignal, until: AbortSignal): Promise<void> {
    // So a connection waits for its turn among all with one of its answers, however many it has.
    await this.#longAnswers.take(over, until);
    await this.#options.longAnswers.take(over, until);
  }

  /**
   * An SFTP channel, of which there should be one at a time. Its place is taken until it emits `close`.
   *
   * @param yieldTurn called when a command waits for the only channel: end this one once it is idle
   * @throws SshUnavailable as `openCommand` does; its cause is a NoSftp if there was a channel without SFTP
   */
  async openSftp(yieldTurn: () => void, signal: AbortSignal): Promise<SFTPWrapper> {
    const request = new SftpRequest(this.#client, signal);
    let sftp: SFTPWrapper;
    try {
      sftp = await this.#open((done: ClientSFTPCallback) => request.send(done), signal);
    } catch (error) {
      throw request.isSilent ? notSent(new NoSftp(`${signal.reason.message} before it said what it is`)) : error;
    }
    this.#yieldSftp = yieldTurn;
    sftp.once('close', () => {
      if (this.#yieldSftp === yieldTurn) this.#yieldSftp = undefined;
    });
    this.#settleTurns();
    return sftp;
  }

  /** This side has ended the channel; the server must do so, too. What still comes on it is dropped. */
  ended(channel: Channel): void {
    deafen(channel, this.#awaitEnd(this.#closing(channel)));
  }

  /** Returns what to call with the size of everything that still comes. */
  #awaitEnd(closed: Promise<unknown>): (bytes: number) => void {
    let isHanging = false;
    let lateBytes = 0;
    const timer = setTimeout(() => {
      isHanging = true;
      this.#hanging += 1;
      if (this.#hanging < Math.min(this.#all.capacity, MOST_COMMANDS)) return;
      const reason = `${this.#hanging} requests hang on the cluster and block all further ones: one of its file systems seems to hang`;
      // What has come meanwhile says more.
      setImmediate(() => this.#giveUp(reason));
    }, this.#options.silenceMs).unref();
    const settle = () => {
      clearTimeout(timer);
      if (isHanging) this.#hanging -= 1;
    };
    closed.then(settle, settle);
    return (bytes) => {
      lateBytes += bytes;
      if (isHanging || lateBytes > MOST_LATE_BYTES) {
        this.#giveUp('the server keeps sending data that nobody needs any more');
      }
    };
  }

  #closing(channel: Channel): Promise<void> {
    return this.#closings.get(channel) ?? Promise.resolve();
  }

  #giveUp(reason: string): void {
    this.#options.onExhausted(new ChannelsExhausted(reason));
  }

  /** Unlike SFTP, whose beginning waits for the login's shell, a command is granted at once. */
  #exec(command: string, done: ClientCallback): void {
    const openedBefore = this.#opened;
    const timer = setTimeout(() => {
      if (this.#opened === openedBefore) this.#giveUp('the server answers no request for a channel');
    }, this.#options.silenceMs).unref();
    requestCommand(this.#client, command, (error, channel) => {
      clearTimeout(timer);
      done(error, channel);
    });
  }

  async #open<C extends Channel>(request: OpenRequest<C>, signal: AbortSignal): Promise<C> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const entered = this.#all.enter(signal);
      this.#settleTurns();
      await entered;
      const opened = this.#attempt(request);
      try {
        return await abortable(opened, signal, notSent);
      } catch (error) {
        if (signal.aborted) {
          const late = opened.then((channel) => {
            channel.end();
            deafen(channel, (bytes) => drop(bytes));
            return this.#closing(channel);
          });
          const drop = this.#awaitEnd(late);
          throw notSent(signal.reason);
        }
        if (!isRefusal(error)) throw notSent(asError(error));
      }
      // Without another channel to wait for, only time can help.
      if (this.#all.inside === 0) await abortable(pause(pauseMs), signal, notSent);
    }
  }

  /** Opens one channel. Rejects with ssh2's own error or a CommandRefused, and releases the place. */
  #attempt<C extends Channel>(request: OpenRequest<C>): Promise<C> {
    const leave = () => {
      this.#all.leave();
      this.#settleTurns();
    };
    const leaveWith = (channel: Channel) => {
      this.#closings.set(channel, new Promise((closed) => channel.once('close', closed)));
      channel.once('close', () => {
        if (this.#all.capacity < MOST_CHANNELS) setTimeout(leave, GRACE_MS).unref();
        else leave();
      });
    };
    return new Promise<C>((resolve, reject) => {
      // ssh2 throws at once when the socket is gone: that rejects the promise, too.
      request((error, channel) => {
        if (error) {
          reject(error);
          return;
        }
        leaveWith(channel);
        this.#opened += 1;
        this.#countGrant();
        resolve(channel);
      });
    }).catch((error: unknown) => {
      // The limit has to fall first, or the place would go to the next in line at once.
      if (isRefusal(error)) this.#shrink();
      if (error instanceof CommandRefused) {
        leaveWith(error.channel);
        error.channel.close();
        this.ended(error.channel);
      } else leave();
      throw error;
    });
  }

  #shrink(): void {
    this.#grants = 0;
    if (this.#all.inside === 1) this.#countLoneRefusal();
    this.#all.capacity = Math.max(1, this.#all.inside - 1);
  }

  /** A server that has granted channels, and grants none though all are closed, counts sessions that nobody has. */
  #countLoneRefusal(): void {
    this.#refusedAt ??= performance.now();
    if (this.#opened === 0 || performance.now() - this.#refusedAt < this.#options.silenceMs) return;
    this.#giveUp('the server grants no channel any more, though none is open');
  }

  #countGrant(): void {
    this.#grants += 1;
    this.#refusedAt = undefined;
    if (this.#grants < GRANTS_TO_RECOVER || this.#all.capacity === MOST_CHANNELS) return;
    this.#grants = 0;
    this.#all.capacity += 1;
  }

  #settleTurns(): void {
    const isSftpAlone = this.#yieldSftp !== undefined && this.#all.inside === 1;
    if (isSftpAlone && this.#all.waiting > 0) this.#yieldSftp?.();
  }
}

function notSent(reason: Error): SshUnavailable {
  return new SshUnavailable(`the request was not sent: ${reason.message}`, { cause: reason });
}

/** A server's refusal carries the reason as a number (RFC 4254 section 5.1); a connection that broke has none. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'number';
}
