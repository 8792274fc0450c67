import { isArray, type Job } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-event.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';
import type { Journal } from './journal.ts';

/** The metrics of jobs: their current states, and their outcomes since the server started. */
export class JobMetrics {
  readonly #journal: Journal;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #ending = new AbortController();
  #counting: Promise<void> = Promise.resolve();

  constructor(journal: Journal, metrics: Metrics, log: Logger) {
    this.#journal = journal;
    this.#metrics = metrics;
    this.#log = log;
  }

  start(): void {
    this.#metrics.gauges(
      'slurmql_jobs',
      'Active jobs, by state. Each task of an array counts as one.',
      ['cluster', 'state'],
      () => countsOf(this.#journal.allActive()),
    );
    this.#counting = this.#count().catch((cause: unknown) => {
      this.#log.error({ err: cause }, 'Ends of jobs are no longer counted in the metrics');
    });
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#counting;
  }

  async #count(): Promise<void> {
    for await (const followed of this.#journal.follow(this.#journal.newest, this.#ending.signal)) {
      if (followed.kind !== 'events') continue;
      for (const event of followed.events) {
        const { job, fromState, state } = event;
        const cluster = job.clusterName;
        const outcome = submissionOutcome(event);
        if (outcome !== null) this.#metrics.submissions.inc({ cluster, outcome });
        const hasEnded = !isActiveState(state) && (fromState === null || isActiveState(fromState));
        if (hasEnded && !isArray(job)) this.#metrics.jobEnds.inc({ cluster, state });
      }
    }
  }
}

function* countsOf(jobs: Iterable<Job>) {
  const counts = new Map<string, Map<string, number>>();
  for (const job of jobs) {
    if (isArray(job)) continue;
    const states = counts.get(job.clusterName) ?? new Map<string, number>();
    counts.set(job.clusterName, states);
    states.set(job.state, (states.get(job.state) ?? 0) + 1);
  }
  for (const [cluster, states] of counts) {
    for (const [state, value] of states) yield { labels: { cluster, state }, value };
  }
}

/** How a submission ended, with the event that ended it; tasks come with their array. */
function submissionOutcome({ kind, job, state, fromState, changedFrom }: JobEvent): string | null {
  if (job.arrayParentId !== null || kind === 'CREATED') return null;
  if (changedFrom?.slurmJobId === null && job.slurmJobId !== null) return 'accepted';
  if (state === fromState || job.slurmJobId !== null) return null;
  if (state === 'SUBMIT_FAILED') return 'refused';
  return state === 'CANCELLED' ? 'cancelled' : null;
}
