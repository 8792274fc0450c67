import type { JOB_EVENT_KINDS, JobRequest } from '../../domain/job-event.ts';
import type { ToldEvent } from '../../feeds/index.ts';
import { builder } from '../builder.ts';
import { forwardArguments, pageCost, readConnection } from '../connection.ts';
import { UserRef, userOf } from '../user/types.ts';
import { eventCursor, sequenceOf } from './list.ts';
import { JobRef } from './ref.ts';
import { JobStateRef } from './state.ts';

const JobEventKindRef = builder.enumType('JobEventKind', {
  description: 'The kind of a change of a job.',
  values: {
    CREATED: { description: 'The job was recorded.' },
    STATE_CHANGED: { description: 'The state changed from `fromState` to `state`.' },
    UPDATED: { description: 'Something other than the state changed.' },
    REMOVED: { description: 'The job changed and no longer passes the filter.' },
    RESET: {
      description:
        'Events since the given cursor are no longer kept: read the list again. The stream continues from now.',
    },
  } satisfies Record<(typeof JOB_EVENT_KINDS)[number], { description: string }>,
});

const JobRequestRef = builder.enumType('JobRequest', {
  description: 'What a user can request for a job.',
  values: {
    CANCEL: { description: 'To end it.' },
    HOLD: { description: 'To keep it from starting.' },
    RELEASE: { description: 'To let it start again after a hold.' },
    REQUEUE: { description: 'To put it back into the queue.' },
    UPDATE: { description: 'To change its name, its description or its tags.' },
    ARCHIVE: { description: 'To move it to the archive.' },
    UNARCHIVE: { description: 'To move it out of the archive.' },
  } satisfies Record<JobRequest, { description: string }>,
});

export const JobEventRef = builder.objectRef<ToldEvent>('JobEvent').implement({
  description: 'One change of one job.',
  fields: (t) => ({
    cursor: t.string({
      description: 'The position of the event. Events are ordered by it.',
      resolve: ({ sequence }) => eventCursor(sequence),
    }),
    kind: t.expose('kind', { type: JobEventKindRef, description: 'The kind of change.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When the change was observed and recorded.' }),
    job: t.expose('job', {
      type: JobRef,
      nullable: true,
      description: 'The job. For an event that is replayed, the job as it is now. Null: the kind is RESET.',
    }),
    fromState: t.expose('fromState', {
      type: JobStateRef,
      nullable: true,
      description: 'The state before the change. Null: the job was created.',
    }),
    state: t.expose('state', {
      type: JobStateRef,
      nullable: true,
      description: 'The state after the change. Null: the kind is RESET.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Details, as text for people. Null: there are none.',
    }),
    request: t.expose('request', {
      type: JobRequestRef,
      nullable: true,
      description:
        'What `actor` requested. It is recorded before the cluster is asked: `state` and later events show the result. ' +
        'Null: nothing was requested, or the kind is CREATED.',
    }),
    actor: t.field({
      type: UserRef,
      nullable: true,
      description: 'The user who asked for the change. Null: Slurm or the server made it.',
      resolve: ({ actorId }) => (actorId === null ? null : userOf(actorId)),
    }),
  }),
});

const JobEventConnection = builder.connectionObject(
  { type: JobEventRef, name: 'JobEventConnection', description: 'A page of a timeline.' },
  { name: 'JobEventEdge', description: 'One entry of a timeline.' },
);

// Separate from the job's own type, because an event refers to its job.
builder.objectField(JobRef, 'events', (t) =>
  t.field({
    type: JobEventConnection,
    description: 'Its timeline, the oldest first.',
    args: forwardArguments(t),
    ...pageCost,
    resolve: ({ id }, args, { reads, work }) =>
      readConnection(
        args,
        work,
        async ({ from, limit }) => {
          const after = from === null ? 0 : sequenceOf(from);
          const found = await reads.events.ofJob(id, after, limit + 1, (...texts) => work.texts(...texts));
          const [job = null] = await reads.jobs.getMany([id], (jobs) => work.jobs(jobs));
          const rows = found.slice(0, limit).map((event) => ({
            cursor: eventCursor(event.sequence),
            row: { ...event, job },
          }));
          return { rows, hasMore: found.length > limit };
        },
        () => work.read(() => reads.events.count(id)),
      ),
  }),
);
