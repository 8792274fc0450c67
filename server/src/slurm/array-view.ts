import type { TaskRange } from '../domain/array-spec.ts';
import { type JobObservation, type Report, type TasksObservation, taskOf } from '../domain/observation.ts';
import { Budget, MAX_INTERLEAVED } from './parse/limits.ts';
import type { QueueSnapshot } from './parse/queue-answer.ts';
import { Pace, type Reading } from './parse/turns.ts';
import { TaskRows } from './task-rows.ts';

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
  #begun: TaskRows<null> = new TaskRows();
  /** Reasons of single tasks: a comma in one joins nothing. */
  #wholeReasons: ReadonlySet<string> = new Set();

  /** Whether the next query must give each task a row. */
  get isApart(): boolean {
    return !this.#mayMerge || this.#together >= MOST_TOGETHER;
  }

  /** Takes an answer of the kind that `isApart` asked for. */
  *sawApart(snapshot: QueueSnapshot): Reading<void> {
    const pace = new Pace();
    const first = new Map<string, Report>();
    const reasons = new Set<string>();
    let areAlike = true;
    let count = 0;
    for (const task of tasksOf(snapshot)) {
      if (pace.isDue(1)) yield;
      if (!isWaiting(task)) continue;
      // squeue never combines tasks of different partitions.
      const key = `${arrayOf(task)} ${task.partition}`;
      const other = first.get(key) ?? task;
      first.set(key, other);
      if (!isAlike(task, other)) areAlike = false;
      if (task.reason !== null) reasons.add(task.reason);
      count += 'tasks' in task ? task.tasks.size : 1;
    }
    this.#wholeReasons = reasons;
    this.#mayMerge = areAlike && count >= MANY_TASKS;
    this.#together = 0;
    this.#begun = yield* taskRows(snapshot, (task) => !isWaiting(task), pace);
  }

  /** Takes an answer of the other kind; false: it may hide differences, so each task must be queried now. */
  *sawTogether(snapshot: QueueSnapshot): Reading<boolean> {
    const pace = new Pace();
    let isDoubtful = false;
    for (const task of tasksOf(snapshot)) {
      const ranges = rangesOf(task);
      if (pace.isDue(ranges.length)) yield;
      if (!isWaiting(task)) continue;
      const array = arrayOf(task);
      const hasBegun = ranges.some((range) => this.#begun.touches(array, range));
      if (hasBegun || this.#mayBeJoined(task.reason)) isDoubtful = true;
    }
    this.#begun = yield* taskRows(snapshot, (task) => !isWaiting(task), pace);
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
export function* mayLackTask(snapshot: QueueSnapshot): Reading<boolean> {
  const pace = new Pace();
  // Which of them share a row isn't shown: tasks with records of their own lie between those of a step.
  const unstarted = yield* taskRows(snapshot, ({ nodeList }) => nodeList === null, pace);
  for (const [, ranges] of unstarted.ranges()) {
    if (hasGap(ranges)) return true;
    if (pace.isDue(ranges.length)) yield;
  }
  return false;
}

/** The answer, with the tasks that it lacks taken from the combined rows of their arrays. */
export function* withLackingTasks(apart: QueueSnapshot, together: QueueSnapshot): Reading<QueueSnapshot> {
  const pace = new Pace();
  const arrays = new Set<string>();
  const known = new Set<string>();
  for (const task of tasksOf(apart)) {
    arrays.add(arrayOf(task));
    if (!('tasks' in task)) known.add(task.slurmJobId);
    if (pace.isDue(1)) yield;
  }
  const sharing = yield* TaskRows.of(apart.shared, pace);
  const budget = new Budget(MAX_INTERLEAVED, 'tasks that squeue --array leaves out');
  const observations = [...apart.observations];
  const shared = [...apart.shared];
  for (const task of tasksOf(together)) {
    if (pace.isDue(1)) yield;
    if (!arrays.has(arrayOf(task))) {
      if ('tasks' in task) shared.push(task);
      else observations.push(task);
      continue;
    }
    for (const one of 'tasks' in task ? eachOf(task) : [task]) {
      if (pace.isDue(1)) yield;
      if (known.has(one.slurmJobId) || sharing.at(one.slurmJobId) !== undefined) continue;
      budget.take(1);
      observations.push(one);
    }
  }
  return { ...apart, observations, shared };
}

type Shown = JobObservation | TasksObservation;

/** The rows of tasks. */
function* tasksOf({ observations, shared }: QueueSnapshot): Generator<Shown, void, undefined> {
  for (const one of observations) if (one.slurmJobId.includes('_')) yield one;
  yield* shared;
}

function* eachOf(seen: TasksObservation): Generator<JobObservation, void, undefined> {
  for (const index of seen.tasks.indexes()) yield taskOf(seen, index);
}

/** Where the tasks are that such rows show. */
function* taskRows(snapshot: QueueSnapshot, isWanted: (task: Shown) => boolean, pace: Pace): Reading<TaskRows<null>> {
  const found = new TaskRows<null>();
  for (const task of tasksOf(snapshot)) {
    const ranges = rangesOf(task);
    if (isWanted(task)) for (const range of ranges) found.add(arrayOf(task), range, null);
    if (pace.isDue(ranges.length)) yield;
  }
  yield* found.sort(pace);
  return found;
}

function rangesOf(task: Shown): readonly TaskRange[] {
  if ('tasks' in task) return task.tasks.ranges;
  const index = Number(task.slurmJobId.slice(task.slurmJobId.indexOf('_') + 1));
  return [{ first: index, last: index, step: 1 }];
}

function hasGap(ranges: readonly TaskRange[]): boolean {
  let count = 0;
  let areApart = false;
  let reached = Number.POSITIVE_INFINITY;
  for (const { first, last, step } of ranges) {
    count += (last - first) / step + 1;
    if (first - reached > 1 || (step > 1 && last > first)) areApart = true;
    reached = last;
  }
  // squeue writes shorter lists out in full.
  return count > 3 && areApart;
}

function isWaiting({ state }: Report): boolean {
  return state === 'PENDING' || state === 'HELD';
}

function arrayOf(task: Shown): string {
  return 'tasks' in task ? task.slurmArrayId : task.slurmJobId.slice(0, task.slurmJobId.indexOf('_'));
}

function isAlike(left: Report, right: Report): boolean {
  return (
    left.word === right.word &&
    left.reason === right.reason &&
    left.attempt === right.attempt &&
    left.estimatedStartAt?.getTime() === right.estimatedStartAt?.getTime()
  );
}
