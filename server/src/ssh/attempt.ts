import { abortable } from './deadline.ts';
import { SshUnavailable } from './errors.ts';
import type { Session } from './session/session.ts';

const MOST_WAITING = 256;

/** An attempt to connect, and the requests that wait for its session. */
export class Attempt {
  readonly #controller = new AbortController();
  readonly #session: Promise<Session>;
  #waiting = 0;
  /** Rejects requests while a person is asked, which may take long. */
  #halted = Promise.withResolvers<never>();
  #haltedBy: string | null = null;

  /** `open` rejects with SshUnavailable. */
  constructor(open: (stopped: AbortSignal) => Promise<Session>) {
    this.#session = open(this.#controller.signal);
    // A failed attempt that nobody waits for is no unhandled rejection: the state reports it.
    this.#session.catch(() => {});
  }

  /** @throws SshUnavailable when there is no session by the time that `signal` aborts, or a person is asked */
  async wait(signal: AbortSignal): Promise<Session> {
    if (this.#haltedBy !== null) throw new SshUnavailable(this.#haltedBy);
    if (this.#waiting >= MOST_WAITING)
      throw new SshUnavailable(`${MOST_WAITING} requests wait for the cluster already`);
    this.#waiting += 1;
    try {
      return await abortable(
        Promise.race([this.#session, this.#halted.promise]),
        signal,
        (reason) => new SshUnavailable(`${reason.message} while connecting to the cluster`, { cause: reason }),
      );
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Requests are rejected until `resume`. */
  halt(message: string): void {
    this.#halted.promise.catch(() => {});
    this.#halted.reject(new SshUnavailable(message));
    this.#haltedBy = message;
  }

  resume(): void {
    this.#halted = Promise.withResolvers<never>();
    this.#haltedBy = null;
  }

  /** Resolves once everything is closed. */
  async stop(): Promise<void> {
    this.#controller.abort(new Error('the connection was stopped'));
    await Promise.allSettled([this.#session]);
  }
}
