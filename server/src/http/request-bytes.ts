import { type Excess, Shares } from '../graphql/index.ts';

/** Of the requests and what is parsed of them, until they are answered. */
export const MOST_REQUEST_BYTES = 64 * 1024 ** 2;
export const MOST_REQUEST_BYTES_OF_ACCOUNT = 32 * 1024 ** 2;

/** There are too many requests that are still to be answered. */
export class TooManyRequests extends Error {
  override readonly name = 'TooManyRequests';
  readonly excess: Excess;

  constructor(excess: Excess) {
    super(excess.message);
    this.excess = excess;
  }
}

/** A request, from its first byte until its answer. */
export interface HeldRequest extends Disposable {
  /** It takes more memory. Throws TooManyRequests. */
  take(bytes: number): void;
}

/** Counts the bytes of requests that are still to be answered, over all transports. */
export class RequestBytes {
  readonly #shares = new Shares(
    { inAll: MOST_REQUEST_BYTES, ofAccount: MOST_REQUEST_BYTES_OF_ACCOUNT },
    'bytes of requests that are still to be answered',
  );

  get size(): number {
    return this.#shares.size;
  }

  hold(account: string): HeldRequest {
    const share = this.#shares.add(account, 0);
    return {
      take: (bytes) => {
        const excess = this.#shares.excess(account, bytes);
        if (excess !== null) throw new TooManyRequests(excess);
        share.add(bytes);
      },
      [Symbol.dispose]: () => share[Symbol.dispose](),
    };
  }
}
