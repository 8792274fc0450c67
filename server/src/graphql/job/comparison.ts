import { type Difference, differences } from '../../domain/differences.ts';
import type { Job } from '../../domain/job.ts';
import { builder } from '../builder.ts';
import { fault } from '../faults.ts';
import { localId } from '../ids.ts';
import { costs } from '../marks.ts';
import { partsOf, settingsOf } from './record.ts';
import { JobRef } from './ref.ts';

/** Each is a column for people. */
const MOST_COMPARED = 20;

interface Comparison {
  readonly jobs: readonly Job[];
  readonly differences: readonly Difference[];
}

const JobDifferenceRef = builder.objectRef<Difference>('JobDifference').implement({
  description: 'A field in which jobs differ.',
  fields: (t) => ({
    field: t.exposeString('field', { description: 'Its name in `settings` of `Job.record`: "resources.gpus".' }),
    values: t.field({
      type: ['String'],
      nullable: { list: false, items: true },
      description: 'One for each job, in the order of `jobs`; numbers and lists as JSON. Null: it has none.',
      ...costs({ entries: MOST_COMPARED }),
      resolve: ({ values }) => [...values],
    }),
  }),
});

const JobComparisonRef = builder.objectRef<Comparison>('JobComparison').implement({
  description: 'How jobs differ in what they were run with.',
  fields: (t) => ({
    jobs: t.field({
      type: [JobRef],
      description: 'The compared jobs, in the order of the request.',
      ...costs({ entries: MOST_COMPARED }),
      resolve: ({ jobs }) => [...jobs],
    }),
    differences: t.field({
      type: [JobDifferenceRef],
      description: 'The fields of `settings` in their records that are not the same in all jobs.',
      ...costs({ entries: 50 }),
      resolve: (comparison) => [...comparison.differences],
    }),
  }),
});

builder.queryField('compareJobs', (t) =>
  t.field({
    type: JobComparisonRef,
    description: 'Compares what 2 to 20 jobs were run with.',
    args: { ids: t.arg.idList({ required: true, description: 'The jobs, each once.' }) },
    ...costs(({ ids }: { readonly ids: readonly string[] }) => ({ own: 60 * ids.length, rows: ids.length })),
    resolve: async (_root, { ids }, context) => {
      const unique = [...new Set(ids)];
      if (unique.length !== ids.length || ids.length < 2 || ids.length > MOST_COMPARED) {
        throw fault(
          'BAD_USER_INPUT',
          `ids has ${ids.length} entries, ${unique.length} of them different: name 2 to ${MOST_COMPARED} jobs, each once`,
        );
      }
      const found = await Promise.all(unique.map((id) => context.loaders.job.load(localId(id, 'Job'))));
      const jobs = found.filter((job) => job !== null);
      const missing = found.indexOf(null);
      if (missing !== -1) throw fault('NOT_FOUND', `ids.${missing}: Job not found`);
      const settings = await Promise.all(jobs.map(async (job) => settingsOf(job, await partsOf(job, context))));
      return { jobs, differences: differences(settings) };
    },
  }),
);
