import type { Insertable } from 'kysely';
import type { Database } from './database.ts';
import { runForEach } from './sqlite.ts';
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

/** A job's values before and after a change, column by column. */
export interface RowChange<Column extends string> {
  readonly id: string;
  readonly before: Readonly<Record<Column, unknown>>;
  readonly after: Readonly<Record<Column, unknown>>;
}

/**
 * Writes what differs, by id. A database writes an index anew for each column that a statement sets, whether or not its
 * value changes: so each statement sets only the columns that do change, and is prepared once for all rows in which the
 * same ones do.
 */
export async function updateJobs<Column extends string>(
  database: Database,
  columns: readonly Column[],
  changes: readonly RowChange<Column>[],
): Promise<void> {
  const alike = new Map<string, { readonly changing: readonly Column[]; readonly rows: unknown[][] }>();
  for (const { id, before, after } of changes) {
    const changing = columns.filter((column) => before[column] !== after[column]);
    if (changing.length === 0) continue;
    const key = changing.join();
    const group = alike.get(key) ?? { changing, rows: [] };
    alike.set(key, group);
    group.rows.push([...changing.map((column) => after[column]), id]);
  }
  for (const { changing, rows } of alike.values()) {
    const set = changing.map((column) => `"${column}" = ?`).join(', ');
    await runForEach(database, `update jobs set ${set} where id = ?`, rows);
  }
}
