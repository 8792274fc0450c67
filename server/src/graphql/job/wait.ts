import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Job } from '../../domain/job.ts';
import { isActiveState } from '../../domain/job-state.ts';
import type { Journal } from '../../events/index.ts';
import { fault } from '../faults.ts';
import { Shares } from '../shares.ts';

/** Most proxies give up on an answer after a minute, and some after five. */
export const LONGEST_WAIT_SECONDS = 300;
export const MOST_WAITS = 1000;
export const MOST_WAITS_OF_ACCOUNT = 500;

interface WaitedFor extends Pick<Job, 'id' | 'clusterName'> {
  /** Reads it as it is in the store. */
  read(): Promise<Job | null>;
}

/** Requests that wait for the end of a job: each costs a timer, and a lookup in memory at each commit. */
export class JobWaits {
  readonly #shares = new Shares(
    { inAll: MOST_WAITS, ofAccount: MOST_WAITS_OF_ACCOUNT },
    'requests that wait for the end of a job',
  );

  get size(): number {
    return this.#shares.size;
  }

  /**
   * The job once it is over, after `seconds`, or once the asker's signal is aborted, whichever comes first. Throws what a
   * caller may be told.
   */
  async untilOver(
    { id, clusterName, read }: WaitedFor,
    journal: Pick<Journal, 'active' | 'nextChange'>,
    seconds: number,
    { account, signal }: { readonly account: string; readonly signal: AbortSignal },
  ): Promise<Job | null> {
    if (seconds < 0 || seconds > LONGEST_WAIT_SECONDS) {
      throw fault('BAD_USER_INPUT', `waitUntilOverSeconds is ${seconds}: wait for 0 to ${LONGEST_WAIT_SECONDS}`);
    }
    const excess = this.#shares.excess(account);
    if (excess !== null) throw fault(excess.code, excess.message);
    using _waiting = this.#shares.add(account);
    const leaving = new AbortController();
    const leave = () => leaving.abort();
    const timer = setTimeout(leave, seconds * 1000);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      for (;;) {
        // Every active job is in memory, which each commit updates before it notifies anyone.
        const active = journal.active(clusterName).get(id);
        const job = active ?? (await read());
        if (!isWaitedFor(job, seconds) || leaving.signal.aborted) return job;
        // The store shows a commit a moment before it is in memory.
        await (active === undefined ? nextTurn() : journal.nextChange(leaving.signal));
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
    }
  }
}

/** Whether it is worth waiting for the end of a job. */
export function isWaitedFor(job: Job | null, seconds: number | null | undefined): job is Job {
  return job !== null && seconds != null && isActiveState(job.state);
}
