/** Results for those who catch up, so that many who come back at once are served by one execution an event. */
const MEMO_BYTES = 1024 * 1024;
/** Of results that all tapes keep for subscribers who are behind. Beyond, these read their feeds by themselves. */
export const MOST_KEPT_BYTES = 64 * 1024 * 1024;

/** How much all tapes keep. */
export class Kept {
  bytes = 0;

  get isFull(): boolean {
    return this.bytes >= MOST_KEPT_BYTES;
  }

  /** By how much one tape keeps too much, that may keep so much by itself. */
  excess(own: number, most: number): number {
    return Math.max(own - most, this.bytes - MOST_KEPT_BYTES);
  }
}

/** The results that were wanted last, by position, of a bounded size in all; one that is being made is made once. */
export class Memo {
  readonly #kept: Kept;
  readonly #results = new Map<number, { readonly result: Promise<Buffer>; bytes: number }>();
  #bytes = 0;
  #isClosed = false;

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  get(position: number, make: () => Promise<Buffer>): Promise<Buffer> {
    const known = this.#results.get(position);
    if (known !== undefined) return known.result;
    const entry = { result: make(), bytes: 0 };
    if (this.#isClosed) return entry.result;
    this.#results.set(position, entry);
    entry.result.then(
      ({ length }) => {
        if (this.#results.get(position) !== entry) return;
        entry.bytes = length;
        this.#count(length);
        this.#shrink();
      },
      // Whoever asked for it is told.
      () => this.#results.delete(position),
    );
    return entry.result;
  }

  /** Nobody wants any of them any more. */
  close(): void {
    this.#isClosed = true;
    this.#results.clear();
    this.#count(-this.#bytes);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#kept.bytes += bytes;
  }

  #shrink(): void {
    for (const [oldest, { bytes }] of this.#results) {
      if (this.#kept.excess(this.#bytes, MEMO_BYTES) <= 0) return;
      this.#results.delete(oldest);
      this.#count(-bytes);
    }
  }
}
