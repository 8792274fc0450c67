import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from './database.ts';
import { updateEachJob, updateJobsAlike, type Values } from './sqlite/index.ts';

/** A job with new values of some columns. */
export interface RowChange {
  readonly id: string;
  readonly news: Values;
}

interface Group {
  readonly news: Values;
  readonly ids: string[];
}

/** From this many on, rows that get the same values are written by one statement. */
const ALIKE = 4;
/** How many rows are written before the event loop turns. */
const ROWS_A_TURN = 500;

/**
 * Writes the differences, by id. A database rewrites an index for each column that a statement sets, even if its value
 * doesn't change, so each statement sets only the columns that do. Most of many jobs that change together get the same
 * values, which one statement writes.
 */
export async function updateJobs(database: Database, changes: readonly RowChange[]): Promise<void> {
  const alike = new Map<string, Group>();
  let last: Group | undefined;
  for (const { id, news } of changes) {
    if (last === undefined || !areEqual(last.news, news)) {
      const key = JSON.stringify(news);
      last = alike.get(key) ?? { news, ids: [] };
      alike.set(key, last);
    }
    last.ids.push(id);
  }
  let written = 0;
  for (const { news, ids } of alike.values()) {
    const columns = Object.keys(news);
    if (columns.length === 0) continue;
    for (let start = 0; start < ids.length; start += ROWS_A_TURN) {
      const some = ids.slice(start, start + ROWS_A_TURN);
      if (some.length >= ALIKE) await updateJobsAlike(database, news, some);
      else {
        const jobs = some.map((id) => ({ id, values: news }));
        await updateEachJob(database, columns, jobs);
      }
      written += some.length;
      if (written < ROWS_A_TURN) continue;
      await nextTurn();
      written = 0;
    }
  }
}

function areEqual(left: Values, right: Values): boolean {
  const columns = Object.keys(left);
  return columns.length === Object.keys(right).length && columns.every((column) => left[column] === right[column]);
}
