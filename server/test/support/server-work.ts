import type { TestServer } from './server.ts';

/** What the server did while something was asked of it. */
export interface Work {
  /** Processor time, of all its threads. */
  readonly cpuMs: number;
  /** The longest time for which its event loop was held, or all of its processor time if that is less: on a busy machine it waits. */
  readonly heldMs: number;
  /** What it wrote to its log. */
  readonly logged: string;
}

/**
 * Of several tries the least of each: a busy machine only ever adds. No further one is made once that is little enough.
 * The server itself measures, and begins anew each time it is asked.
 */
export async function leastWork(
  server: TestServer,
  tries: number,
  attempt: () => Promise<unknown>,
  isLittle: (least: Work) => boolean = () => false,
): Promise<Work> {
  let least = await workOf(server, attempt);
  for (let count = 1; count < tries && !isLittle(least); count += 1) {
    const work = await workOf(server, attempt);
    least = {
      cpuMs: Math.min(least.cpuMs, work.cpuMs),
      heldMs: Math.min(least.heldMs, work.heldMs),
      logged: least.logged + work.logged,
    };
  }
  return least;
}

async function workOf(server: TestServer, attempt: () => Promise<unknown>): Promise<Work> {
  const before = await measured(server);
  const { length } = server.errors;
  await attempt();
  const after = await measured(server);
  const cpuMs = 1000 * (after.cpuSeconds - before.cpuSeconds);
  return {
    cpuMs,
    heldMs: Math.min(cpuMs, 1000 * after.longestHeldSeconds),
    logged: server.errors.slice(length),
  };
}

async function measured({ address, token }: TestServer): Promise<{ cpuSeconds: number; longestHeldSeconds: number }> {
  const response = await fetch(`${address}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const text = await response.text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
  return {
    cpuSeconds: value('process_cpu_seconds_total'),
    longestHeldSeconds: value('nodejs_eventloop_lag_max_seconds'),
  };
}
