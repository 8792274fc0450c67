import type { Client, ClientSFTPCallback, SFTPWrapper } from 'ssh2';
import { deafen } from '../deafen.ts';

/** draft-ietf-secsh-filexfer-02: what ssh2 speaks. */
const SFTP_VERSION = 3;

/** The server granted a channel, and what it ran on it was no SFTP. */
export class NoSftp extends Error {
  override readonly name = 'NoSftp';
}

/**
 * Asks for an SFTP channel, until `signal` aborts. Where the server grants a channel and has no SFTP to run on it, ssh2
 * (1.17) reports that and leaves the channel open, neither closing it nor handing it out; it would take one of the
 * server's sessions for as long as the connection holds, the only one perhaps. So it is found among the client's
 * channels and closed.
 */
export class SftpRequest {
  readonly #client: Client;
  readonly #signal: AbortSignal;
  #isSilent = false;

  constructor(client: Client, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** There was a channel when `signal` aborted, and no word of SFTP on it. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  send(done: ClientSFTPCallback): void {
    const before = new Set(sftpChannels(this.#client));
    const onAbort = () => {
      this.#isSilent = this.#endAllBut(before);
    };
    this.#signal.addEventListener('abort', onAbort, { once: true });
    this.#client.sftp((error, sftp) => {
      this.#signal.removeEventListener('abort', onAbort);
      const fault = error ?? wrongVersion(sftp);
      const hadChannel = fault !== undefined && this.#endAllBut(before);
      done(hadChannel ? new NoSftp(fault.message) : error, sftp);
    });
  }

  /** Whether there was any. */
  #endAllBut(before: ReadonlySet<unknown>): boolean {
    const added = sftpChannels(this.#client).filter((channel) => !before.has(channel));
    for (const channel of added) {
      deafen(channel);
      channel.end();
    }
    return added.length > 0;
  }
}

interface RawSftp {
  on(event: 'error', listener: () => void): unknown;
  end(): unknown;
}

/** ssh2 (1.17) takes any version for an answer. */
function wrongVersion(sftp: SFTPWrapper): Error | undefined {
  const version: unknown = Reflect.get(sftp, '_version');
  if (typeof version !== 'number' || version === SFTP_VERSION) return undefined;
  return new Error(`it speaks version ${version}, though ${SFTP_VERSION} was asked for`);
}

/** There is no public list of them: none are found where ssh2 keeps them elsewhere. */
function sftpChannels(client: Client): readonly RawSftp[] {
  const manager: unknown = Reflect.get(client, '_chanMgr');
  const channels: unknown = typeof manager === 'object' && manager !== null ? Reflect.get(manager, '_channels') : null;
  if (typeof channels !== 'object' || channels === null) return [];
  return Object.values(channels).filter((channel: unknown) => channel?.constructor.name === 'SFTP');
}
