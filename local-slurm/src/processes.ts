import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { waitFor } from './wait.ts';

/** One process for good: pids are used again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot at its start. */
  readonly startTime: string;
}

/** One process as /proc shows it. A zombie is not listed: it runs nothing and goes when its parent looks. */
export interface ProcessInfo extends ProcessIdentity {
  readonly parentPid: number;
  readonly uid: number;
}

/** The process with this pid, or undefined when there is none. Source: proc(5). */
export function findProcess(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name, in parentheses, may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, parentPid] = fields;
    const startTime = fields[19];
    const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    if (state === 'Z' || state === 'X' || startTime === undefined || uid === undefined) return undefined;
    return { pid, parentPid: Number(parentPid), uid: Number(uid), startTime };
  } catch {
    // It ended between the listing and the look.
    return undefined;
  }
}

export function thisProcess(): ProcessIdentity {
  const found = findProcess(process.pid);
  if (found === undefined) throw new Error('/proc is needed, and does not show this process.');
  return { pid: found.pid, startTime: found.startTime };
}

export function listProcesses(): readonly ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => findProcess(Number(name)) ?? []);
}

/**
 * Whether its users are those of this system's /etc/passwd: in a container, the same number is another user. Source:
 * pid_namespaces(7).
 */
export function isOfThisSystem({ pid }: ProcessIdentity): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid');
  } catch {
    // It ended meanwhile.
    return false;
  }
}

/** Every process below `pid`, itself not included. */
export function descendants(pid: number): readonly ProcessInfo[] {
  const all = listProcesses();
  const below = (parent: number): readonly ProcessInfo[] =>
    all.filter((one) => one.parentPid === parent).flatMap((one) => [one, ...below(one.pid)]);
  return below(pid);
}

/** Sends a signal to exactly this process, never to another that was given its pid since. False when it is gone. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (findProcess(target.pid)?.startTime !== target.startTime) return false;
  try {
    process.kill(target.pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** Kills what `select` gives, and what it forks meanwhile, until nothing is left. */
export async function killAll(select: () => Promise<readonly ProcessInfo[]>, what: string): Promise<void> {
  await waitFor(
    async () => {
      const alive = await select();
      for (const one of alive) signalProcess(one, 'SIGKILL');
      return alive.length === 0;
    },
    { timeoutMs: 10_000, failure: `${what} couldn't be killed` },
  );
}
