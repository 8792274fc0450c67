import DataLoader from 'dataloader';
import type { ActionContext } from '../actions/index.ts';
import type { UserActor } from '../domain/actor.ts';
import type { JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import type { GitBranch, GitLists, Project, UncommittedFile } from '../domain/project.ts';
import type { ClusterFacts, Submission } from '../domain/submission.ts';
import type { FeedSources } from '../feeds/index.ts';
import type { FileWatches } from '../logs/index.ts';
import type { ClientStore, StateCount, StoreReads } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';
import type { LogSearches } from './job/log-searches.ts';
import type { JobWaits } from './job/wait.ts';
import type { Seats } from './live/seats.ts';
import { Work, type WorkOptions } from './work.ts';

/** The parts of the server that resolvers use. */
export interface Services extends Omit<ActionContext, 'reads' | 'store'> {
  readonly store: ClientStore;
  readonly watches: FileWatches;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * Batches reads of single rows into one query for each list. Nothing is cached, because a subscription outlives the
 * values that it has loaded.
 */
export interface Loaders {
  readonly project: DataLoader<string, Project | null>;
  /** Of projects, as the two that follow. */
  readonly branches: DataLoader<string, readonly GitBranch[]>;
  readonly gitTags: DataLoader<string, readonly GitBranch[]>;
  readonly uncommittedFiles: DataLoader<string, readonly UncommittedFile[]>;
  readonly job: DataLoader<string, Job | null>;
  readonly script: DataLoader<string, string | null>;
  readonly submission: DataLoader<string, Submission | null>;
  readonly clusterFacts: DataLoader<string, ClusterFacts | null>;
  /** Remarks, without the rest of the submission, which is large. */
  readonly submitMessage: DataLoader<string, string | null>;
  readonly taskCounts: DataLoader<string, readonly StateCount[]>;
  /** Attempts that a requeue closed. */
  readonly closedAttempts: DataLoader<string, readonly JobAttempt[]>;
  /** Of these attempts; null: none has started. */
  readonly firstStart: DataLoader<string, Date | null>;
}

/** The state of one operation. The signal is also aborted when the server stops. */
export interface OperationOptions extends WorkOptions {
  readonly waits: JobWaits;
  readonly searches: LogSearches;
}

export interface GraphQLContext extends Services, OperationOptions {
  readonly actor: UserActor;
  /** Of this operation. */
  readonly work: Work;
  /** The store, read in the turns of this operation. */
  readonly reads: StoreReads;
  readonly loaders: Loaders;
  /** Of the connection that receives a subscription's results, if it has others. */
  readonly seats?: Seats | undefined;
}

export function createContext(services: Services, actor: UserActor, options: OperationOptions): GraphQLContext {
  const work = new Work(options);
  const reads = services.store.readBy(work);
  const { jobs, projects } = reads;
  const batching = <V>(load: (ids: readonly string[]) => Promise<readonly V[]>) =>
    new DataLoader<string, V>((ids) => work.read(() => load(ids)), { cache: false });
  const listing = <Kind extends keyof GitLists>(kind: Kind) =>
    batching<GitLists[Kind] | readonly []>(async (ids) => {
      const lists = await projects.list(kind, ids, (text) => work.texts(text));
      return ids.map((id) => lists.get(id) ?? []);
    });
  return {
    ...services,
    ...options,
    signal: work.signal,
    actor,
    work,
    reads,
    loaders: {
      project: batching((ids) => projects.getMany(ids, (some) => work.projects(some))),
      branches: listing('branches'),
      gitTags: listing('tags'),
      uncommittedFiles: listing('uncommittedFiles'),
      job: batching((ids) => jobs.getMany(ids, (some) => work.jobs(some))),
      script: batching(async (ids) => {
        const scripts = await jobs.submissions.scripts(ids, (text) => work.texts(text));
        return ids.map((id) => scripts.get(id) ?? null);
      }),
      submission: batching(async (ids) => {
        const submissions = await jobs.submissions.getMany(ids, (...texts) => work.texts(...texts));
        return ids.map((id) => submissions.get(id) ?? null);
      }),
      clusterFacts: batching(async (ids) => {
        const facts = await jobs.submissions.clusterFacts(ids, (text) => work.texts(text));
        return ids.map((id) => facts.get(id) ?? null);
      }),
      submitMessage: batching(async (ids) => {
        const messages = await jobs.submissions.messages(ids, (text) => work.texts(text));
        return ids.map((id) => messages.get(id) ?? null);
      }),
      taskCounts: batching(async (ids) => {
        const counts = await jobs.arrays.taskCounts(ids);
        return ids.map((id) => counts.get(id) ?? []);
      }),
      closedAttempts: batching(async (ids) => {
        const attempts = await jobs.closedAttempts(ids, (some) => work.attempts(some));
        return ids.map((id) => attempts.get(id) ?? []);
      }),
      firstStart: batching(async (ids) => {
        const starts = await jobs.firstStarts(ids);
        return ids.map((id) => starts.get(id) ?? null);
      }),
    },
  };
}

/**
 * The same for one event of a subscription, which has the limits of a whole operation. `account`: of a subscriber.
 * `signal`: aborted once nobody waits for its events.
 */
export function contextOfEvent(context: GraphQLContext, account: string, signal: AbortSignal): GraphQLContext {
  return createContext(context, context.actor, { ...context, account: eventsOf(account), signal });
}

/** What feeds are read from in the turns of an account's events. `account`: asked each time, because it may change. */
export function feedSources(services: Services, account: () => string): FeedSources {
  const { store, journal, clusters, watches } = services;
  const ofEvents = () => eventsOf(account());
  return { reads: store.readFor(ofEvents), journal, clusters, watches, account: ofEvents };
}

/** Events take turns of their own: what an account asks for itself doesn't wait for its subscriptions. */
function eventsOf(account: string): string {
  return `events of ${account}`;
}
