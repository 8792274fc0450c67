/**
 * Why an attempt to connect ended. `unreachable` may mend itself and is tried again; `refused` waits for a person:
 * the host key, the login or the configuration is wrong, and repeating it could get the account banned.
 */
export class DialFailure extends Error {
  override readonly name = 'DialFailure';
  readonly status: 'unreachable' | 'refused';

  constructor(status: 'unreachable' | 'refused', message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export function refused(message: string, cause?: unknown): DialFailure {
  return new DialFailure('refused', message, { cause });
}

export function unreachable(message: string, cause?: unknown): DialFailure {
  return new DialFailure('unreachable', message, { cause });
}
