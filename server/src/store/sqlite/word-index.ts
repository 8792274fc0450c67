import { type SqlBool, sql } from 'kysely';
import type { Database } from '../database.ts';
import type { JobBlocksTable } from '../tables.ts';
import { runForEach } from './dialect.ts';
import { jobsBy } from './expressions.ts';
import { blockOf, indexedTokens, tokensQuery } from './word-tokens.ts';

/** A job in the index of words. */
export interface IndexedJob {
  readonly number: number;
  readonly search_text: string;
  readonly submitted_at: number;
}

/** Adds jobs to the index, or updates their entries. */
export async function indexWords(database: Database, jobs: readonly IndexedJob[]): Promise<void> {
  if (jobs.length === 0) return;
  await runForEach(
    database,
    'insert or replace into job_search (rowid, tokens) values (?, ?)',
    jobs.map(({ number, search_text }) => [number, indexedTokens(blockOf(number), search_text)]),
  );
  for (const [block, inBlock] of Map.groupBy(jobs, ({ number }) => blockOf(number))) {
    const instants = inBlock.map(({ submitted_at }) => submitted_at);
    const bounds = { earliest: Math.min(...instants), latest: Math.max(...instants) };
    await database
      .insertInto('job_blocks')
      .values({ block, ...bounds })
      .onConflict((conflict) =>
        conflict.column('block').doUpdateSet({
          earliest: sql`case when excluded.earliest < job_blocks.earliest then excluded.earliest else job_blocks.earliest end`,
          latest: sql`case when excluded.latest > job_blocks.latest then excluded.latest else job_blocks.latest end`,
        }),
      )
      .execute();
  }
}

/** The blocks with jobs that were submitted between two instants, null: any; in the order of their submissions. */
export async function blocksBetween(
  database: Database,
  { first, last, isDescending }: { readonly first: number | null; readonly last: number | null; isDescending: boolean },
): Promise<readonly JobBlocksTable[]> {
  let query = database.selectFrom('job_blocks').selectAll();
  if (first !== null) query = query.where('latest', '>=', first);
  if (last !== null) query = query.where('earliest', '<=', last);
  return isDescending ? query.orderBy('latest', 'desc').execute() : query.orderBy('earliest', 'asc').execute();
}

/** How many jobs of a block may have the words; counted up to `most`. */
export async function countInBlock(
  database: Database,
  { block }: JobBlocksTable,
  words: readonly string[],
  most: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from (
    select 1 from job_search where job_search match ${tokensQuery(block, words)} limit ${most})`.execute(database);
  return rows[0]?.count ?? 0;
}

/** Jobs of some blocks that may have the words; the index of numbers tells when each was submitted. */
export function jobsInBlocks(database: Database, blocks: readonly JobBlocksTable[], words: readonly string[]) {
  const query = blocks.map(({ block }) => `(${tokensQuery(block, words)})`).join(' OR ');
  return database
    .selectFrom(jobsBy('jobs_number'))
    .where('number', 'is not', null)
    .where(sql<SqlBool>`number in (select rowid from job_search where job_search match ${query})`);
}
