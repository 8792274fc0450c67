import type { TaskRange } from '../domain/array-spec.ts';
import { lastWhere } from '../domain/last-where.ts';
import type { TasksObservation } from '../domain/observation.ts';
import { isIn } from '../domain/task-list.ts';
import type { Pace, Reading } from './parse/turns.ts';

interface Place<T> {
  readonly range: TaskRange;
  readonly row: T;
  /** The last task of this range and of all before it. */
  reach: number;
}

/** Rows by the numbers of the tasks that they list, at a cost that doesn't grow with how many these are. */
export class TaskRows<T = TasksObservation> {
  /** By array, in ascending order. */
  readonly #places = new Map<string, Place<T>[]>();

  /** The rows of one answer. */
  static *of(rows: readonly TasksObservation[], pace: Pace): Reading<TaskRows> {
    const found = new TaskRows();
    for (const row of rows) {
      for (const range of row.tasks.ranges) {
        found.add(row.slurmArrayId, range, row);
        if (pace.isDue(1)) yield;
      }
    }
    yield* found.sort(pace);
    return found;
  }

  /** Call `sort` before anything is looked up. */
  add(slurmArrayId: string, range: TaskRange, row: T): void {
    const known = this.#places.get(slurmArrayId);
    if (known === undefined) this.#places.set(slurmArrayId, [{ range, row, reach: range.last }]);
    else known.push({ range, row, reach: range.last });
  }

  /** Forgets the tasks of an array. */
  drop(slurmArrayId: string): void {
    this.#places.delete(slurmArrayId);
  }

  *sort(pace: Pace): Reading<void> {
    for (const places of this.#places.values()) {
      places.sort((left, right) => left.range.first - right.range.first);
      let reach = -1;
      for (const place of places) {
        reach = Math.max(reach, place.reach);
        place.reach = reach;
      }
      if (pace.isDue(places.length)) yield;
    }
  }

  has(slurmArrayId: string): boolean {
    return this.#places.has(slurmArrayId);
  }

  /** The ranges of each array, in ascending order. */
  *ranges(): Generator<readonly [slurmArrayId: string, ranges: readonly TaskRange[]]> {
    for (const [id, places] of this.#places) yield [id, places.map(({ range }) => range)];
  }

  /** The row of a task, by its number, such as "8_3". No row may have tasks between those of another one's range. */
  at(slurmJobId: string): T | undefined {
    const [array = '', task = ''] = slurmJobId.split('_', 2);
    const places = this.#places.get(array);
    if (places === undefined) return undefined;
    const index = Number(task);
    const place = places[lastWhere(places, ({ range }) => range.first <= index)];
    return place !== undefined && isIn(place.range, index) ? place.row : undefined;
  }

  /** Whether it has tasks between the first and the last of a range. */
  touches(slurmArrayId: string, { first, last }: TaskRange): boolean {
    const places = this.#places.get(slurmArrayId) ?? [];
    const place = places[lastWhere(places, ({ range }) => range.first <= last)];
    return place !== undefined && place.reach >= first;
  }

  /** Arrays of which a row has tasks between the first and the last of another one's range. */
  *interleaved(pace: Pace): Reading<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const [id, places] of this.#places) {
      if (places.some(({ range }, index) => range.first <= (places[index - 1]?.reach ?? -1))) found.add(id);
      if (pace.isDue(places.length)) yield;
    }
    return found;
  }
}
