/**
 * An async generator that can be ended while it waits. A plain one takes `return()` only at its next yield, which for
 * a quiet stream may never come, so the signal it waits on is aborted as well.
 */
export function untilReturned<T>(
  start: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  const ending = new AbortController();
  const generator = start(ending.signal);
  return {
    next: () => generator.next(),
    return: async () => {
      ending.abort();
      return generator.return();
    },
    throw: async (cause) => {
      ending.abort();
      return generator.throw(cause);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await generator.return();
    },
  };
}
