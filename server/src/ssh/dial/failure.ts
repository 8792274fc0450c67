import { boundedMessage } from '../errors.ts';
import type { Address } from './lookout.ts';

/**
 * Why an attempt to connect ended. `unreachable` may be temporary and is retried; `refused` waits for a person: the
 * host key, the login or the configuration is wrong, and repeating it could get the account banned.
 */
export class DialFailure extends Error {
  override readonly name = 'DialFailure';
  readonly status: 'unreachable' | 'refused';
  /** The address that took no TCP connection: no server has noticed the attempt. */
  readonly nobodyAt: Address | undefined;
  /**
   * Set for a refusal that may be temporary, such as one while the home directory is not mounted: what to say while it
   * is retried. No person has been asked.
   */
  readonly passing: string | undefined;

  constructor(status: 'unreachable' | 'refused', message: string, options: FailureOptions = {}) {
    super(boundedMessage(message), options);
    this.status = status;
    this.nobodyAt = options.nobodyAt;
    this.passing = options.passing === undefined ? undefined : boundedMessage(options.passing);
  }
}

type FailureOptions = ErrorOptions & { readonly nobodyAt?: Address; readonly passing?: string | undefined };

export function refused(message: string, cause?: unknown): DialFailure {
  return new DialFailure('refused', message, { cause });
}

export function unreachable(message: string, cause?: unknown): DialFailure {
  return new DialFailure('unreachable', message, { cause });
}

/** A refusal that may be temporary: `passing` is said while it is retried. */
export function refusedForNow(message: string, passing: string, cause?: unknown): DialFailure {
  return new DialFailure('refused', message, { cause, passing });
}

/** No TCP connection could be made to the address. */
export function nobodyAt(address: Address, message: string, cause: unknown): DialFailure {
  return new DialFailure('unreachable', message, { cause, nobodyAt: address });
}
