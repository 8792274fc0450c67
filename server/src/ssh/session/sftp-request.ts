import type { Client, ClientSFTPCallback, SFTPWrapper } from 'ssh2';
import { type OpenChannel, requestChannel } from '../client-channels.ts';
import { deafen } from '../deafen.ts';

/** draft-ietf-secsh-filexfer-02: what ssh2 speaks. */
const SFTP_VERSION = 3;

/** The server granted a channel, and what it ran on it was no SFTP. */
export class NoSftp extends Error {
  override readonly name = 'NoSftp';
}

/** Asks for an SFTP channel, until `signal` aborts. One that the server grants without SFTP to run on it is closed. */
export class SftpRequest {
  readonly #client: Client;
  readonly #signal: AbortSignal;
  #isSilent = false;
  #find: () => OpenChannel | undefined = () => undefined;

  constructor(client: Client, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** There was a channel when `signal` aborted, and no word of SFTP on it. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  send(done: ClientSFTPCallback): void {
    const onAbort = () => {
      this.#isSilent = this.#end();
    };
    this.#signal.addEventListener('abort', onAbort, { once: true });
    const request = () =>
      this.#client.sftp((error, sftp) => {
        this.#signal.removeEventListener('abort', onAbort);
        const fault = error ?? wrongVersion(sftp);
        const hadChannel = fault !== undefined && this.#end();
        done(hadChannel ? new NoSftp(fault.message) : error, sftp);
      });
    this.#find = requestChannel(this.#client, request);
  }

  /** Whether there was a channel. */
  #end(): boolean {
    const channel = this.#find();
    if (channel === undefined) return false;
    deafen(channel);
    channel.end();
    return true;
  }
}

/** ssh2 (1.17) takes any version for an answer. */
function wrongVersion(sftp: SFTPWrapper): Error | undefined {
  const version: unknown = Reflect.get(sftp, '_version');
  if (typeof version !== 'number' || version === SFTP_VERSION) return undefined;
  return new Error(`it speaks version ${version}, though ${SFTP_VERSION} was asked for`);
}
