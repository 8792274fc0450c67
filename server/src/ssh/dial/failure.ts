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

  constructor(status: 'unreachable' | 'refused', message: string, options?: ErrorOptions & { nobodyAt?: Address }) {
    super(message, options);
    this.status = status;
    this.nobodyAt = options?.nobodyAt;
  }
}

export function refused(message: string, cause?: unknown): DialFailure {
  return new DialFailure('refused', message, { cause });
}

export function unreachable(message: string, cause?: unknown): DialFailure {
  return new DialFailure('unreachable', message, { cause });
}

/** No TCP connection could be made to the address. */
export function nobodyAt(address: Address, message: string, cause: unknown): DialFailure {
  return new DialFailure('unreachable', message, { cause, nobodyAt: address });
}
