import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Selectable, sql } from 'kysely';
import { z } from 'zod';
import type { Job } from '../domain/job.ts';
import type { ChangingFacts, JobEvent } from '../domain/job-event.ts';
import type { Database } from './database.ts';
import { readJson } from './json.ts';
import type { JobEventsTable } from './tables.ts';
import { wholeJobs } from './whole-jobs.ts';

const instant = z
  .string()
  .transform((text) => new Date(text))
  .nullable();

const changedFromSchema = z.object({
  name: z.string().exactOptional(),
  tags: z.array(z.string()).exactOptional(),
  partition: z.string().nullable().exactOptional(),
  isArchived: z.boolean().exactOptional(),
  slurmJobId: z.string().nullable().exactOptional(),
  exitCode: z.number().nullable().exactOptional(),
  startedAt: instant.exactOptional(),
  endedAt: instant.exactOptional(),
} satisfies Record<keyof ChangingFacts, z.ZodType>);

/** An event as the timeline of its job shows it. */
export type TimelineEvent = Omit<JobEvent, 'changedFrom' | 'job'>;

export interface EventsWanted {
  /** About as many bytes as the texts of their jobs may have, but at least one event. Default: any. */
  readonly bytes?: number;
}

/** Events that one statement counts. */
const COUNTED_AT_ONCE = 20_000;
/** Of one job, with their messages. */
const EVENTS_A_BATCH = 100;

/** The durable log of every job's changes. */
export class JobEventReader {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The sequence number of the newest event; 0 when there is none. */
  async newest(): Promise<number> {
    const row = await this.#database
      .selectFrom('job_events')
      .select((select) => select.fn.max('sequence').as('sequence'))
      .executeTakeFirst();
    return Number(row?.sequence ?? 0);
  }

  /** When the oldest event that is kept was written; null when there is none. */
  async oldestAt(): Promise<Date | null> {
    const row = await this.#database
      .selectFrom('job_events')
      .select('at')
      .orderBy('sequence')
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? null : new Date(row.at);
  }

  /** The sequence number of the oldest event that is kept; 0 when there is none. */
  async oldest(): Promise<number> {
    const row = await this.#database
      .selectFrom('job_events')
      .select((select) => select.fn.min('sequence').as('sequence'))
      .executeTakeFirst();
    return Number(row?.sequence ?? 0);
  }

  /** The number of the newest event but `kept`; null: there are no more. Yields to the event loop among many. */
  async beyondNewest(kept: number): Promise<number | null> {
    let number = Number.MAX_SAFE_INTEGER;
    for (let left = kept; left >= 0; left -= COUNTED_AT_ONCE) {
      const row = await this.#database
        .selectFrom('job_events')
        .select('sequence')
        .where('sequence', '<', number)
        .orderBy('sequence', 'desc')
        .limit(1)
        .offset(Math.min(left, COUNTED_AT_ONCE - 1))
        .executeTakeFirst();
      if (row === undefined) return null;
      number = Number(row.sequence);
      await nextTurn();
    }
    return number;
  }

  /**
   * Up to `limit` events of one job after a sequence number, in order. `onRead` gets the texts of some before the next ones
   * are read: if it throws, reading stops.
   */
  async ofJob(
    jobId: string,
    sequence: number,
    limit: number,
    onRead: (...texts: readonly (string | null)[]) => void = () => undefined,
  ): Promise<TimelineEvent[]> {
    const events: TimelineEvent[] = [];
    for (let last: number | undefined = sequence; last !== undefined && events.length < limit; ) {
      if (events.length > 0) await nextTurn();
      const most = Math.min(EVENTS_A_BATCH, limit - events.length);
      const rows = await this.#database
        .selectFrom('job_events')
        // Not what has changed, which may be long: the timeline doesn't show it.
        .select(['sequence', 'job_id', 'kind', 'at', 'from_state', 'state', 'message', 'request', 'actor_id'])
        .where('job_id', '=', jobId)
        .where('sequence', '>', last)
        .orderBy('sequence')
        .limit(most)
        .execute();
      onRead(...rows.map(({ message }) => message));
      events.push(...rows.map(toTimelineEvent));
      last = rows.length < most ? undefined : events.at(-1)?.sequence;
    }
    return events;
  }

  /** Up to `limit` events after a sequence number, in order. Each carries its job as it is now. */
  async after(sequence: number, limit: number, { bytes }: EventsWanted = {}): Promise<JobEvent[]> {
    const query = this.#database
      .selectFrom('job_events')
      .selectAll()
      .where('sequence', '>', sequence)
      .orderBy('sequence')
      .limit(limit);
    const rows = await this.#first(await query.execute(), bytes);
    if (rows.length === 0) return [];
    const ids = [...new Set(rows.map((row) => row.job_id))];
    const byId = new Map<string, Job>();
    for await (const jobs of wholeJobs(this.#database, 'id', ids)) for (const job of jobs) byId.set(job.id, job);
    return rows.flatMap((row) => {
      // A foreign key ties the event to its job, so each is there.
      const job = byId.get(row.job_id);
      if (job === undefined) return [];
      return [
        {
          ...toTimelineEvent(row),
          changedFrom: row.changed_from === null ? null : readJson(row.changed_from, changedFromSchema),
          job,
        },
      ];
    });
  }

  async count(jobId: string): Promise<number> {
    const row = await this.#database
      .selectFrom('job_events')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('job_id', '=', jobId)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /** As many of the first events as fit into so many bytes, with their jobs. */
  async #first<Row extends Pick<Selectable<JobEventsTable>, 'job_id' | 'message' | 'changed_from'>>(
    rows: readonly Row[],
    bytes: number = Number.POSITIVE_INFINITY,
  ): Promise<readonly Row[]> {
    if (bytes === Number.POSITIVE_INFINITY || rows.length === 0) return rows;
    const sizes = await this.#database
      .selectFrom('jobs')
      .leftJoin('jobs as arrays', 'arrays.id', 'jobs.array_parent_id')
      // Lengths are in the header of a row: the texts aren't read.
      .select([
        'jobs.id',
        sql<number>`octet_length(jobs.command) + coalesce(octet_length(arrays.command), 0)
        + coalesce(octet_length(jobs.description), octet_length(arrays.description), 0)
        + coalesce(octet_length(jobs.tags), octet_length(arrays.tags), 0) + coalesce(octet_length(jobs.reason), 0)
        + coalesce(octet_length(jobs.node_list), 0) + coalesce(octet_length(jobs.components), 0)`.as('bytes'),
      ])
      .where('jobs.id', 'in', [...new Set(rows.map((row) => row.job_id))])
      .execute();
    const left = new Map(sizes.map((size) => [size.id, Number(size.bytes)]));
    let sum = 0;
    const end = rows.findIndex(({ job_id: id, message, changed_from: changedFrom }) => {
      sum += (left.get(id) ?? 0) + (message?.length ?? 0) + (changedFrom?.length ?? 0);
      // A job is held once, whatever it has of events.
      left.set(id, 0);
      return sum > bytes;
    });
    return end === -1 ? rows : rows.slice(0, Math.max(1, end));
  }
}

function toTimelineEvent(row: Omit<Selectable<JobEventsTable>, 'changed_from'>): TimelineEvent {
  return {
    sequence: Number(row.sequence),
    kind: row.kind,
    at: new Date(row.at),
    jobId: row.job_id,
    fromState: row.from_state,
    state: row.state,
    message: row.message,
    request: row.request,
    actorId: row.actor_id,
  };
}
