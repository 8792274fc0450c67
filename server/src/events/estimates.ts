import { isDeepStrictEqual } from 'node:util';
import type { Job } from '../domain/job.ts';

/**
 * Whether nothing but the estimate of when a waiting job will start has changed. Slurm's scheduler makes it anew every
 * thirty seconds (slurm.conf, bf_interval), for each task of an array.
 */
export function isEstimateAlone(before: Job, after: Job): boolean {
  const keys = Object.keys(after) as (keyof Job)[];
  return keys.every((key) => {
    if (key === 'estimatedStartAt' || before[key] === after[key]) return true;
    return isDeepStrictEqual(
      key === 'components' ? known(before) : before[key],
      key === 'components' ? known(after) : after[key],
    );
  });
}

/** What is known of the components of a job, without estimates. */
function known({ components }: Job): unknown {
  return components.map((component) => ({ ...component, estimatedStartAt: null }));
}
