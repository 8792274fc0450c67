import { type Accessor, createMemo } from 'solid-js';
import { type Api, ask } from '../../graphql/api.ts';
import type { JobSection, JobSectionOptions } from '../../graphql/job-section.ts';
import { createLiveJobs } from '../../graphql/live-jobs.ts';
import { compareJobs, includesJob, type JobsFilter, type SectionName, sectionsOf, toVariables } from './filter.ts';
import { jobsQuery } from './operations.ts';

/** The most rows that one section holds: what a browser bears with ease, and more than a person reads. */
export const MAX_ROWS = 2_000;

/** The sections that the filter asks for; those of the last filter stay until the new ones have arrived. */
export function createJobsView(api: Api, filter: Accessor<JobsFilter>): Accessor<readonly JobSection[]> {
  const sections = createLiveJobs(
    api,
    () => sectionsOf(filter().group).map((name) => sectionOptions(api, filter(), name)),
    // What is archived leaves the list: the stream has to tell of it for that.
    { includeArrayTasks: false, isArchived: null },
  );
  return createMemo<readonly JobSection[]>((shown) => {
    const isSettled = sections().every((section) => section.isLoaded() || section.fault() !== null);
    return isSettled || shown.length === 0 ? sections() : shown;
  }, []);
}

function sectionOptions(api: Api, filter: JobsFilter, name: SectionName): JobSectionOptions {
  return {
    name,
    limit: MAX_ROWS,
    includes: (job) => includesJob(filter, name, job),
    compare: (left, right) => compareJobs(filter, left, right),
    fetchPage: async (after) => {
      const { jobs } = await ask(api, jobsQuery, { ...toVariables(filter, name), after });
      return { edges: jobs.edges, hasNextPage: jobs.pageInfo.hasNextPage, totalCount: jobs.totalCount };
    },
  };
}
