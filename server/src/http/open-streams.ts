import type { Authenticator, Session, Verdict } from '../auth/index.ts';
import { type Excess, Shares } from '../graphql/index.ts';
import { askerOf } from './access.ts';

/** More than any lab needs; each costs a file descriptor and about 20 KiB. */
export const MAX_STREAMS = 10_000;
export const MAX_STREAMS_OF_ACCOUNT = 5_000;
const CHECK_INTERVAL_MS = 5_000;

type Viewer = Verdict & { readonly kind: 'viewer' };

interface OpenStream {
  readonly session: Session | null;
  end(): void;
  renew?(): void;
}

/** Long-lived connections. Each ends with the credential that it was opened with. */
export class OpenStreams {
  readonly #authenticator: Authenticator;
  readonly #open = new Set<OpenStream>();
  readonly #shares = new Shares({ inAll: MAX_STREAMS, ofAccount: MAX_STREAMS_OF_ACCOUNT }, 'connections with streams');
  #timer: NodeJS.Timeout | undefined;

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator;
  }

  get size(): number {
    return this.#shares.size;
  }

  /** Whether nobody may have one more. */
  get isFull(): boolean {
    return this.#shares.size >= MAX_STREAMS;
  }

  /** Null: the viewer may have one more. */
  excess(viewer: Viewer): Excess | null {
    return this.#shares.excess(askerOf(viewer).account);
  }

  start(): void {
    this.#timer = setInterval(() => this.check(), CHECK_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * `end` is called once the viewer's session is over; `renew`, for clients that reconnect, once its cookie must be
   * renewed. A token doesn't expire.
   */
  add(viewer: Viewer, end: () => void, renew?: () => void): Disposable {
    const stream: OpenStream = { session: viewer.session, end, ...(renew && { renew }) };
    const share = this.#shares.add(askerOf(viewer).account);
    this.#open.add(stream);
    return {
      [Symbol.dispose]: () => {
        this.#open.delete(stream);
        share[Symbol.dispose]();
      },
    };
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
