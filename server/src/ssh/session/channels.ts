import { setTimeout as pause } from 'node:timers/promises';
import type { Client, ClientCallback, ClientChannel, ClientSFTPCallback, SFTPWrapper } from 'ssh2';
import { abortable } from '../deadline.ts';
import { SshUnavailable } from '../errors.ts';
import { Gate } from '../gate.ts';

const MOST_COMMANDS = 4;
const LONGEST_LINE = 256;
/** The commands and the SFTP session: half of the 10 that sshd allows unless told otherwise (`MaxSessions`). */
const MOST_CHANNELS = MOST_COMMANDS + 1;
/** So many channels in a row have to be granted before one more than the server last allowed is tried. */
const GRANTS_TO_RECOVER = 20;
/**
 * sshd counts a channel for a moment longer than it takes to close it: a new one that follows on its heels is refused
 * where there is no room for both.
 */
const GRACE_MS = 5;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 1_000;

/** What commands and SFTP have in common. */
interface Channel {
  once(event: 'close', listener: () => void): unknown;
  end(): unknown;
}

type OpenRequest<C extends Channel> = (done: (error: Error | undefined, channel: C) => void) => void;

/**
 * The channels of one connection, rationed. A server that refuses a channel has nothing sent to it yet, so the opening
 * is simply repeated once another channel has closed, and from then on fewer are opened. Where only one is allowed,
 * commands and SFTP take turns.
 */
export class Channels {
  readonly #client: Client;
  readonly #commands = new Gate(MOST_COMMANDS, LONGEST_LINE);
  readonly #all = new Gate(MOST_CHANNELS, LONGEST_LINE);
  #grants = 0;
  #yieldSftp: (() => void) | undefined;

  constructor(client: Client) {
    this.#client = client;
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
      const channel = await this.#open((done: ClientCallback) => this.#client.exec(command, done), signal);
      channel.once('close', leave);
      return channel;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /**
   * An SFTP channel, of which there should be one at a time. Its place is taken until it emits `close`.
   *
   * @param yieldTurn called when a command waits for the only channel there may be: end this one once it is idle
   * @throws SshUnavailable as `openCommand` does
   */
  async openSftp(yieldTurn: () => void, signal: AbortSignal): Promise<SFTPWrapper> {
    const sftp = await this.#open((done: ClientSFTPCallback) => requestSftp(this.#client, done), signal);
    this.#yieldSftp = yieldTurn;
    sftp.once('close', () => {
      if (this.#yieldSftp === yieldTurn) this.#yieldSftp = undefined;
    });
    this.#settleTurns();
    return sftp;
  }

  async #open<C extends Channel>(request: OpenRequest<C>, signal: AbortSignal): Promise<C> {
    const notSent = (reason: Error) =>
      new SshUnavailable(`the request was not sent: ${reason.message}`, { cause: reason });
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const entered = this.#all.enter(signal);
      this.#settleTurns();
      await entered;
      const opened = this.#attempt(request);
      try {
        return await abortable(opened, signal, notSent);
      } catch (error) {
        if (signal.aborted) {
          opened.then((channel) => channel.end()).catch(() => {});
          throw notSent(signal.reason);
        }
        if (!isRefusal(error)) throw notSent(error instanceof Error ? error : new Error(String(error)));
      }
      // Without another channel whose end could be waited for, only time can help.
      if (this.#all.inside === 0) await abortable(pause(pauseMs), signal, notSent);
    }
  }

  /** One opening. Rejects with ssh2's own error, its place given back. */
  #attempt<C extends Channel>(request: OpenRequest<C>): Promise<C> {
    const leave = () => {
      this.#all.leave();
      this.#settleTurns();
    };
    return new Promise<C>((resolve, reject) => {
      // ssh2 throws at once when the socket is gone: that rejects the promise, too.
      request((error, channel) => {
        if (error) {
          reject(error);
          return;
        }
        channel.once('close', () => {
          if (this.#all.capacity < MOST_CHANNELS) setTimeout(leave, GRACE_MS).unref();
          else leave();
        });
        this.#countGrant();
        resolve(channel);
      });
    }).catch((error: unknown) => {
      // The limit has to fall first, or the place would go to the next in line at once.
      if (isRefusal(error)) this.#shrink();
      leave();
      throw error;
    });
  }

  #shrink(): void {
    this.#grants = 0;
    this.#all.capacity = Math.max(1, this.#all.inside - 1);
  }

  #countGrant(): void {
    this.#grants += 1;
    if (this.#grants < GRANTS_TO_RECOVER || this.#all.capacity === MOST_CHANNELS) return;
    this.#grants = 0;
    this.#all.capacity += 1;
  }

  #settleTurns(): void {
    const isSftpAlone = this.#yieldSftp !== undefined && this.#all.inside === 1;
    if (isSftpAlone && this.#all.waiting > 0) this.#yieldSftp?.();
  }
}

/** A server's refusal carries the reason as a number (RFC 4254 section 5.1); a connection that broke has none. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'number';
}

/**
 * Asks for an SFTP channel. Where the server grants a channel and has no SFTP to run on it, ssh2 (1.17) reports that and
 * leaves the channel open, neither closing it nor handing it out; it would take one of the server's sessions for as long
 * as the connection holds, the only one perhaps. So it is found among the client's channels and closed.
 */
function requestSftp(client: Client, done: ClientSFTPCallback): void {
  const before = new Set(sftpChannels(client));
  client.sftp((error, sftp) => {
    if (error) for (const channel of sftpChannels(client)) if (!before.has(channel)) channel.end();
    done(error, sftp);
  });
}

/** There is no public list of them: none are found where ssh2 keeps them elsewhere. */
function sftpChannels(client: Client): readonly Channel[] {
  const manager: unknown = Reflect.get(client, '_chanMgr');
  const channels: unknown = typeof manager === 'object' && manager !== null ? Reflect.get(manager, '_channels') : null;
  if (typeof channels !== 'object' || channels === null) return [];
  return Object.values(channels).filter((channel: unknown) => channel?.constructor.name === 'SFTP');
}
