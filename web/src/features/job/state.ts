import { createSignal, onCleanup } from 'solid-js';
import { createStore, reconcile } from 'solid-js/store';
import { type Api, ask } from '../../graphql/api.ts';
import { describeError } from '../../graphql/errors.ts';
import type { JobSection } from '../../graphql/job-section.ts';
import { createLiveJobs } from '../../graphql/live-jobs.ts';
import { openStream } from '../../graphql/stream.ts';
import { isActiveState } from '../../lib/job-state.ts';
import { type JobDetails, jobQuery, jobStatusSubscription, jobTasksQuery } from './operations.ts';

/** The most tasks of an array that its page lists. */
export const MAX_TASKS = 2_000;

export interface LiveJob {
  /** Undefined until the first answer, null if there is no such job. */
  value(): JobDetails | null | undefined;
  fault(): string | null;
}

/** One job, kept up to date until the owner is disposed of or the job has ended. */
export function createLiveJob({ client, socket }: Api, id: string): LiveJob {
  const [state, setState] = createStore<{ job: JobDetails | null | undefined }>({ job: undefined });
  const [fault, setFault] = createSignal<string | null>(null);
  let hasStreamed = false;

  async function load(): Promise<void> {
    try {
      const { job } = await ask(client, jobQuery, { id });
      // The stream may have been faster, and then it knows better.
      if (!hasStreamed) setState('job', job);
    } catch (error) {
      setFault(describeError(error));
    }
  }

  onCleanup(
    openStream(socket, {
      document: jobStatusSubscription,
      variables: { id },
      next: ({ jobStatus }) => {
        hasStreamed = true;
        setFault(null);
        setState('job', reconcile(jobStatus, { key: 'cursor' }));
      },
      isFinished: () => state.job === null || (state.job !== undefined && !isActiveState(state.job.state)),
      fault: setFault,
    }),
  );
  void load();
  return { value: () => state.job, fault };
}

/** The tasks of an array in the order of their indices, kept up to date. */
export function createLiveTasks(api: Api, id: string): () => JobSection | undefined {
  const sections = createLiveJobs(
    api,
    () => [
      {
        name: 'tasks',
        limit: MAX_TASKS,
        includes: (job) => job.arrayParent?.id === id,
        compare: (left, right) => (left.arrayTaskId ?? 0) - (right.arrayTaskId ?? 0),
        fetchPage: async (after) => {
          const { job } = await ask(api.client, jobTasksQuery, { id, after });
          if (job === null) throw new Error('This job is no longer known.');
          const { edges, pageInfo, totalCount } = job.tasks;
          return { edges, hasNextPage: pageInfo.hasNextPage, totalCount };
        },
      },
    ],
    { includeArrayTasks: true },
  );
  return () => sections()[0];
}
