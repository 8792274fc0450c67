/** The limits of a request. */
export interface RequestOptions {
  /** From the call to the end of the request, including the wait for a connection, a channel and its turn. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** The reason of a request that ran out of time, as opposed to one that its caller aborted. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
}

/**
 * Bounds one request by time and by the caller's own signal. `signal` aborts at whichever comes first, and its reason
 * is an Error whose message completes "…: ". Dispose of it to release the timer.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isReleased = false;
  readonly #caller: AbortSignal | undefined;
  readonly #onCallerAbort: () => void;

  constructor({ timeoutMs, signal: caller }: RequestOptions) {
    this.#timeoutMs = timeoutMs;
    this.#caller = caller;
    this.restart();
    this.#onCallerAbort = () => this.#controller.abort(new Error('it was cancelled', { cause: caller?.reason }));
    if (caller?.aborted) this.#onCallerAbort();
    else caller?.addEventListener('abort', this.#onCallerAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Pauses until `restart`: what is waited for has a limit of its own. */
  suspend(): void {
    clearTimeout(this.#timer);
  }

  /** Starts the whole time again. */
  restart(): void {
    clearTimeout(this.#timer);
    if (this.#isReleased) return;
    const reason = `the deadline of ${this.#timeoutMs} ms passed`;
    this.#timer = setTimeout(() => this.#controller.abort(new DeadlinePassed(reason)), this.#timeoutMs);
  }

  [Symbol.dispose](): void {
    this.#isReleased = true;
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#onCallerAbort);
  }
}

/**
 * `promise`, or, once `signal` aborts, a rejection with what `failure` makes of the signal's reason. The promise itself
 * continues: its creator must release what it resolves to.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal, failure: (reason: Error) => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(failure(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
