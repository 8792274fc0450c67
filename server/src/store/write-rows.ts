import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Insertable } from 'kysely';
import type { Database } from './database.ts';
import type { Values } from './job-rows.ts';
import { runForEach, writeForAll } from './sqlite.ts';
import type { Tables } from './tables.ts';

/** Adds rows that all have the same columns, as many as fit into one turn of the event loop. */
export async function insertRows<Table extends keyof Tables>(
  database: Database,
  table: Table,
  rows: readonly Insertable<Tables[Table]>[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const columns = Object.keys(first) as (keyof typeof first)[];
  await runForEach(
    database,
    `insert into ${table} (${columns.map((column) => `"${String(column)}"`).join(', ')})
      values (${columns.map(() => '?').join(', ')})`,
    rows.map((row) => columns.map((column) => row[column])),
  );
}

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
    const values = Object.values(news);
    const set = `update jobs set ${columns.map((column) => `"${column}" = ?`).join(', ')} where id`;
    for (let start = 0; start < ids.length; start += ROWS_A_TURN) {
      const some = ids.slice(start, start + ROWS_A_TURN);
      if (some.length >= ALIKE) await writeForAll(database, `${set} in`, values, some);
      else {
        const rows = some.map((id) => [...values, id]);
        await runForEach(database, `${set} = ?`, rows);
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
