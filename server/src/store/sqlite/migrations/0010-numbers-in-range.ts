import { type Kysely, sql } from 'kysely';

/** slurmctld counts restarts in 16 bits. */
const MOST_ATTEMPTS = 65_536;
const LARGEST = 2 ** 31 - 1;
/** The last millisecond of the year 9999. */
const LAST = 253_402_300_799_999;

/** What clusters tell, with the least and the most that an answer has a place for. */
const RANGES = [
  { columns: ['exit_code', 'signal'], least: -LARGEST, most: LARGEST },
  { columns: ['started_at', 'ended_at'], least: 0, most: LAST },
] as const;
const ESTIMATES = { columns: ['estimated_start_at'], least: 0, most: LAST } as const;

/** What a cluster once told that can't be is not known any more. Attempts keep their order, and jobs go on from them. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await sql`
    update job_attempts set number = mended.number
    from (
      select job_id, number as told, row_number() over (partition by job_id order by number) + coalesce(
        (select max(number) from job_attempts as known
         where known.job_id = job_attempts.job_id and known.number between 1 and ${MOST_ATTEMPTS}), 0) as number
      from job_attempts where number not between 1 and ${MOST_ATTEMPTS}
    ) as mended
    where job_attempts.job_id = mended.job_id and job_attempts.number = mended.told`.execute(database);
  await sql`
    update jobs set attempt = 1 + coalesce((select max(number) from job_attempts where job_id = jobs.id), 0)
    where attempt not between 1 and ${MOST_ATTEMPTS}`.execute(database);
  await forget(database, 'job_attempts', RANGES);
  await forget(database, 'jobs', [...RANGES, ESTIMATES]);
}

type Ranges = readonly { readonly columns: readonly string[]; readonly least: number; readonly most: number }[];

/** In one pass over the table, which writes only the rows that need it. */
async function forget(database: Kysely<unknown>, table: string, ranges: Ranges): Promise<void> {
  const columns = ranges.flatMap(({ columns: names, least, most }) =>
    names.map((name) => ({ column: sql.ref(name), isOut: sql`${sql.ref(name)} not between ${least} and ${most}` })),
  );
  await sql`update ${sql.table(table)}
    set ${sql.join(columns.map(({ column, isOut }) => sql`${column} = case when ${isOut} then null else ${column} end`))}
    where ${sql.join(
      columns.map(({ isOut }) => isOut),
      sql` or `,
    )}`.execute(database);
}
