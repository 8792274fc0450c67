import { isArray, type Job, withWordsOf } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { toldText, withShortTexts } from '../domain/told-text.ts';

/**
 * Of what a cluster says of all its active jobs, in UTF-16 units: as many as one answer of squeue may have bytes
 * (MAX_SNAPSHOT_BYTES in slurm/adapter/session.ts), so that jobs that one answer shows are all shown whole. Five thousand
 * jobs, each on a thousand nodes of which no two are neighbours, have half of it.
 */
const MOST_ACTIVE_TEXT = 64 * 1024 * 1024;

const NO_JOBS: ReadonlyMap<string, Job> = new Map();

/** The active jobs of one cluster. */
interface OfCluster {
  readonly jobs: Map<string, Job>;
  /** Without the tasks of arrays: there may be a hundred thousand, which nobody counts again for each event. */
  count: number;
  /** Of their texts. */
  text: number;
}

/** The active jobs as they were last committed, by cluster and id. */
export class ActiveJobs {
  readonly #clusters = new Map<string, OfCluster>();

  /** Tasks and arrays included; first the one that has been active for the longest. */
  of(clusterName: string): ReadonlyMap<string, Job> {
    return this.#clusters.get(clusterName)?.jobs ?? NO_JOBS;
  }

  /** How many they are; an array counts once. */
  count(clusterName: string): number {
    return this.#clusters.get(clusterName)?.count ?? 0;
  }

  /** Of all clusters. */
  *all(): Generator<Job, void, undefined> {
    for (const { jobs } of this.#clusters.values()) yield* jobs.values();
  }

  /** A job as it is now. */
  keep(job: Job): void {
    const known = this.#clusters.get(job.clusterName) ?? { jobs: new Map<string, Job>(), count: 0, text: 0 };
    this.#clusters.set(job.clusterName, known);
    const { jobs } = known;
    const before = jobs.get(job.id);
    if (before !== undefined && isArray(job) && hasOtherWords(before, job)) {
      for (const task of jobs.values()) if (task.arrayParentId === job.id) jobs.set(task.id, withWordsOf(job, task));
    }
    const isActive = isActiveState(job.state);
    if (isActive) jobs.set(job.id, job);
    else jobs.delete(job.id);
    known.text += (isActive ? toldText(job) : 0) - (before === undefined ? 0 : toldText(before));
    if (job.arrayParentId === null) known.count += (isActive ? 1 : 0) - (before === undefined ? 0 : 1);
  }

  /** A project is removed, and its jobs stay. */
  withoutProject(projectId: string): void {
    for (const { jobs } of this.#clusters.values()) {
      for (const job of jobs.values()) if (job.projectId === projectId) jobs.set(job.id, { ...job, projectId: null });
    }
  }

  /** A task is kept with the words of its array, so that long ones are in memory once. */
  inBrief(job: Job): Job {
    const array = job.arrayParentId === null ? undefined : this.of(job.clusterName).get(job.arrayParentId);
    return array === undefined ? job : withWordsOf(array, job);
  }

  /** For changes that are about to be committed. */
  room(): TextRoom {
    return new TextRoom((clusterName) => this.#clusters.get(clusterName)?.text ?? 0);
  }
}

/**
 * The room that active jobs leave for the texts of each other. An answer shows some of a cluster's jobs, and the next may
 * show others, so that its own limit bounds nothing that is held or stored together.
 */
export class TextRoom {
  readonly #committed: (clusterName: string) => number;
  /** By cluster, with the changes so far. */
  readonly #sums = new Map<string, number>();

  constructor(committed: (clusterName: string) => number) {
    this.#committed = committed;
  }

  /** `after` as there is room for it, with its texts cut if there isn't. `before`: null: there was no such job. */
  fit(before: Job | null, after: Job): Job {
    if (!isActiveState(after.state)) {
      this.#add(after.clusterName, -heldText(before));
      return after;
    }
    const left = MOST_ACTIVE_TEXT - this.#sum(after.clusterName) + heldText(before);
    const fitting = toldText(after) <= left ? after : withShortTexts(after);
    this.#add(after.clusterName, toldText(fitting) - heldText(before));
    return fitting;
  }

  #sum(clusterName: string): number {
    return this.#sums.get(clusterName) ?? this.#committed(clusterName);
  }

  #add(clusterName: string, text: number): void {
    this.#sums.set(clusterName, this.#sum(clusterName) + text);
  }
}

function heldText(job: Job | null): number {
  return job === null || !isActiveState(job.state) ? 0 : toldText(job);
}

function hasOtherWords(before: Job, after: Job): boolean {
  return before.name !== after.name || before.description !== after.description || before.tags !== after.tags;
}
