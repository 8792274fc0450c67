import { setImmediate as nextTurn } from 'node:timers/promises';
import { type CompiledQuery, type Kysely, sql } from 'kysely';
import type { Tables } from './tables.ts';

/** Compiling and preparing a statement costs more than to run it, so rows go in blocks of one size, and one by one. */
const BLOCK = 100;

type Key = string | number | null;
type Row<Columns> = { readonly id: string } & { readonly [C in keyof Columns]: Key };

/**
 * Writes the given columns of many jobs, by id. Between blocks the event loop turns, so that thousands of rows hold up
 * nobody; within a transaction, its other queries wait.
 */
export async function updateRows<Columns extends Readonly<Record<string, string>>>(
  database: Kysely<Tables>,
  columns: Columns,
  rows: readonly Row<Columns>[],
): Promise<void> {
  const names: readonly string[] = Object.keys(columns);
  const parametersOf = (row: Row<Columns>): Key[] => [row.id, ...names.map((name) => row[name] ?? null)];
  let start = 0;
  for (const size of [BLOCK, 1]) {
    if (rows.length - start < size) continue;
    const statement = compile(database, columns, size);
    for (; rows.length - start >= size; start += size) {
      const parameters = rows.slice(start, start + size).flatMap(parametersOf);
      await database.executeQuery({ ...statement, parameters });
      if (size > 1) await nextTurn();
    }
  }
}

/** `update … from` a list of rows: standard in SQLite from 3.33 and in PostgreSQL, which wants the types spelled out. */
function compile(database: Kysely<Tables>, columns: Readonly<Record<string, string>>, rows: number): CompiledQuery {
  const names = Object.keys(columns);
  const first = ['text', ...Object.values(columns)].map((type) => sql`cast(${null} as ${sql.raw(type)})`);
  const next = first.map(() => sql`${null}`);
  const values = Array.from({ length: rows }, (_, index) => sql`(${sql.join(index === 0 ? first : next)})`);
  return sql`with news(id, ${sql.join(names.map((name) => sql.ref(name)))}) as (values ${sql.join(values)})
    update jobs set ${sql.join(names.map((name) => sql`${sql.ref(name)} = news.${sql.ref(name)}`))}
    from news where jobs.id = news.id`.compile(database);
}
