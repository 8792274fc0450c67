import type { Authenticator, Session } from '../auth/index.ts';

/** More than any lab needs; each costs a file descriptor and about 20 KiB. */
export const MAX_STREAMS = 10_000;
const CHECK_INTERVAL_MS = 5_000;

interface OpenStream {
  readonly session: Session | null;
  end(): void;
  renew?(): void;
}

/** Long-lived connections. Each ends with the credential that it was opened with. */
export class OpenStreams {
  readonly #authenticator: Authenticator;
  readonly #open = new Set<OpenStream>();
  #timer: NodeJS.Timeout | undefined;

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator;
  }

  get size(): number {
    return this.#open.size;
  }

  get isFull(): boolean {
    return this.#open.size >= MAX_STREAMS;
  }

  start(): void {
    this.#timer = setInterval(() => this.check(), CHECK_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * `end` is called once the session is over; `renew`, for clients that reconnect, once the session's cookie must be
   * renewed. `session`: null for a credential that doesn't expire.
   */
  add(session: Session | null, end: () => void, renew?: () => void): Disposable {
    const stream: OpenStream = { session, end, ...(renew && { renew }) };
    this.#open.add(stream);
    return { [Symbol.dispose]: () => void this.#open.delete(stream) };
  }

  /** Ends those whose session is over, and renews the sessions that are due. */
  check(): void {
    for (const stream of this.#open) {
      const { session } = stream;
      if (session === null) continue;
      const isCurrent = this.#authenticator.sessions.isCurrent(session);
      if (isCurrent && (stream.renew === undefined || session.renewAt.getTime() > Date.now())) continue;
      this.#open.delete(stream);
      if (isCurrent) stream.renew?.();
      else stream.end();
    }
  }
}
