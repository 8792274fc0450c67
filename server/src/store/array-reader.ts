import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JobState } from '../domain/job-state.ts';
import type { Database } from './database.ts';
import { toInstant } from './instants.ts';

export interface StateCount {
  readonly state: JobState;
  readonly count: number;
}

export interface ArraySummary {
  readonly counts: readonly StateCount[];
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** The highest of the tasks' exit codes. */
  readonly exitCode: number | null;
  readonly estimatedStartAt: Date | null;
  readonly partition: string | null;
}

/** How many tasks one statement sums up. */
const TASKS_A_SUMMARY = 2000;

/** Summaries of the tasks of arrays, without reading each as a job. */
export class ArrayReader {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The values from which an array's own row is derived. */
  async summary(parentId: string): Promise<ArraySummary> {
    const rows = await this.#summaries(parentId);
    const known = <T>(values: readonly (T | null)[]) => values.filter((value) => value !== null);
    const lowest = (values: readonly (number | null)[]) =>
      known(values).reduce<number | null>((low, value) => Math.min(low ?? value, value), null);
    const highest = (values: readonly (number | null)[]) =>
      known(values).reduce<number | null>((high, value) => Math.max(high ?? value, value), null);
    return {
      counts: inSum(rows),
      startedAt: toInstant(lowest(rows.map((row) => row.started_at))),
      endedAt: toInstant(highest(rows.map((row) => row.ended_at))),
      exitCode: highest(rows.map((row) => row.exit_code)),
      estimatedStartAt: toInstant(lowest(rows.map((row) => row.estimated_start_at))),
      partition: known(rows.map((row) => row.partition)).sort()[0] ?? null,
    };
  }

  /** By state, for slices of the tasks: a state may occur repeatedly. */
  async #summaries(parentId: string) {
    const rows = [];
    for await (const some of this.#someTasks(parentId)) {
      const summaries = await some
        .select((select) => [
          'state',
          select.fn.countAll<number>().as('count'),
          select.fn.min('started_at').as('started_at'),
          select.fn.max('ended_at').as('ended_at'),
          select.fn.max('exit_code').as('exit_code'),
          select.fn.min('estimated_start_at').as('estimated_start_at'),
          select.fn.min('partition').as('partition'),
        ])
        .groupBy('state')
        .execute();
      rows.push(...summaries);
    }
    return rows;
  }

  /** How many tasks of each array are in each state. */
  async taskCounts(parentIds: readonly string[]): Promise<Map<string, StateCount[]>> {
    const counts = new Map<string, StateCount[]>();
    let sinceTurn = 0;
    for (const parentId of new Set(parentIds)) {
      const rows: StateCount[] = [];
      for await (const some of this.#someTasks(parentId)) {
        const byState = some.select((select) => ['state', select.fn.countAll<number>().as('count')]).groupBy('state');
        rows.push(...(await byState.execute()));
      }
      const sums = inSum(rows);
      if (sums.length > 0) counts.set(parentId, sums);
      sinceTurn += sums.reduce((sum, { count }) => sum + count, TASKS_A_SUMMARY / 50);
      if (sinceTurn < TASKS_A_SUMMARY) continue;
      await nextTurn();
      sinceTurn = 0;
    }
    return counts;
  }

  /** The tasks of an array in slices by index, each short enough for one statement, with turns in between. */
  async *#someTasks(parentId: string) {
    const all = this.#database.selectFrom('jobs').where('array_parent_id', '=', parentId);
    for (let from: number | null = null; ; await nextTurn()) {
      const rest: typeof all = from === null ? all : all.where('array_task_id', '>', from);
      const end: { readonly array_task_id: number | null } | undefined = await rest
        .select('array_task_id')
        .orderBy('array_task_id')
        .limit(1)
        .offset(TASKS_A_SUMMARY - 1)
        .executeTakeFirst();
      from = end?.array_task_id ?? null;
      yield from === null ? rest : rest.where('array_task_id', '<=', from);
      if (from === null) return;
    }
  }
}

/** Each state once, by name. */
function inSum(counts: readonly StateCount[]): StateCount[] {
  const sums = new Map<JobState, number>();
  for (const { state, count } of counts) sums.set(state, (sums.get(state) ?? 0) + Number(count));
  return [...sums]
    .map(([state, count]) => ({ state, count }))
    .sort((left, right) => (left.state < right.state ? -1 : 1));
}
