import { type Expression, type OrderByDirection, type SelectQueryBuilder, sql } from 'kysely';
import { z } from 'zod';
import { bounded } from '../domain/text.ts';

/** One page of a list, in Relay's terms: forwards with `first` and `after`, or backwards with `last` and `before`. */
export interface PageRequest {
  readonly limit: number;
  readonly backwards: boolean;
  /** Cursor of the row before the page in the direction of reading; null: from the end of the list. */
  readonly from: string | null;
}

export interface KeysetPage<Row> {
  readonly rows: readonly { readonly cursor: string; readonly row: Row }[];
  /** There are more rows beyond the page in the direction of reading. */
  readonly hasMore: boolean;
}

/** A cursor that didn't come from this list. */
export class CursorError extends Error {
  override readonly name = 'CursorError';
}

type Key = string | number;

/** The order of a list: columns or expressions that are unique together; the last one is the id. */
export interface KeysetOrder<Row> {
  /** Distinguishes this order's cursors from those of others, in which equal values name another place. */
  readonly name: string;
  readonly columns: readonly (string | Expression<Key>)[];
  readonly descending: boolean;
  valuesOf(row: Row): readonly Key[];
}

/**
 * Reads one page by key, never by offset, so that page 10,000 costs as much as the first and new rows shift nothing.
 * The query must have no order of its own. An order may depend on the time; every page uses the time of the first,
 * which the cursors carry. Throws CursorError.
 */
export async function keysetPage<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  request: PageRequest,
  orderAt: (now: number) => KeysetOrder<Row>,
): Promise<KeysetPage<Row>> {
  const from = request.from === null ? null : decodeCursor(request.from);
  const asOf = from?.asOf ?? Date.now();
  const order = orderAt(asOf);
  const descending = order.descending !== request.backwards;
  const direction: OrderByDirection = descending ? 'desc' : 'asc';
  const columns = order.columns.map((column) => (typeof column === 'string' ? sql.ref<Key>(column) : column));
  let page = query;
  if (from !== null) {
    if (from.order !== order.name || from.values.length !== columns.length) throw foreignCursor(request.from);
    // A row value comparison, which SQLite and PostgreSQL answer from an index on the same columns.
    page = page.where(
      sql<boolean>`(${sql.join(columns)}) ${sql.raw(descending ? '<' : '>')} (${sql.join(from.values.map((value) => sql.val(value)))})`,
    );
  }
  for (const column of columns) page = page.orderBy(column, direction);
  const found = await page.limit(request.limit + 1).execute();
  const hasMore = found.length > request.limit;
  const rows = found.slice(0, request.limit);
  if (request.backwards) rows.reverse();
  return {
    rows: rows.map((row) => ({ cursor: encodeCursor({ order: order.name, asOf, values: order.valuesOf(row) }), row })),
    hasMore,
  };
}

interface Cursor {
  readonly order: string;
  /** Milliseconds since 1970. */
  readonly asOf: number;
  readonly values: readonly Key[];
}

/** The end of the year 9999. */
const LAST_MS = 253_402_300_799_999;
const cursorSchema = z.tuple([z.string(), z.int().nonnegative().max(LAST_MS)]).rest(z.union([z.string(), z.number()]));

export function encodeCursor({ order, asOf, values }: Cursor): string {
  return Buffer.from(JSON.stringify([order, asOf, ...values])).toString('base64url');
}

export function decodeCursor(cursor: string): Cursor {
  try {
    const [order, asOf, ...values] = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { order, asOf, values };
  } catch (cause) {
    throw foreignCursor(cursor, cause);
  }
}

export function foreignCursor(cursor: string | null, cause?: unknown): CursorError {
  return new CursorError(
    `The cursor ${JSON.stringify(cursor === null ? null : bounded(cursor, 100))} is not one of this list's`,
    { cause },
  );
}
