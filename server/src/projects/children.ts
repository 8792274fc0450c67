import type { ChildProcess } from 'node:child_process';

const running = new Set<ChildProcess>();

/** Has a child ended with this process, if it is to end before the child does. */
export function tracked<T extends ChildProcess>(child: T): T {
  running.add(child);
  child.once('close', () => running.delete(child));
  // One that couldn't be started has nothing to close.
  child.once('error', () => running.delete(child));
  return child;
}

/** Ends all of them now. What they had begun is given up. */
export function endChildren(): void {
  for (const child of running) child.kill('SIGKILL');
}
