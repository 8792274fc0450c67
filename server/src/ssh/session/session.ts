import type { Dialled } from '../dial/dial.ts';
import type { Link } from '../dial/link.ts';
import { Channels } from './channels.ts';
import { ConnectionFiles } from './remote-files.ts';

/** What an online connection offers. */
export interface Session {
  readonly link: Link;
  readonly channels: Channels;
  readonly files: ConnectionFiles;
  readonly since: Date;
  /** The same by the monotonic clock, in ms. */
  readonly madeAt: number;
}

/**
 * @param silenceMs how long the server may leave a request without an answer; @param onSftpFault called when
 * `files.sftpFault` is known
 */
export function openSession({ client, watch, link }: Dialled, silenceMs: number, onSftpFault: () => void): Session {
  const channels = new Channels(client, {
    silenceMs,
    unsentBytes: () => watch.unsentBytes,
    hasEnded: (channel) => watch.hasEnded(channel),
    onExhausted: (reason) => link.break(reason),
  });
  return {
    link,
    channels,
    files: new ConnectionFiles(channels, silenceMs, onSftpFault),
    since: new Date(),
    madeAt: performance.now(),
  };
}
