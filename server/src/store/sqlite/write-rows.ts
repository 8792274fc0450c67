import { CompiledQuery, type Insertable, sql } from 'kysely';
import type { Database } from '../database.ts';
import type { JobEventsTable, Tables } from '../tables.ts';
import { runForEach } from './dialect.ts';

/** Columns by their names. */
export type Values = Readonly<Record<string, string | number | null>>;

/** Adds rows with the same columns, as many as fit into one turn of the event loop. */
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

/** Sets the same values for many jobs, by one statement. */
export async function updateJobsAlike(database: Database, values: Values, ids: readonly string[]): Promise<void> {
  const all = `${updateSetting(Object.keys(values))} where id in (select value from json_each(?))`;
  await database.executeQuery(CompiledQuery.raw(all, [...Object.values(values), JSON.stringify(ids)]));
}

/** Sets the same columns of many jobs, each to its own values. */
export async function updateEachJob(
  database: Database,
  columns: readonly string[],
  jobs: readonly { readonly id: string; readonly values: Values }[],
): Promise<void> {
  const rows = jobs.map(({ id, values }) => [...columns.map((column) => values[column] ?? null), id]);
  await runForEach(database, `${updateSetting(columns)} where id = ?`, rows);
}

function updateSetting(columns: readonly string[]): string {
  return `update jobs set ${columns.map((column) => `"${column}" = ?`).join(', ')}`;
}

/** Adds events that differ only in job and number; the numbers are consecutive from `first` on. */
export async function insertEventRun(
  database: Database,
  first: Omit<JobEventsTable, 'job_id'>,
  jobIds: readonly string[],
): Promise<void> {
  const { sequence, kind, at, from_state, state, changed_from, message, request, actor_id } = first;
  await sql`
    insert into job_events (sequence, job_id, kind, at, from_state, state, changed_from, message, request, actor_id)
    select ${sequence} + key, value, ${kind}, ${at}, ${from_state}, ${state}, ${changed_from}, ${message}, ${request},
      ${actor_id}
    from json_each(${JSON.stringify(jobIds)})`.execute(database);
}
