import { builder } from '../builder.ts';
import type { JobList } from './list.ts';
import { JobRef } from './ref.ts';

export const JobConnection = builder.connectionObject<typeof JobRef, JobList>(
  {
    type: JobRef,
    name: 'JobConnection',
    description: 'A page of a list of jobs.',
    fields: (t) => ({
      eventCursor: t.exposeString('eventCursor', {
        description: 'Where in `jobEvents` this list was read: with it as `after`, no change of these jobs is missed.',
      }),
    }),
  },
  { name: 'JobEdge', description: 'One entry of a list of jobs.' },
);
