import { builder } from '../builder.ts';
import { pageComplexity } from '../connection.ts';
import { localId } from '../ids.ts';
import { JobFilterInput, JobOrderInput, NEWEST_FIRST, toJobFilter } from './filter.ts';
import { readJobList } from './list.ts';
import { JobConnection, JobRef } from './types.ts';

builder.queryField('job', (t) =>
  t.field({
    type: JobRef,
    nullable: true,
    description: 'The job with this id. Null: there is none.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { store }) => store.jobs.get(localId(id, 'Job')),
  }),
);

const jobListArguments = (t: Parameters<Parameters<typeof builder.queryField>[1]>[0]) => ({
  ...t.arg.connectionArgs(),
  filter: t.arg({ type: JobFilterInput }),
  orderBy: t.arg({ type: JobOrderInput, description: 'Default: the newest first.' }),
});

builder.queryField('jobs', (t) =>
  t.field({
    type: JobConnection,
    description: 'Jobs of all clusters.',
    args: jobListArguments(t),
    complexity: pageComplexity,
    resolve: (_root, { filter, orderBy, ...page }, context) => {
      const { store } = context;
      const wanted = toJobFilter(filter);
      return readJobList(
        context,
        page,
        (request) => store.jobs.page(wanted, orderBy ?? NEWEST_FIRST, request),
        () => store.jobs.count(wanted),
      );
    },
  }),
);
