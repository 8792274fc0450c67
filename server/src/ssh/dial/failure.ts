import { boundedMessage } from '../errors.ts';
import type { Address } from './lookout.ts';

/**
 * Why an attempt to connect ended. `unreachable` may mend itself and is tried again; `refused` waits for a person:
 * the host key, the login or the configuration is wrong, and repeating it could get the account banned.
 */
export class DialFailure extends Error {
  override readonly name = 'DialFailure';
  readonly status: 'unreachable' | 'refused';
  /** Where no TCP connection was taken: no server has noticed the attempt. */
  readonly nobodyAt: Address | undefined;
  /**
   * Of a refusal that may pass, such as that of a home which is away for a minute: what to say of it where it is tried
   * again. No person has been asked for anything.
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

/** A refusal that may pass by itself: `passing` is said of it where it is tried again. */
export function refusedForNow(message: string, passing: string, cause?: unknown): DialFailure {
  return new DialFailure('refused', message, { cause, passing });
}

/** No TCP connection could be made to the address. */
export function nobodyAt(address: Address, message: string, cause: unknown): DialFailure {
  return new DialFailure('unreachable', message, { cause, nobodyAt: address });
}
