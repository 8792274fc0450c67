import { isArray } from '../../domain/job.ts';
import { actionsOf, type JobAction } from '../../domain/job-action.ts';
import { may } from '../../domain/policy.ts';
import { builder } from '../builder.ts';
import { costs } from '../marks.ts';
import { JobRef } from './ref.ts';

const JobActionRef = builder.enumType('JobAction', {
  description: 'What can be done with a job, named after its mutation.',
  values: {
    CANCEL: { description: '`cancelJob`: it is not over, and its cancellation has not been requested yet.' },
    HOLD: { description: '`holdJob`: it waits in the queue.' },
    RELEASE: { description: '`releaseJob`: it is held.' },
    REQUEUE: {
      description:
        '`requeueJob`: it has left the queue and is not over. The mutation also takes a job that is over while Slurm still keeps it, which only Slurm knows.',
    },
    RESUBMIT: {
      description: '`resubmitJob`: its commit is known and has all its files, and its project is still here.',
    },
    UPDATE: { description: '`updateJob`: it is not a task, which has the words of its array.' },
    ARCHIVE: { description: '`archiveJobs`: it is not archived.' },
    UNARCHIVE: { description: '`unarchiveJobs`: it is archived.' },
  } satisfies Record<JobAction, { description: string }>,
});

builder.objectField(JobRef, 'actions', (t) =>
  t.field({
    type: [JobActionRef],
    description:
      'What you may do with it now: mutations that your role permits and that fit its state as last seen. For an array, ' +
      'those that fit at least one of its tasks. A mutation can still be refused, by Slurm for example.',
    // A few values; for an array, its tasks are counted.
    ...costs({ own: 5 }),
    resolve: (job, _args, { actor, loaders }) => {
      if (!may(actor, 'CHANGE_JOBS')) return [];
      if (!isArray(job)) return [...actionsOf(job, [])];
      const listed = loaders.taskCounts.load(job.id);
      return listed.then((counts) => [
        ...actionsOf(
          job,
          counts.map(({ state }) => state),
        ),
      ]);
    },
  }),
);
