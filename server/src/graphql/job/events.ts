import type { JOB_EVENT_KINDS } from '../../domain/job-event.ts';
import type { ToldEvent } from '../../feeds/index.ts';
import { builder } from '../builder.ts';
import { forwardArguments, pageCost, readConnection } from '../connection.ts';
import { UserRef, userOf } from '../user/types.ts';
import { eventCursor, sequenceOf } from './list.ts';
import { JobRef } from './ref.ts';
import { JobStateRef } from './state.ts';

const JobEventKindRef = builder.enumType('JobEventKind', {
  description: 'What happened to a job.',
  values: {
    CREATED: { description: 'It was recorded.' },
    STATE_CHANGED: { description: 'It went from `fromState` to `state`.' },
    UPDATED: { description: 'Something else about it changed.' },
    REMOVED: { description: 'It changed so that the filter no longer lets it through.' },
    RESET: {
      description:
        'Events since the given cursor are no longer kept: read the list again. What follows goes on from now.',
    },
  } satisfies Record<(typeof JOB_EVENT_KINDS)[number], { description: string }>,
});

export const JobEventRef = builder.objectRef<ToldEvent>('JobEvent').implement({
  description: 'One change of one job.',
  fields: (t) => ({
    cursor: t.string({
      description: 'Its place among all events, strictly after the earlier ones.',
      resolve: ({ sequence }) => eventCursor(sequence),
    }),
    kind: t.expose('kind', { type: JobEventKindRef, description: 'What happened.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it was observed and written down.' }),
    job: t.expose('job', {
      type: JobRef,
      nullable: true,
      description: 'The job; of an event read back from the past, as it is now. Null: the kind is RESET.',
    }),
    fromState: t.expose('fromState', {
      type: JobStateRef,
      nullable: true,
      description: 'Null: it has just been created.',
    }),
    state: t.expose('state', { type: JobStateRef, nullable: true, description: 'Null: the kind is RESET.' }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'More about it, for people. Null: there is no more.',
    }),
    actor: t.field({
      type: UserRef,
      nullable: true,
      description: 'Who asked for it. Null: nobody did, it is what Slurm did, or the server by itself.',
      resolve: ({ actorId }) => (actorId === null ? null : userOf(actorId)),
    }),
  }),
});

const JobEventConnection = builder.connectionObject(
  { type: JobEventRef, name: 'JobEventConnection', description: 'A page of a timeline.' },
  { name: 'JobEventEdge', description: 'One entry of a timeline.' },
);

// Apart from the job's own type, because an event refers to its job.
builder.objectField(JobRef, 'events', (t) =>
  t.field({
    type: JobEventConnection,
    description: 'Its timeline, the oldest first.',
    args: forwardArguments(t),
    ...pageCost,
    resolve: ({ id }, args, { store, work }) =>
      readConnection(
        args,
        work,
        async ({ from, limit }) => {
          const found = await store.events.after(from === null ? 0 : sequenceOf(from), limit + 1, id);
          const rows = found.slice(0, limit).map((event) => ({ cursor: eventCursor(event.sequence), row: event }));
          return { rows, hasMore: found.length > limit };
        },
        () => work.read(() => store.events.count(id)),
      ),
  }),
);
