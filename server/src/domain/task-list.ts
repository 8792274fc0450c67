import { MAX_ARRAY_TASKS, type TaskRange, taskRanges } from './array-spec.ts';
import { lastWhere } from './last-where.ts';

/** A range of a list, and how many of its tasks come before. */
interface Place extends TaskRange {
  readonly before: number;
}

/**
 * Some tasks of one array, as Slurm lists them: `0-3,9,12-16:2`. It costs what its text costs, however many tasks that
 * names.
 */
export class TaskList {
  readonly ranges: readonly TaskRange[];
  /** How many tasks it has. */
  readonly size: number;
  readonly #places: readonly Place[];

  private constructor(places: readonly Place[], size: number) {
    this.ranges = places;
    this.#places = places;
    this.size = size;
  }

  /** Null: not a list as Slurm writes it, in ascending order and without duplicates, or one with too many tasks. */
  static read(text: string): TaskList | null {
    const places: Place[] = [];
    let size = 0;
    for (const range of taskRanges(text) ?? []) {
      if (range.first <= (places.at(-1)?.last ?? -1)) return null;
      places.push({ ...range, before: size });
      size += countOf(range);
    }
    return size === 0 || size > MAX_ARRAY_TASKS ? null : new TaskList(places, size);
  }

  has(index: number): boolean {
    const place = this.#places[lastWhere(this.#places, ({ first }) => first <= index)];
    return place !== undefined && isIn(place, index);
  }

  /** The index of the task at a position from 0 to `size` - 1, in ascending order. */
  at(position: number): number {
    const place = this.#places[lastWhere(this.#places, ({ before }) => before <= position)];
    return place === undefined ? Number.NaN : place.first + (position - place.before) * place.step;
  }

  /** All of them, in ascending order. */
  *indexes(): Generator<number, void, undefined> {
    for (const { first, last, step } of this.ranges) for (let index = first; index <= last; index += step) yield index;
  }
}

export function isIn({ first, last, step }: TaskRange, index: number): boolean {
  return index >= first && index <= last && (index - first) % step === 0;
}

function countOf({ first, last, step }: TaskRange): number {
  return (last - first) / step + 1;
}
