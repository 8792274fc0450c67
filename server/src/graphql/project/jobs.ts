import { builder } from '../builder.ts';
import { pageArguments, pageCost } from '../connection.ts';
import { JobConnection } from '../job/connection.ts';
import { JobFilterInput, JobOrderInput, NEWEST_FIRST, toJobFilter } from '../job/filter.ts';
import { readJobList } from '../job/list.ts';
import { ProjectRef } from './types.ts';

// Apart from the type itself, because a job's type refers to its project's.
builder.objectField(ProjectRef, 'jobs', (t) =>
  t.field({
    type: JobConnection,
    description: 'Its jobs. `filter.projects` is ignored.',
    args: {
      ...pageArguments(t),
      filter: t.arg({ type: JobFilterInput, description: 'The jobs to list. Default: all that are not archived.' }),
      orderBy: t.arg({ type: JobOrderInput, description: 'The order. Default: the newest first.' }),
    },
    ...pageCost,
    resolve: (project, { filter, orderBy, ...page }, context) => {
      const { reads, work } = context;
      const wanted = { ...toJobFilter(filter), projectIds: [project.id] };
      return readJobList(
        context,
        page,
        (request, onRead) => reads.jobs.page(wanted, orderBy ?? NEWEST_FIRST, request, onRead),
        () => work.read(() => reads.jobs.count(wanted)),
      );
    },
  }),
);
