import type { JobObservation } from '../domain/observation.ts';
import type { QueueSnapshot } from './parse/queue.ts';

/** From this many waiting tasks on, a row for each is worth avoiding. */
const MANY_TASKS = 1000;
/** How often in a row tasks are queried together before each is queried again. */
const MOST_TOGETHER = 10;

/**
 * When to query the tasks of arrays one by one if squeue has no --array-unique. Without --array it shows the waiting
 * rest of an array in one row, which includes tasks that were held, requeued or changed individually: only their
 * reasons remain, joined by commas (src/squeue/print.c, _combine_pending_array_tasks). With --array each task has a
 * row, which costs the controller the same, but the login node and the network much more.
 *
 * Each task is queried until all that wait are alike, and again as soon as something shows that they may differ.
 */
export class ArrayView {
  #mayMerge = false;
  #together = 0;
  /** Tasks that have begun: if they appear in the row of waiting ones, they were requeued. */
  #begun: ReadonlySet<string> = new Set();
  /** Reasons of single tasks: a comma in one joins nothing. */
  #wholeReasons: ReadonlySet<string> = new Set();

  /** Whether the next query must give each task a row. */
  get isApart(): boolean {
    return !this.#mayMerge || this.#together >= MOST_TOGETHER;
  }

  /** Takes an answer of the kind that `isApart` asked for. */
  sawApart(observations: readonly JobObservation[]): void {
    const tasks = observations.filter(isTask);
    const waiting = tasks.filter(isWaiting);
    const first = new Map<string, JobObservation>();
    let areAlike = true;
    for (const task of waiting) {
      // squeue never combines tasks of different partitions.
      const key = `${arrayOf(task)} ${task.partition}`;
      const other = first.get(key) ?? task;
      first.set(key, other);
      if (!isAlike(task, other)) areAlike = false;
    }
    this.#wholeReasons = new Set(waiting.flatMap(({ reason }) => reason ?? []));
    this.#mayMerge = areAlike && waiting.length >= MANY_TASKS;
    this.#together = 0;
    this.#begun = begun(tasks);
  }

  /** Takes an answer of the other kind; false: it may hide differences, so each task must be queried now. */
  sawTogether(observations: readonly JobObservation[]): boolean {
    const tasks = observations.filter(isTask);
    const isDoubtful = tasks.some(
      (task) => isWaiting(task) && (this.#begun.has(task.slurmJobId) || this.#mayBeJoined(task.reason)),
    );
    this.#begun = begun(tasks);
    this.#together += 1;
    if (isDoubtful) this.#mayMerge = false;
    return !isDoubtful;
  }

  #mayBeJoined(reason: string | null): boolean {
    return reason !== null && /,\S/.test(reason) && !this.#wholeReasons.has(reason);
  }
}

/**
 * Whether an answer may lack a task: squeue --array omits the last of those that it would list as `0-998:2` (24.11.5,
 * 26.05.5).
 */
export function mayLackTask(observations: readonly JobObservation[]): boolean {
  const unstarted = observations.filter((one) => isTask(one) && one.nodeList === null);
  // Which of them share a row isn't shown: tasks with records of their own lie between those of a step.
  return [...Map.groupBy(unstarted, arrayOf).values()].some(hasGap);
}

/** The answer, with the tasks that it lacks taken from the combined rows of their arrays. */
export function withLackingTasks(apart: QueueSnapshot, together: QueueSnapshot): QueueSnapshot {
  const known = new Set(apart.observations.map(({ slurmJobId }) => slurmJobId));
  const lacking = together.observations.filter((one) => isTask(one) && !known.has(one.slurmJobId));
  return { ...apart, observations: [...apart.observations, ...lacking] };
}

function hasGap(tasks: readonly JobObservation[]): boolean {
  const indexes = tasks
    .map(({ slurmJobId }) => Number(slurmJobId.slice(slurmJobId.indexOf('_') + 1)))
    .toSorted((left, right) => left - right);
  // squeue writes shorter lists out in full.
  return indexes.length > 3 && indexes.some((index, place) => index - (indexes[place - 1] ?? index) > 1);
}

function isTask({ slurmJobId }: JobObservation): boolean {
  return slurmJobId.includes('_');
}

function isWaiting({ state }: JobObservation): boolean {
  return state === 'PENDING' || state === 'HELD';
}

function begun(tasks: readonly JobObservation[]): ReadonlySet<string> {
  return new Set(tasks.flatMap((task) => (isWaiting(task) ? [] : [task.slurmJobId])));
}

function arrayOf({ slurmJobId }: JobObservation): string {
  return slurmJobId.slice(0, slurmJobId.indexOf('_'));
}

function isAlike(left: JobObservation, right: JobObservation): boolean {
  return (
    left.word === right.word &&
    left.reason === right.reason &&
    left.attempt === right.attempt &&
    left.estimatedStartAt?.getTime() === right.estimatedStartAt?.getTime()
  );
}
