import type { JobObservation, TasksObservation } from '../domain/observation.ts';
import type { QueueSnapshot } from './parse/queue-answer.ts';
import { inTurns, Pace, type Reading } from './parse/turns.ts';
import { TaskRows } from './task-rows.ts';

/** What a snapshot of the queue says of jobs and tasks, by their numbers. */
export class ShownJobs {
  readonly #own: ReadonlyMap<string, JobObservation>;
  readonly #shared: TaskRows;

  private constructor(own: ReadonlyMap<string, JobObservation>, shared: TaskRows) {
    this.#own = own;
    this.#shared = shared;
  }

  /** Yields to the event loop during a large snapshot. */
  static of(snapshot: Pick<QueueSnapshot, 'observations' | 'shared'>): Promise<ShownJobs> {
    return inTurns(ShownJobs.#read(snapshot, new Pace()));
  }

  static *#read(
    { observations, shared }: Pick<QueueSnapshot, 'observations' | 'shared'>,
    pace: Pace,
  ): Reading<ShownJobs> {
    const own = new Map<string, JobObservation>();
    for (const seen of observations) {
      own.set(seen.slurmJobId, seen);
      if (pace.isDue(1)) yield;
    }
    return new ShownJobs(own, yield* TaskRows.of(shared, pace));
  }

  at(slurmJobId: string): JobObservation | TasksObservation | undefined {
    return this.#own.get(slurmJobId) ?? this.#shared.at(slurmJobId);
  }
}
