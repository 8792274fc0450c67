import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Job } from '../domain/job.ts';
import { messageOf } from '../domain/thrown.ts';
import { isLarge, Lanes, type Staging } from '../projects/index.ts';
import { LongUnpackings } from './long-unpackings.ts';
import { SubmissionFaults } from './submission-faults.ts';
import { isBeingSubmitted } from './submission-outcome.ts';
import { SubmissionRetries } from './submission-retries.ts';
import { type Prepared, SubmissionSteps, type SubmissionStepsOptions } from './submission-steps.ts';

/** How long is waited for what. */
const DELAYS = {
  /** Between two looks for jobs without an answer, whatever became of earlier attempts. */
  retryMs: 15_000,
  /** A job that Slurm doesn't show in two looks this far apart was never taken. */
  certainlyAbsentMs: 60_000,
  /** Between two looks at a project that is being unpacked, or an sbatch that runs, for more than some seconds. */
  lookMs: 2_000,
  /** The longest between two attempts of a job that a fault of the login node keeps from Slurm. */
  longestRetryMs: 30 * 60_000,
  /** For how long such a job is tried again. Hours pass before a login node is repaired. */
  givenUpMs: 24 * 60 * 60_000,
  /** Between two runs of sbatch for jobs that have failed before: what ailed it then would reach each of them again. */
  spacingMs: 2_000,
};

export interface SubmitterOptions
  extends Omit<SubmissionStepsOptions, 'faults' | 'retries' | 'longUnpackings' | 'certainlyAbsentMs' | 'lookMs'> {
  readonly staging: SubmissionStepsOptions['staging'] & Pick<Staging, 'size' | 'takesLong'>;
  /** Default: DELAYS. */
  readonly delays?: typeof DELAYS;
  /** What keeps jobs from Slurm, whenever that may have changed; null: nothing. */
  onFault(fault: string | null): void;
}

/** So many uploads go side by side. Over a connection without SFTP each takes one of its few commands. */
const UPLOADS = { small: 2, large: 1 };
/** So many projects are unpacked side by side: a login node is shared with others. */
const UNPACKINGS = { small: 2, large: 2 };

/**
 * Brings recorded jobs to Slurm, each exactly once: a job stays SUBMITTING until Slurm has said yes or no, through broken
 * connections and restarts of the server. Files are sent and unpacked side by side. sbatch is run for one job at a time;
 * one that takes more than some seconds holds up no others. Nor do jobs that have failed before, or whose project takes long
 * to be unpacked, however many: one of them at a time is in line with the others.
 */
export class Submitter {
  readonly #options: SubmitterOptions;
  readonly #faults: SubmissionFaults;
  readonly #retries: SubmissionRetries;
  readonly #longUnpackings: LongUnpackings;
  readonly #steps: SubmissionSteps;
  readonly #delays: typeof DELAYS;
  readonly #uploads = new Lanes(UPLOADS);
  readonly #unpackings = new Lanes(UNPACKINGS);
  readonly #turn = pLimit(1);
  /** In front of these lines, for jobs that have failed before, or took long. */
  readonly #behind = { uploads: pLimit(1), unpackings: pLimit(1), longUnpackings: pLimit(1), turn: pLimit(1) };
  /** When sbatch last failed, by the monotonic clock. */
  #failedAt = Number.NEGATIVE_INFINITY;
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  /** The attempts that are under way, by job. */
  readonly #attempts = new Map<string, Promise<void>>();
  #workspace: string | null = null;
  /** To be tried again as soon as the attempt that is under way has ended. */
  readonly #wanted = new Set<string>();
  #look: NodeJS.Timeout | undefined;
  readonly #stop = new AbortController();

