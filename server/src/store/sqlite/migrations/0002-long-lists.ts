import { type Kysely, sql } from 'kysely';

const BATCH = 1000;
const JOBS_A_BLOCK = 16_384;

/** Lists of a million jobs, and snapshots of ten thousand. */
export async function up(outer: Kysely<unknown>): Promise<void> {
  const database = outer.withTables<Before>();

  // `integer primary key` is the row's own place in SQLite; `bigint` had an index beside the table.
  await database.schema
    .createTable('job_events_in_order')
    .addColumn('sequence', 'integer', (column) => column.primaryKey())
    .addColumn('job_id', 'text', (column) => column.notNull().references('jobs.id').onDelete('cascade'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('from_state', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('message', 'text')
    .execute();
  const columns = ['sequence', 'job_id', 'kind', 'at', 'from_state', 'state', 'message'] as const;
  await database
    .insertInto('job_events_in_order')
    .columns(columns)
    .expression(database.selectFrom('job_events').select(columns).orderBy('sequence'))
    .execute();
  await database.schema.dropTable('job_events').execute();
  await database.schema.alterTable('job_events_in_order').renameTo('job_events').execute();
  await database.schema.createIndex('job_events_of_job').on('job_events').columns(['job_id', 'sequence']).execute();

  // Few jobs are in these, so most changes leave them alone.
  const partial: readonly (readonly [string, readonly string[], string])[] = [
    ['jobs_active', ['cluster_name'], 'is_active = 1'],
    ['jobs_of_array', ['array_parent_id', 'array_task_id'], 'array_parent_id is not null'],
    ['jobs_based_on', ['based_on_id'], 'based_on_id is not null'],
  ];
  for (const [name, on, where] of partial) {
    await database.schema.dropIndex(name).execute();
    await sql`create index ${sql.ref(name)} on jobs (${sql.join(on.map((column) => sql.ref(column)))}) where ${sql.raw(where)}`.execute(
      database,
    );
  }
  await database.schema.dropIndex('jobs_idempotency').execute();
  await sql`create unique index jobs_idempotency on jobs (submitted_by, idempotency_key)
    where idempotency_key is not null`.execute(database);
  await database.schema.dropIndex('jobs_of_project').execute();
  await database.schema.alterTable('jobs').addColumn('number', 'bigint').execute();
  await database.schema
    .alterTable('jobs')
    .addColumn('search_text', 'text', (column) => column.notNull().defaultTo(''))
    .execute();

  await database.schema
    .createTable('job_blocks')
    .addColumn('block', 'integer', (column) => column.primaryKey())
    .addColumn('earliest', 'bigint', (column) => column.notNull())
    .addColumn('latest', 'bigint', (column) => column.notNull())
    .execute();
  await sql`create virtual table job_search using fts5
    (tokens, tokenize = 'ascii', content = '', contentless_delete = 1, detail = none)`.execute(database);
  await fillSearch(outer);
  await sql`create index jobs_of_project on jobs (project_id) where project_id is not null`.execute(database);
  await sql`create trigger job_search_delete after delete on jobs when old.number is not null
    begin delete from job_search where rowid = old.number; end`.execute(database);

  // What a list is narrowed by, whether it is archived, and the list's order; then what sorts out most of the rest.
  const order = 'is_archived, submitted_at, number';
  const lists: Readonly<Record<string, string>> = {
    jobs_listed: order,
    jobs_by_state: `state, ${order}, submitted_by, cluster_name, partition`,
    jobs_by_cluster: `cluster_name, ${order}`,
    jobs_by_partition: `partition, ${order}, cluster_name`,
    jobs_by_cluster_partition: `cluster_name, partition, ${order}`,
    jobs_by_project: `project_id, ${order}, submitted_by, cluster_name, partition`,
    jobs_by_user: `submitted_by, ${order}, project_id, cluster_name, partition`,
    jobs_in_order_of_start: 'is_archived, coalesce(started_at, 9000000000000000), number',
    jobs_in_order_of_end: 'is_archived, coalesce(ended_at, 9000000000000000), number',
    jobs_in_order_of_name: 'is_archived, name, number',
    jobs_in_order_of_state: 'is_archived, state, number',
    jobs_in_order_of_elapsed: `is_archived,
      case when started_at is null then 0 when ended_at is null then 1 else 2 end,
      case when started_at is null then 0 when ended_at is null then -started_at else ended_at - started_at end,
      number`,
  };
  for (const [name, on] of Object.entries(lists)) {
    await sql`create index ${sql.ref(name)} on jobs (${sql.raw(on)}) where array_parent_id is null`.execute(database);
  }
}

/** Numbers the jobs that no array holds, the oldest first, and makes every job known to the search. */
async function fillSearch(database: Kysely<unknown>): Promise<void> {
  // `lower` is the connection's own and knows all letters.
  const parts = ['name', 'command', 'slurm_job_id', 'git_commit'];
  const text = sql.join(
    parts.map((part) => sql`lower(coalesce(${sql.ref(part)}, ''))`),
    sql` || char(10) || `,
  );
  await sql`update jobs set search_text = replace(${text}, char(0), char(65533)), number = numbered.number
    from (
      select id, case when array_parent_id is null
        then row_number() over (partition by array_parent_id is null order by submitted_at, id) end as number
      from jobs
    ) as numbered where numbered.id = jobs.id`.execute(database);
  await sql`create unique index jobs_number on jobs (number, submitted_at) where number is not null`.execute(database);
  await sql`insert into job_blocks (block, earliest, latest)
    select number / ${sql.lit(JOBS_A_BLOCK)}, min(submitted_at), max(submitted_at)
    from jobs where number is not null group by 1`.execute(database);
  for (let after = 0; ; after += BATCH) {
    const { rows } = await sql<{ number: number; search_text: string }>`select number, search_text from jobs
      where number is not null and number > ${after} and number <= ${after + BATCH}`.execute(database);
    if (rows.length === 0) return;
    const known = rows.map(({ number, search_text }) => sql`(${number}, ${tokens(number, search_text)})`);
    await sql`insert into job_search (rowid, tokens) values ${sql.join(known)}`.execute(database);
  }
}

function tokens(number: number, text: string): string {
  const block = Math.floor(number / JOBS_A_BLOCK);
  const spelled = text.replace(/[^0-9a-z\s\u0080-\uffff]/g, (sign) => String.fromCharCode(0x100 + sign.charCodeAt(0)));
  const found = new Set<string>();
  for (const word of spelled.split(/\s+/)) {
    for (let end = 3; end <= word.length; end += 1) found.add(`${block}x${word.slice(end - 3, end)}`);
  }
  return [...found].join(' ');
}

type EventColumns = {
  sequence: number;
  job_id: string;
  kind: string;
  at: number;
  from_state: string | null;
  state: string;
  message: string | null;
};

/** What the migration reads, as it is before it. */
type Before = { job_events: EventColumns; job_events_in_order: EventColumns };
