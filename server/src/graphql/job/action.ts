import type { JobAction } from '../../domain/job-action.ts';
import { builder } from '../builder.ts';

export const JobActionRef = builder.enumType('JobAction', {
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
    ARCHIVE: { description: '`archiveJobs`: it is not archived.' },
    UNARCHIVE: { description: '`unarchiveJobs`: it is archived.' },
  } satisfies Record<JobAction, { description: string }>,
});
