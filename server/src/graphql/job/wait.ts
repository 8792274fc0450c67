import type { Job } from '../../domain/job.ts';
import { isActiveState } from '../../domain/job-state.ts';
import type { Journal } from '../../events/index.ts';
import { fault } from '../faults.ts';

/** Most proxies give up on an answer after a minute, and some after five. */
export const LONGEST_WAIT_SECONDS = 300;
export const MOST_WAITS = 1000;

/** Requests that wait for the end of a job: each costs a timer, and a lookup in memory at each commit. */
export class JobWaits {
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Resolves once the job is over, after `seconds`, or once the signal is aborted, whichever comes first. Throws what a
   * caller may be told.
   */
  async untilOver({ id, clusterName }: Job, journal: Journal, seconds: number, signal: AbortSignal): Promise<void> {
    if (seconds < 0 || seconds > LONGEST_WAIT_SECONDS) {
      throw fault('BAD_USER_INPUT', `waitUntilOverSeconds is ${seconds}: wait for 0 to ${LONGEST_WAIT_SECONDS}`);
    }
    if (this.#size >= MOST_WAITS) {
      throw fault('SERVER_BUSY', `waitUntilOverSeconds: ${MOST_WAITS} requests are already waiting. Try again later`);
    }
    this.#size += 1;
    const leaving = new AbortController();
    const leave = () => leaving.abort();
    const timer = setTimeout(leave, seconds * 1000);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      // Every active job is in memory, which each commit updates before it notifies anyone.
      const isActive = () => journal.active(clusterName).has(id);
      while (isActive() && !leaving.signal.aborted) await journal.nextChange(leaving.signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      this.#size -= 1;
    }
  }
}

/** Whether it is worth waiting for the end of a job. */
export function isWaitedFor(job: Job | null, seconds: number | null | undefined): job is Job {
  return job !== null && seconds != null && isActiveState(job.state);
}
