import { Readable } from 'node:stream';

/** Shared by commands and SFTP. */
interface Channel {
  on(event: 'error', listener: () => void): unknown;
}

/**
 * Has a channel that nobody needs any more read nothing, so that it closes as soon as the server closes it. ssh2 (1.17)
 * would keep what comes on a command's channel until somebody reads it, before it says that the channel is closed. On one
 * for SFTP it would go on with what follows on words that are no SFTP, in memory of the size that it took for that of a
 * message: words of a start-up file are one of a gigabyte and more.
 *
 * @param onData called with the size of everything that still comes, in the place of the window's own count: ssh2 would
 * drop what comes once the window is at nothing. The server gets no more room
 */
export function deafen(channel: Channel, onData?: (bytes: number) => void): void {
  channel.on('error', () => {});
  const incoming: unknown = Reflect.get(channel, 'incoming');
  if (onData !== undefined && typeof incoming === 'object' && incoming !== null) {
    Reflect.set(incoming, 'window', Number.POSITIVE_INFINITY);
  }
  dropPushed(channel, onData);
  if (!(channel instanceof Readable)) return;
  // What has come before.
  channel.resume();
  const stderr: unknown = Reflect.get(channel, 'stderr');
  if (!(stderr instanceof Readable)) return;
  dropPushed(stderr, onData);
  stderr.resume();
}

/** ssh2 hands over what comes with `push`, and its end with null. */
function dropPushed(stream: object, onData: ((bytes: number) => void) | undefined): void {
  const push: unknown = Reflect.get(stream, 'push');
  if (typeof push !== 'function') return;
  Reflect.set(stream, 'push', (data: Buffer | null): unknown => {
    if (data === null) return push.call(stream, null);
    onData?.(data.length);
    return false;
  });
}
