import { MAX_TAG, MAX_TAGS } from '../../actions/index.ts';
import { type JOB_ORDER_FIELDS, type JobFilter, type JobOrder, shortSearch } from '../../domain/job-filter.ts';
import { builder } from '../builder.ts';
import { fault } from '../faults.ts';
import { localIds } from '../ids.ts';
import { LONG } from '../marks.ts';
import { JobStateRef } from './state.ts';

export const JobFilterInput = builder.inputType('JobFilter', {
  description: 'Which jobs are meant. A part that is left out lets every job through.',
  fields: (t) => ({
    ids: t.idList({ description: 'Any of these jobs.' }),
    search: t.string({
      ...LONG,
      description:
        'Words that all occur in name, command, Slurm id, commit, project\'s name or tags; of tags with a "#" before them.',
    }),
    states: t.field({ type: [JobStateRef], description: 'Any of these.' }),
    isActive: t.boolean({ description: 'Only jobs that still move on, or only those that are over.' }),
    isArchived: t.boolean({ defaultValue: false, description: 'Null: archived or not.' }),
    clusters: t.stringList({ description: 'Any of these, by name.' }),
    projects: t.idList({ description: 'Any of these.' }),
    users: t.idList({ description: 'Submitted by any of these.' }),
    partitions: t.stringList({ description: 'Any of these.' }),
    tags: t.stringList({ description: 'Those that have all of these, letter by letter; at most 32.' }),
    submittedAfter: t.field({ type: 'DateTime', description: 'At this instant or later.' }),
    submittedBefore: t.field({ type: 'DateTime', description: 'Before this instant.' }),
    exitCodes: t.intList({
      description:
        "Any of these, of jobs whose script came to an end of its own; an array's is the highest of its tasks'.",
    }),
    startedAfter: t.field({ type: 'DateTime', description: 'Of those that started, at this instant or later.' }),
    startedBefore: t.field({ type: 'DateTime', description: 'Of those that started, before this instant.' }),
    endedAfter: t.field({ type: 'DateTime', description: 'Of those that are over, at this instant or later.' }),
    endedBefore: t.field({ type: 'DateTime', description: 'Of those that are over, before this instant.' }),
    includeArrayTasks: t.boolean({
      defaultValue: false,
      description: 'Tasks as jobs of their own beside their array.',
    }),
  }),
});

const JobOrderField = builder.enumType('JobOrderField', {
  description: 'What a list of jobs is sorted by. A job that has not started or ended counts as the latest.',
  values: {
    SUBMITTED_AT: { description: 'When it was recorded.' },
    STARTED_AT: { description: 'When it started.' },
    ENDED_AT: { description: 'When it ended.' },
    NAME: { description: 'Its name, by Unicode code points: capitals come before small letters.' },
    STATE: { description: 'Its state, by name.' },
    ELAPSED: { description: 'How long it has run.' },
  } satisfies Record<(typeof JOB_ORDER_FIELDS)[number], { description: string }>,
});

const OrderDirection = builder.enumType('OrderDirection', {
  description: 'Which end of a list comes first.',
  values: { ASC: { description: 'The lowest.' }, DESC: { description: 'The highest.' } },
});

export const JobOrderInput = builder.inputType('JobOrder', {
  description: 'How a list of jobs is sorted.',
  fields: (t) => ({
    field: t.field({ type: JobOrderField, required: true, description: 'By what.' }),
    direction: t.field({ type: OrderDirection, required: true, description: 'Which end first.' }),
  }),
});

export const NEWEST_FIRST: JobOrder = { field: 'SUBMITTED_AT', direction: 'DESC' };

/** Of one list in a filter. A subscription looks each of them up with every event. */
const MOST_ENTRIES = 1000;
const LISTS = ['ids', 'exitCodes', 'clusters', 'projects', 'users', 'partitions'] as const;

/** Throws BAD_USER_INPUT for a list that is too long, and for what no tag can be. */
export function toJobFilter(input: typeof JobFilterInput.$inferInput | null | undefined): JobFilter {
  for (const name of LISTS) {
    const count = input?.[name]?.length ?? 0;
    if (count > MOST_ENTRIES)
      throw fault('BAD_USER_INPUT', `filter.${name} has ${count} entries: ${MOST_ENTRIES} are taken at most`);
  }
  if ((input?.tags?.length ?? 0) > MAX_TAGS)
    throw fault(
      'BAD_USER_INPUT',
      `filter.tags has ${input?.tags?.length} entries: no job has more than ${MAX_TAGS} tags`,
    );
  const noTag = input?.tags?.findIndex((tag) => tag.length > MAX_TAG || tag.trim() !== tag) ?? -1;
  if (noTag !== -1)
    throw fault(
      'BAD_USER_INPUT',
      `filter.tags[${noTag}] is no tag: a tag has at most ${MAX_TAG} characters, and no blank at its ends`,
    );
  return {
    ids: localIds(input?.ids, 'Job'),
    search: input?.search == null ? null : shortSearch(input.search),
    states: input?.states ?? null,
    // A list without tags wants none.
    tags: input?.tags?.length ? [...new Set(input.tags)] : null,
    isActive: input?.isActive ?? null,
    isArchived: input?.isArchived === undefined ? false : input.isArchived,
    clusters: input?.clusters ?? null,
    projectIds: localIds(input?.projects, 'Project'),
    userIds: localIds(input?.users, 'User'),
    partitions: input?.partitions ?? null,
    submittedAfter: input?.submittedAfter ?? null,
    submittedBefore: input?.submittedBefore ?? null,
    exitCodes: input?.exitCodes ?? null,
    startedAfter: input?.startedAfter ?? null,
    startedBefore: input?.startedBefore ?? null,
    endedAfter: input?.endedAfter ?? null,
    endedBefore: input?.endedBefore ?? null,
    includeArrayTasks: input?.includeArrayTasks ?? false,
  };
}
