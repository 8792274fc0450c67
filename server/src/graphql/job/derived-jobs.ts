import { builder } from '../builder.ts';
import { forwardArguments, pageCost } from '../connection.ts';
import { JobConnection } from './connection.ts';
import { readJobList } from './list.ts';
import { JobRef } from './ref.ts';

builder.objectField(JobRef, 'derivedJobs', (t) =>
  t.field({
    type: JobConnection,
    description: 'The jobs that are based on it, the oldest first: the reverse of `basedOn`.',
    args: forwardArguments(t),
    ...pageCost,
    resolve: ({ id }, args, context) => {
      const { reads, work } = context;
      return readJobList(
        context,
        args,
        (request, onRead) => reads.jobs.derived.page(id, request, onRead),
        () => work.read(() => reads.jobs.derived.count(id)),
      );
    },
  }),
);
