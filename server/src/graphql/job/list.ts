import type { Job } from '../../domain/job.ts';
import { bounded } from '../../domain/text.ts';
import { CursorError, type KeysetPage, type OnRead, type PageRequest } from '../../store/index.ts';
import { type Connection, type PageArguments, readConnection } from '../connection.ts';
import type { GraphQLContext } from '../context.ts';

/** A page of jobs, and the place in `jobEvents` at which it was read. */
export interface JobList extends Connection<Job> {
  readonly eventCursor: string;
}

export async function readJobList(
  { journal, work }: GraphQLContext,
  args: PageArguments,
  read: (request: PageRequest, onRead: OnRead<Job>) => Promise<KeysetPage<Job>>,
  totalCount: () => Promise<number>,
): Promise<JobList> {
  // Taken before the list is read: a change in between is sent twice rather than missed.
  const sequence = journal.newest;
  return {
    ...(await readConnection(args, work, (request) => read(request, (jobs) => work.jobs(jobs)), totalCount)),
    eventCursor: eventCursor(sequence),
  };
}

/** The place of an event among all events. */
export function eventCursor(sequence: number): string {
  return Buffer.from(`event:${sequence}`).toString('base64url');
}

/** The sequence number in a cursor. Throws CursorError. */
export function sequenceOf(cursor: string): number {
  const sequence = /^event:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1];
  if (sequence === undefined) {
    throw new CursorError(`${JSON.stringify(bounded(cursor, 100))} is not a cursor of a job event`);
  }
  return Number(sequence);
}
