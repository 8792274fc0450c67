import { type Difference, differences, type Fields, fieldsOf } from '../../domain/differences.ts';
import type { Job } from '../../domain/job.ts';
import { builder } from '../builder.ts';
import type { GraphQLContext } from '../context.ts';
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
      // One id may be written in several ways.
      const jobIds = ids.map((id) => localId(id, 'Job'));
      const different = new Set(jobIds).size;
      if (different !== ids.length || ids.length < 2 || ids.length > MOST_COMPARED) {
        throw fault(
          'BAD_USER_INPUT',
          `ids has ${ids.length} entries, ${different} of them different: name 2 to ${MOST_COMPARED} jobs, each once`,
        );
      }
      const found = await Promise.all(jobIds.map((id) => context.loaders.job.load(id)));
      const jobs = found.filter((job) => job !== null);
      const missing = found.indexOf(null);
      if (missing !== -1) throw fault('NOT_FOUND', `ids.${missing}: Job not found`);
      return { jobs, differences: await differencesOf(jobs, context) };
    },
  }),
);

/** Each job takes a turn and is counted each time, because its lists are written out anew for each comparison. */
async function differencesOf(jobs: readonly Job[], context: GraphQLContext): Promise<readonly Difference[]> {
  const { work } = context;
  const known = await Promise.all(jobs.map(async (job) => ({ job, parts: await partsOf(job, context) })));
  const compared: Fields[] = [];
  for (const { job, parts } of known) {
    await work.read(async () => {
      const fields = fieldsOf(settingsOf(job, parts));
      work.texts(...fields.values());
      compared.push(fields);
    });
  }
  return work.read(async () => differences(compared));
}
