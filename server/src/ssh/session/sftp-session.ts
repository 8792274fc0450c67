import { abortable, Deadline } from '../deadline.ts';
import { SshUnavailable } from '../errors.ts';
import { Gate } from '../gate.ts';
import type { Channels } from './channels.ts';
import { SftpChannel } from './sftp-channel.ts';

const MOST_OPERATIONS = 128;
const LONGEST_LINE = 1_024;
const OPEN_TIMEOUT_MS = 30_000;
/**
 * So many channels may hang on the cluster, given up here but not there, until no further one is opened. Each holds one
 * of the server's sessions, and commands need some, too.
 */
const MOST_HANGING = 2;
const HANGING = 'the cluster answers no file requests: one of its file systems seems to hang';

/** The one SFTP channel of a connection: opened when first needed, and anew after it was lost or had to yield. */
export class SftpSession {
  readonly #channels: Channels;
  readonly #operations = new Gate(MOST_OPERATIONS, LONGEST_LINE);
  #current: Promise<SftpChannel> | undefined;
  #hanging = 0;
  #failure: SshUnavailable | undefined;

  constructor(channels: Channels) {
    this.#channels = channels;
  }

  /** SFTP itself couldn't be started: this server has none. Known for good, as long as the connection holds. */
  get isOff(): boolean {
    return this.#failure !== undefined;
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

  #open(): Promise<SftpChannel> {
    if (this.#failure) throw this.#failure;
    if (this.#hanging === MOST_HANGING) throw new SshUnavailable(HANGING);
    const forget = () => {
      if (this.#current === opening) this.#current = undefined;
    };
    const opening = this.#start(forget);
    // Its users report the failure; the next one tries again.
    opening.catch((error: unknown) => {
      this.#failure ??= startFailure(error);
      forget();
    });
    return opening;
  }

  /** @param forget has the next request open another channel */
  async #start(forget: () => void): Promise<SftpChannel> {
    let channel: SftpChannel | undefined;
    let isWantedBack = false;
    // Many may wait for it, so it outlasts the deadline of the one that came first.
    using deadline = new Deadline({ timeoutMs: OPEN_TIMEOUT_MS });
    const sftp = await this.#channels.openSftp(() => {
      forget();
      isWantedBack = true;
      channel?.yieldTurn();
    }, deadline.signal);
    channel = new SftpChannel(sftp, () => {
      forget();
      channel?.end();
      this.#hanging += 1;
      sftp.once('close', () => (this.#hanging -= 1));
    });
    for (const event of ['end', 'close', 'error']) {
      sftp.on(event, () => {
        forget();
        channel?.end();
      });
    }
    // Those who wait for it shall get hold of it before it yields.
    setImmediate(channel.hold());
    if (isWantedBack) channel.yieldTurn();
    return channel;
  }
}

/** What to tell from now on, if SFTP itself couldn't be started. */
function startFailure(error: unknown): SshUnavailable | undefined {
  const cause = error instanceof SshUnavailable && error.cause instanceof Error ? error.cause.message : '';
  if (!/Unable to start subsystem|while establishing SFTP session/.test(cause)) return undefined;
  return new SshUnavailable(`the cluster's SFTP, which files are read and written with, doesn't start: ${cause}`);
}
