import { builder } from '../builder.ts';
import { pageArguments, pageCost } from '../connection.ts';
import { JobConnection } from './connection.ts';
import { JobFilterInput, JobOrderInput, NEWEST_FIRST, toJobFilter } from './filter.ts';
import { findJob } from './find.ts';
import { readJobList } from './list.ts';
import { JobRef } from './ref.ts';
import { isWaitedFor, LONGEST_WAIT_SECONDS } from './wait.ts';

builder.queryField('job', (t) =>
  t.field({
    type: JobRef,
    nullable: true,
    description: 'A job, identified by `id`, or by `cluster` and `slurmJobId`. Null: it does not exist.',
    args: {
      id: t.arg.id({ description: "The job's `id`." }),
      cluster: t.arg.string({ description: "The cluster's name. Used with `slurmJobId`." }),
      slurmJobId: t.arg.string({
        description:
          'As Slurm writes it: "1234", "1234_7" for a task of an array, "1234+1" for a component of a heterogeneous job, ' +
          'which returns the whole job. If Slurm has reused a number, the newest job.',
      }),
      waitUntilOverSeconds: t.arg.int({
        description:
          `For clients without subscriptions: answers once the job is over, or after this many seconds (0 to ${LONGEST_WAIT_SECONDS}) with the ` +
          'job as it is then. Ask again while `isActive`. Null: answers at once.',
      }),
    },
    resolve: async (_root, { waitUntilOverSeconds, ...name }, context) => {
      const { loaders, journal, waits, account, signal } = context;
      const job = await findJob(context, name);
      if (!isWaitedFor(job, waitUntilOverSeconds)) return job;
      const { id, clusterName } = job;
      const read = () => loaders.job.load(id);
      return waits.untilOver({ id, clusterName, read }, journal, waitUntilOverSeconds ?? 0, { account, signal });
    },
  }),
);

const jobListArguments = (t: Parameters<Parameters<typeof builder.queryField>[1]>[0]) => ({
  ...pageArguments(t),
  filter: t.arg({ type: JobFilterInput, description: 'The jobs to list. Default: all that are not archived.' }),
  orderBy: t.arg({ type: JobOrderInput, description: 'The order. Default: the newest first.' }),
});

builder.queryField('jobs', (t) =>
  t.field({
    type: JobConnection,
    description: 'Jobs of all clusters.',
    args: jobListArguments(t),
    ...pageCost,
    resolve: (_root, { filter, orderBy, ...page }, context) => {
      const { reads, work } = context;
      const wanted = toJobFilter(filter);
      return readJobList(
        context,
        page,
        (request, onRead) => reads.jobs.page(wanted, orderBy ?? NEWEST_FIRST, request, onRead),
        () => work.read(() => reads.jobs.count(wanted)),
      );
    },
  }),
);
