import { bounded } from '../domain/text.ts';

/** A message that may contain a server's text, of any length. What to do is at its end, so both ends are kept. */
export function boundedMessage(message: string): string {
  return bounded(message, 4000, { keep: 'both' });
}

/** The errors that this room throws on purpose. `message` can be shown to a person and says what to do. */
export abstract class SshError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(boundedMessage(message), options);
  }
}

/**
 * The cluster wasn't asked: there is no connection, or the request couldn't be sent in time.
 * Nothing has run there, so it is safe to repeat.
 */
export class SshUnavailable extends SshError {
  override readonly name = 'SshUnavailable';
}

/**
 * The connection broke, or the deadline passed, after the request was sent: nobody knows whether it took effect.
 * Find out before repeating anything that changes the cluster.
 */
export class SshInterrupted extends SshError {
  override readonly name = 'SshInterrupted';
}

/** A command printed more than its `maxOutputBytes` and was stopped. What it did before stays done. */
export class SshOutputTooLarge extends SshError {
  override readonly name = 'SshOutputTooLarge';
}

/** `not-a-file`: the path is no regular file, so it was not opened. */
export type FileFault = 'no-such-file' | 'permission-denied' | 'not-a-file' | 'failure';

/** The cluster answered that a file operation failed. */
export class RemoteFileError extends SshError {
  override readonly name = 'RemoteFileError';
  readonly fault: FileFault;
  readonly path: string;

  constructor(fault: FileFault, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
    this.path = path;
  }
}
