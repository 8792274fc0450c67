import type { Dialled } from '../dial/dial.ts';
import type { Link } from '../dial/link.ts';
import type { LongAnswers } from '../long-answers.ts';
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

export interface SessionOptions {
  /** How long the server may leave a request without an answer. */
  readonly silenceMs: number;
  readonly longAnswers: LongAnswers;
  /** Called when `files.sftpFault` is known. */
  onSftpFault(): void;
}

export function openSession(
  { client, watch, link }: Dialled,
  { silenceMs, longAnswers, onSftpFault }: SessionOptions,
): Session {
  const channels = new Channels(client, {
    silenceMs,
    longAnswers,
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
