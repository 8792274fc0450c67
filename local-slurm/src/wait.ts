import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs: number;
  /** What is awaited, for the error: "no answer from slurmctld". */
  readonly failure: string;
  readonly intervalMs?: number;
}

/** Asks `probe` again and again until it gives something other than undefined or false. Throws at the deadline. */
export async function waitFor<Value>(
  probe: () => Value | undefined | false | Promise<Value | undefined | false>,
  options: WaitOptions,
): Promise<Value> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`${options.failure} within ${options.timeoutMs / 1000} s`);
    await sleep(options.intervalMs ?? 20);
  }
}

/** The promise's value, or an Error when it takes longer. */
export async function withDeadline<Value>(promise: Promise<Value>, timeoutMs: number, failure: string): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${failure} within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
