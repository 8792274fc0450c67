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
 * Of several tries the least of each: a busy machine only ever adds. The server itself measures, and begins anew each
 * time it is asked.
 */
export async function leastWork(server: TestServer, tries: (() => Promise<unknown>)[]): Promise<Work> {
  const works: Work[] = [];
  for (const attempt of tries) works.push(await workOf(server, attempt));
  return {
    cpuMs: Math.min(...works.map(({ cpuMs }) => cpuMs)),
    heldMs: Math.min(...works.map(({ heldMs, cpuMs }) => Math.min(heldMs, cpuMs))),
    logged: works.map(({ logged }) => logged).join(''),
  };
}

async function workOf(server: TestServer, attempt: () => Promise<unknown>): Promise<Work> {
  const before = await measured(server);
  const { length } = server.errors;
  await attempt();
  const after = await measured(server);
  return {
    cpuMs: 1000 * (after.cpuSeconds - before.cpuSeconds),
    heldMs: 1000 * after.longestHeldSeconds,
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
