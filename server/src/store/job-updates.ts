import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from './database.ts';
import { updateEachJob, updateJobsAlike, type Values } from './sqlite/index.ts';

/** A job of which some columns get other values. */
export interface RowChange {
  readonly id: string;
  readonly news: Values;
}

interface Group {
  readonly news: Values;
  readonly ids: string[];
}

/** From so many on, rows that get the same values are written by one statement. */
const ALIKE = 4;
/** So many rows are written at a time: others have their turn in between. */
const ROWS_A_TURN = 500;

/**
 * Writes what differs, by id. A database writes an index anew for each column that a statement sets, whether or not its
 * value changes: so each statement sets only the columns that do change. Of many jobs that move on together most get
 * the same values, and one statement writes them all.
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
