import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import type { JobAttempt } from '../domain/attempt.ts';
import { batches, WHOLE_ROWS_A_BATCH } from './batches.ts';
import type { Database } from './database.ts';
import { toAttempt } from './job-rows.ts';

/** A job may have a thousand, each with a long list of nodes. */
const ATTEMPTS_A_TURN = 200;

/** The attempts of jobs that requeues have closed, by job and in order, some at a time. */
export async function* closedAttempts(
  database: Database,
  jobIds: readonly string[],
): AsyncGenerator<readonly { readonly jobId: string; readonly attempt: JobAttempt }[], void, undefined> {
  for await (const batch of batches([...new Set(jobIds)].sort())) {
    let ids = batch;
    let last: { readonly job_id: string; readonly number: number } | undefined;
    do {
      let next = database.selectFrom('job_attempts').selectAll().where('job_id', 'in', ids);
      if (last !== undefined) {
        next = next.where(sql<boolean>`(job_id, number) > (${last.job_id}, ${last.number})`);
        await nextTurn();
      }
      const rows = await next.orderBy('job_id').orderBy('number').limit(ATTEMPTS_A_TURN).execute();
      yield rows.map((row) => ({ jobId: row.job_id, attempt: toAttempt(row) }));
      last = rows.length < ATTEMPTS_A_TURN ? undefined : rows.at(-1);
      ids = last === undefined ? [] : ids.slice(ids.indexOf(last.job_id));
    } while (last !== undefined);
  }
}

/** The first starts of closed attempts, by job. */
export async function firstStarts(database: Database, jobIds: readonly string[]): Promise<Map<string, Date>> {
  const starts = new Map<string, Date>();
  for await (const batch of batches([...new Set(jobIds)], WHOLE_ROWS_A_BATCH)) {
    const rows = await database
      .selectFrom('job_attempts')
      .select((select) => ['job_id', select.fn.min<number>('started_at').as('started_at')])
      .where('job_id', 'in', batch)
      .where('started_at', 'is not', null)
      .groupBy('job_id')
      .execute();
    for (const row of rows) starts.set(row.job_id, new Date(row.started_at));
  }
  return starts;
}
