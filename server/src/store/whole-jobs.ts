import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Job } from '../domain/job.ts';
import { batches, WHOLE_ROWS_A_BATCH } from './batches.ts';
import type { Database } from './database.ts';
import { toJobs } from './job-rows.ts';
import type { KeysetPage } from './keyset.ts';
import { slicesOf } from './slices.ts';

/** Bytes of text that one statement reads; a single row may have more. */
const TEXTS_AT_ONCE = 4 * 1024 ** 2;
/** Of one row: a whole batch of these fits. */
const SHORT = TEXTS_AT_ONCE / WHOLE_ROWS_A_BATCH;

/** The length is in the header of a row: the text itself isn't read. */
const BYTES = sql<number>`coalesce(octet_length(command), 0) + coalesce(octet_length(search_text), 0)
  + coalesce(octet_length(description), 0) + coalesce(octet_length(tags), 0) + coalesce(octet_length(reason), 0)
  + coalesce(octet_length(node_list), 0) + coalesce(octet_length(components), 0)`;

/** Gets rows that were read before the next ones are: if it throws, reading stops. */
export type OnRead<T> = (read: readonly T[]) => void;

/**
 * Reads jobs by their ids or numbers, each named once. No statement takes long, however long their texts are: those with
 * long ones are read after the others of their batch, few at a time.
 */
export async function* wholeJobs(
  database: Database,
  column: 'id' | 'number',
  keys: readonly (string | number)[],
): AsyncGenerator<readonly Job[], void, undefined> {
  const whole = database.selectFrom('jobs').selectAll();
  for await (const batch of batches(keys, WHOLE_ROWS_A_BATCH)) {
    const short = await whole.where(column, 'in', batch).where(BYTES, '<=', SHORT).execute();
    yield await toJobs(database, short);
    if (short.length === batch.length) continue;
    const known = new Set<string | number | null>(short.map((row) => row[column]));
    const others = batch.filter((key) => !known.has(key));
    const long = await database
      .selectFrom('jobs')
      .select(['id', BYTES.as('bytes')])
      .where(column, 'in', others)
      .execute();
    for (const ids of slicesOf(long, TEXTS_AT_ONCE)) {
      await nextTurn();
      yield await toJobs(database, await whole.where('id', 'in', ids).execute());
    }
  }
}

/** The jobs of a page of their ids, without those that are gone by now. */
export async function wholePage(
  database: Database,
  page: KeysetPage<{ readonly id: string }>,
  onRead: OnRead<Job>,
): Promise<KeysetPage<Job>> {
  const byId = new Map<string, Job>();
  const ids = page.rows.map(({ row }) => row.id);
  for await (const jobs of wholeJobs(database, 'id', ids)) {
    onRead(jobs);
    for (const job of jobs) byId.set(job.id, job);
  }
  return {
    ...page,
    rows: page.rows.flatMap(({ cursor, row: { id } }) => {
      const row = byId.get(id);
      return row === undefined ? [] : [{ cursor, row }];
    }),
  };
}
