import { createSignal, onCleanup } from 'solid-js';
import { createStore, reconcile } from 'solid-js/store';
import { type Api, ask } from '../../graphql/api.ts';
import { describeError } from '../../graphql/errors.ts';
import type { JobSection } from '../../graphql/job-section.ts';
import { createLiveJobs } from '../../graphql/live-jobs.ts';
import { openStream } from '../../graphql/stream.ts';
import {
  type JobDetails,
  jobChangesSubscription,
  jobQuery,
  jobStatusSubscription,
  jobTasksQuery,
} from './operations.ts';

/** The most tasks of an array that its page lists. */
export const MAX_TASKS = 2_000;

export interface LiveJob {
  /** Undefined until the first answer, null if there is no such job. */
  value(): JobDetails | null | undefined;
  fault(): string | null;
}

/**
 * One job, kept up to date until the owner is disposed of. Its stream completes when the job is over; from then on what
 * is told of jobs says when there is more to hear of this one: it may be requeued from elsewhere.
 */
export function createLiveJob(api: Api, id: string): LiveJob {
  const { socket } = api;
  const [state, setState] = createStore<{ job: JobDetails | null | undefined }>({ job: undefined });
  const [fault, setFault] = createSignal<string | null>(null);
  let hasStreamed = false;
  let stopStatus = (): void => {};
  let stopChanges: (() => void) | null = null;
  /** The job is over as far as is known, and its stream with it. */
  let isResting = false;
  /** Something was told of it that its stream may have ended too early to hear. */
  let isNoticed = false;

  async function load(): Promise<void> {
    try {
      const { job } = await ask(api, jobQuery, { id });
      // The stream may have been faster, and then it knows better.
      if (!hasStreamed) setState('job', job);
    } catch (error) {
      setFault(describeError(error));
    }
  }

  function follow(): void {
    isResting = false;
    isNoticed = false;
    stopStatus();
    stopStatus = openStream(socket, {
      document: jobStatusSubscription,
      variables: { id },
      next: ({ jobStatus }) => {
        hasStreamed = true;
        setFault(null);
        setState('job', reconcile(jobStatus, { key: 'cursor' }));
      },
      isFinished: () => state.job === null || state.job?.isActive === false,
      finished: rest,
      fault: setFault,
    });
  }

  function rest(): void {
    isResting = true;
    if (stopChanges === null && state.job) {
      stopChanges = openChanges();
      isNoticed = true;
    }
    if (isNoticed) follow();
  }

  function openChanges(): () => void {
    return openStream(socket, {
      document: jobChangesSubscription,
      variables: {
        filter: { ids: [id], includeArrayTasks: true, isArchived: null },
        after: null,
      },
      resume: ({ jobEvents }) => ({ after: jobEvents.cursor }),
      next: () => {
        if (isResting) follow();
        else isNoticed = true;
      },
      isFinished: () => false,
      fault: (message) => setFault(`Changes no longer arrive: ${message}`),
    });
  }

  follow();
  // What happened while there was no connection isn't told afterwards.
  onCleanup(
    socket.onConnected(() => {
      if (isResting) follow();
    }),
  );
  onCleanup(() => {
    stopStatus();
    stopChanges?.();
  });
  void load();
  return { value: () => state.job, fault };
}

/** The server's order of the tasks of an array. */
export function compareTasks(
  left: { readonly arrayTaskId: number | null },
  right: { readonly arrayTaskId: number | null },
): number {
  return (left.arrayTaskId ?? 0) - (right.arrayTaskId ?? 0);
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
        compare: compareTasks,
        fetchPage: async (after) => {
          const { job } = await ask(api, jobTasksQuery, { id, after });
          if (job === null) throw new Error('This job is no longer known.');
          const { edges, pageInfo, totalCount } = job.tasks;
          return { edges, hasNextPage: pageInfo.hasNextPage, totalCount };
        },
      },
    ],
    { includeArrayTasks: true, isArchived: null },
  );
  return () => sections()[0];
}