  constructor(options: SubmitterOptions) {
    this.#options = options;
    this.#delays = options.delays ?? DELAYS;
    this.#faults = new SubmissionFaults(options.journal, (fault) => options.onFault(fault));
    this.#retries = new SubmissionRetries(this.#delays);
    const { certainlyAbsentMs, lookMs } = this.#delays;
    this.#longUnpackings = new LongUnpackings({ slurm: options.slurm, lookMs });
    const own = { faults: this.#faults, retries: this.#retries, longUnpackings: this.#longUnpackings };
    this.#steps = new SubmissionSteps({ ...options, ...own, certainlyAbsentMs, lookMs });
  }

  /** The cluster can be asked; `workspace` is absolute. Takes up every job that isn't through yet. */
  connected(workspace: string): void {
    this.#workspace = workspace;
    this.#retries.hurry();
    this.#tryAll();
  }

  disconnected(): void {
    this.#workspace = null;
    clearTimeout(this.#look);
  }

  /** Takes up a recorded job. Resolves once Slurm has answered, or one attempt to ask it has failed. */
  async submit(jobId: string): Promise<void> {
    // Whatever takes this one's place takes up the job by itself.
    if (this.#stop.signal.aborted || !this.#isLeft(jobId)) return;
    const waiting = this.#waiting.get(jobId) ?? Promise.withResolvers<void>();
    this.#waiting.set(jobId, waiting);
    this.#try(jobId);
    return waiting.promise;
  }

  /** Whatever waits to be tried again is tried now, or once what is under way has ended. */
  tryNow(): void {
    for (const jobId of this.#attempts.keys()) this.#wanted.add(jobId);
    this.#retries.hurry();
    this.#tryAll();
  }

  /** What is under way on the cluster goes on there; the next start picks it up. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#look);
    await Promise.all(this.#attempts.values());
    for (const { resolve } of this.#waiting.values()) resolve();
    this.#waiting.clear();
  }

  /**
   * The oldest first, and again at intervals: every recorded job is taken up by that, also one that nobody submitted here,
   * because its server or its cluster's settings changed meanwhile.
   */
  #tryAll(): void {
    clearTimeout(this.#look);
    if (this.#reachable === null) return;
    this.#look = setTimeout(() => this.#tryAll(), this.#delays.retryMs);
    this.#faults.keepOnly((id) => this.#isLeft(id));
    this.#retries.keepOnly((id) => this.#isLeft(id));
    const now = performance.now();
    for (const { id, cancelRequestedAt } of this.#unanswered()) {
      // A cancelled one ends by being taken up.
      if (cancelRequestedAt !== null || this.#retries.isDue(id, now)) this.#try(id);
    }
  }

  #try(jobId: string): void {
    if (this.#stop.signal.aborted || this.#workspace === null || this.#attempts.has(jobId)) return;
    this.#wanted.delete(jobId);
    const attempt = this.#attempt(jobId).then(() => {
      this.#attempts.delete(jobId);
      this.#plan(jobId);
    });
    this.#attempts.set(jobId, attempt);
  }

  /** After an attempt: the job is tried again at once if that is wanted, else with the next look. */
  #plan(jobId: string): void {
    if (!this.#isLeft(jobId)) {
      this.#faults.drop(jobId);
      this.#retries.drop(jobId);
      this.#longUnpackings.settle(jobId);
      return;
    }
    if (this.#stop.signal.aborted || this.#workspace === null) return;
    if (this.#wanted.has(jobId) || this.#waiting.has(jobId)) this.#try(jobId);
  }

  #isLeft(jobId: string): boolean {
    const job = this.#active.get(jobId);
    return job !== undefined && isBeingSubmitted(job);
  }

  /** Never throws. */
  async #attempt(jobId: string): Promise<void> {
    const { settings, log } = this.#options;
    try {
      await this.#bring(jobId);
    } catch (cause) {
      log.warn({ err: cause, job: jobId }, `${settings.name}: a submission is not through yet`);
      await this.#faults
        .failed(jobId, messageOf(cause))
        .catch((fault) => log.error({ err: fault }, `${settings.name}: the store can't be used`));
    }
    this.#waiting.get(jobId)?.resolve();
    this.#waiting.delete(jobId);
  }

  #unanswered(): readonly Job[] {
    return [...this.#active.values()].filter(isBeingSubmitted);
  }

  get #active(): ReadonlyMap<string, Job> {
    return this.#options.journal.active(this.#options.settings.name);
  }

  /** The workspace, for as long as there is somebody to ask. */
  get #reachable(): string | null {
    return this.#stop.signal.aborted ? null : this.#workspace;
  }

  /** One attempt: its files in their turns, then sbatch in its own, which gets one more chance. */
  async #bring(jobId: string): Promise<void> {
    if ((await this.#tryOnce(jobId)) === 'reset') await this.#tryOnce(jobId);
  }

  async #tryOnce(jobId: string): Promise<'done' | 'reset'> {
    const { staging } = this.#options;
    const project = this.#active.get(jobId)?.projectId ?? '';
    const isMuch = isLarge(await staging.size(jobId));
    const upload = () => this.#uploads.run(project, isMuch, () => this.#prepare(jobId));
    const prepared = await (this.#isBehind(jobId) ? this.#behind.uploads(upload) : upload());
    if (prepared === null || !(await this.#unpack(prepared, project))) return 'done';
    const handed = prepared.isSubmitted ? 'running' : await this.#hand(prepared);
    if (handed !== 'running') return handed;
    return this.#steps.follow(prepared, () => this.#reachable !== null, this.#stop.signal);
  }

  #isBehind(jobId: string): boolean {
    return this.#retries.isFaulty(jobId) || this.#longUnpackings.has(jobId);
  }

  /** In a place among those of its size, and only looked at, once it has taken so long that it lost its place. */
  async #unpack(prepared: Prepared, project: string): Promise<boolean> {
    const { id } = prepared.job;
    const isLong = await this.#options.staging.takesLong(id);
    const [isReachable, { signal }] = [() => this.#reachable !== null, this.#stop];
    const isBehind = this.#isBehind(id);
    if (this.#longUnpackings.has(id)) {
      const { workDir } = prepared;
      const isCancelled = () => this.#active.get(id)?.cancelRequestedAt != null;
      const state = await this.#longUnpackings.look({ jobId: id, workDir, isLong, isCancelled, isReachable, signal });
      if (state === 'later') return false;
      if (state === 'ended') return this.#steps.unpack(prepared, isLong, isReachable, signal, true);
    }
    const unpack = () => this.#steps.unpack(prepared, isLong, isReachable, signal);
    const inPlace = () => this.#unpackings.run(project, isLong, unpack);
    return isBehind ? this.#behind[isLong ? 'longUnpackings' : 'unpackings'](inPlace) : inPlace();
  }

  /**
   * In its turn, which is over with sbatch: the directory of a job that it refused takes long to remove. Whether the job has
   * failed before is looked up now: many fail, or are answered, while others wait.
   */
  #hand(prepared: Prepared): Promise<'done' | 'reset' | 'running'> {
    const { id } = prepared.job;
    const hasFailed = () => this.#retries.isFaulty(id) || this.#faults.has(id);
    const hand = async () => {
      try {
        const answer = await this.#turn(() => (this.#reachable === null ? null : this.#steps.hand(prepared)));
        if (answer === null) return 'done';
        return answer === 'running' ? 'running' : await this.#steps.conclude(prepared, answer);
      } finally {
        if (hasFailed()) this.#failedAt = performance.now();
      }
    };
    if (!hasFailed()) return hand();
    return this.#behind.turn(async () => {
      const left = this.#failedAt + this.#delays.spacingMs - performance.now();
      // The others have their turns meanwhile.
      if (left > 0 && hasFailed()) await pause(left, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      return hand();
    });
  }

  async #prepare(jobId: string): Promise<Prepared | null> {
    const workspace = this.#reachable;
    if (workspace !== null) return this.#steps.prepare(jobId, workspace);
    // When the cluster is lost, all that wait end one after the other: not in one turn of the event loop.
    await nextTurn();
    return null;
  }
}
