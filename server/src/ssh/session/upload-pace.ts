/** Pieces on their way at first, at least and at most. */
const FIRST = 4;
const LEAST = 2;
const MOST = 64;
/** For about so long an upload makes others on its connection wait. */
const WAIT_MS = 50;

/**
 * How many pieces of an upload are on their way at once. All that a connection carries goes through one line: what an
 * upload has put into it, a command waits for. So there are only as many as fill the line and hardly queue in it, as in
 * LEDBAT (RFC 6817).
 */
export class UploadPace {
  #limit = FIRST;
  /** What a piece takes where nothing is before it, in milliseconds: the least that was seen. */
  #leastMs = Number.POSITIVE_INFINITY;
  /** Until the line is full, there are more with every answer. */
  #isStarting = true;

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** A piece was answered so long after it was handed over. */
  answered(milliseconds: number): void {
    this.#leastMs = Math.min(this.#leastMs, milliseconds);
    const waitedMs = milliseconds - this.#leastMs;
    if (!this.#isStarting) this.#change((WAIT_MS - waitedMs) / WAIT_MS / this.#limit);
    else if (waitedMs < WAIT_MS / 2) this.#change(1);
    else {
      this.#isStarting = false;
      this.#change(-this.#limit / 2);
    }
  }

  #change(step: number): void {
    this.#limit = Math.min(MOST, Math.max(LEAST, this.#limit + step));
  }
}
