import { type JobObservation, type TasksObservation, taskOf } from '../../domain/observation.ts';
import { UnreadableAnswer } from '../errors.ts';
import { TaskRows } from '../task-rows.ts';
import { joinComponents } from './components.ts';
import { Budget, MAX_INTERLEAVED, MAX_OBSERVATIONS, MAX_ROW } from './limits.ts';
import type { Pace, Reading } from './turns.ts';

export interface QueueSnapshot {
  /** Of jobs, and of tasks that have a row of their own. */
  readonly observations: readonly JobObservation[];
  /** Of tasks that share a row, such as the waiting rest of an array. No task is in two of them, or above as well. */
  readonly shared: readonly TasksObservation[];
  /** Malformed rows, for the log: nothing is concluded from them. */
  readonly faultyRows: readonly string[];
}

/** What a row says; that it is of no job of ours; or that it can't be read. */
export type RowReading = JobObservation | TasksObservation | 'nobodys' | 'faulty';

export interface KnownRow {
  readonly text: string;
  readonly reading: RowReading;
}

/** Of unreadable rows, in UTF-16 units: output with more isn't squeue's. */
const MAX_FAULTY = 4 * MAX_ROW;
/** Added to the length of each, so that their number has a bound as well. */
const A_FAULTY_ROW = 64;

/** A row of several tasks. */
interface SharedRow {
  readonly seen: TasksObservation;
  readonly row: string;
}

/** One answer of squeue, row by row. */
export class QueueAnswer {
  readonly #seen = new Map<string, { readonly observation: JobObservation; readonly row: string }>();
  /** By their texts. */
  readonly #shared = new Map<string, SharedRow>();
  readonly #contradicted = new Set<string>();
  readonly #faultyRows = new Set<string>();
  readonly #made = new Budget(MAX_OBSERVATIONS, 'jobs and tasks');
  readonly #pace: Pace;
  #faulty = 0;
  #interleaved = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  *take({ text: row, reading }: KnownRow): Reading<void> {
    if (reading === 'nobodys') return;
    if (reading === 'faulty') {
      this.#fail(row);
    } else if ('tasks' in reading) {
      const { length } = reading.tasks.ranges;
      this.#made.take(length);
      this.#shared.set(row, { seen: reading, row });
      if (this.#pace.isDue(length)) yield;
    } else {
      this.#made.take(1);
      this.#takeOne(reading, row);
    }
  }

  #takeOne(observation: JobObservation, row: string): void {
    const { slurmJobId } = observation;
    const known = this.#seen.get(slurmJobId);
    if (known === undefined) this.#seen.set(slurmJobId, { observation, row });
    else if (known.row !== row) this.#contradict(slurmJobId, known.row, row);
  }

  #contradict(id: string, known: string, row: string): void {
    if (!this.#contradicted.has(id)) this.#fail(known);
    this.#contradicted.add(id);
    this.#fail(row);
  }

  /** What follows the last complete row is no row. */
  takeRest(rest: string): void {
    if (rest.trim() !== '') this.#fail(rest);
  }

  *snapshot(): Reading<QueueSnapshot> {
    const shared = yield* this.#certainShared();
    const certain: JobObservation[] = [];
    for (const [slurmJobId, { observation }] of this.#seen) {
      if (!this.#contradicted.has(slurmJobId)) certain.push(observation);
      if (this.#pace.isDue(1)) yield;
    }
    return { observations: yield* joinComponents(certain, this.#pace), shared, faultyRows: [...this.#faultyRows] };
  }

  /** The rows of several tasks, of which no other row has one. */
  *#certainShared(): Reading<readonly TasksObservation[]> {
    const byTask = new TaskRows<SharedRow>();
    for (const row of this.#shared.values()) {
      const { slurmArrayId, tasks } = row.seen;
      for (const range of tasks.ranges) byTask.add(slurmArrayId, range, row);
      if (this.#pace.isDue(tasks.ranges.length)) yield;
    }
    yield* byTask.sort(this.#pace);
    const interleaved = yield* byTask.interleaved(this.#pace);
    for (const slurmArrayId of interleaved) byTask.drop(slurmArrayId);
    const rows = yield* this.#apart(interleaved);
    for (const [slurmJobId, { row }] of this.#seen) {
      const rival = byTask.at(slurmJobId);
      if (rival !== undefined) {
        this.#contradict(rival.row, rival.row, row);
        this.#contradicted.add(slurmJobId);
      }
      if (this.#pace.isDue(1)) yield;
    }
    return rows.flatMap(({ seen, row }) => (this.#contradicted.has(row) ? [] : [seen]));
  }

  /**
   * The rows of several tasks, without those that have some between the tasks of another row, as when every other task
   * was moved to another partition: their tasks are taken one by one.
   */
  *#apart(interleaved: ReadonlySet<string>): Reading<readonly SharedRow[]> {
    const apart: SharedRow[] = [];
    for (const shared of this.#shared.values()) {
      const { seen, row } = shared;
      if (this.#pace.isDue(1)) yield;
      if (!interleaved.has(seen.slurmArrayId)) {
        apart.push(shared);
        continue;
      }
      this.#interleaved += seen.tasks.size;
      if (this.#interleaved > MAX_INTERLEAVED) {
        this.#fail(row);
        continue;
      }
      for (const index of seen.tasks.indexes()) {
        this.#takeOne(taskOf(seen, index), row);
        if (this.#pace.isDue(1)) yield;
      }
    }
    return apart;
  }

  #fail(row: string): void {
    if (this.#faultyRows.has(row)) return;
    this.#faulty += row.length + A_FAULTY_ROW;
    if (this.#faulty > MAX_FAULTY) throw new UnreadableAnswer("squeue prints too much that isn't its own");
    this.#faultyRows.add(row);
  }
}
