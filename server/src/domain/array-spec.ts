/** An array's index list, `0-9`, `1,3,7-15:4`, with `%N` for the maximum number of running tasks (man sbatch, --array). */
const PATTERN = /^\d{1,9}(?:-\d{1,9}(?::\d{1,9})?)?(?:,\d{1,9}(?:-\d{1,9}(?::\d{1,9})?)?)*(?:%\d{1,9})?$/;

/** More tasks than this in one array are refused: each task is a job of its own here. */
export const MAX_ARRAY_TASKS = 50_000;
/** The longest text that can list that many tasks one by one. */
const MAX_SPEC = 10 * MAX_ARRAY_TASKS;

/** Every `step`th index from `first` to `last`, both included. */
export interface TaskRange {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** The task indexes in ascending order, without duplicates; null if the text is not an index list or names too many tasks. */
export function arrayTaskIds(spec: string): readonly number[] | null {
  const ids = new Set<number>();
  for (const { first, last, step } of taskRanges(spec) ?? []) {
    for (let id = first; id <= last; id += step) ids.add(id);
    if (ids.size > MAX_ARRAY_TASKS) return null;
  }
  return ids.size === 0 ? null : [...ids].sort((left, right) => left - right);
}

/** The ranges of an index list as they are written. Null as above; ranges that overlap may name a task twice. */
export function taskRanges(spec: string): readonly TaskRange[] | null {
  if (spec.length > MAX_SPEC || !PATTERN.test(spec)) return null;
  const ranges: TaskRange[] = [];
  let made = 0;
  for (const part of (spec.split('%')[0] ?? '').split(',')) {
    const [range = '', stepText = '1'] = part.split(':');
    const [first = 0, last = first] = range.split('-').map(Number);
    const step = Number(stepText);
    if (step === 0 || last < first || (last - first) / step >= MAX_ARRAY_TASKS) return null;
    const count = Math.floor((last - first) / step) + 1;
    // Ranges that overlap are work too.
    made += count;
    if (made > 2 * MAX_ARRAY_TASKS) return null;
    ranges.push({ first, last: first + (count - 1) * step, step });
  }
  return ranges;
}
