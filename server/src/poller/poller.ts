import type { Journal } from '../events/index.ts';
import type { SlurmAdapter } from '../slurm/index.ts';
import type { JobQueries } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { diffSnapshot, isInQueue, type JobUpdate } from './observe.ts';
import { PollSchedule } from './schedule.ts';
import { VanishedJobs } from './vanished.ts';

export interface PollerOptions {
  readonly clusterName: string;
  readonly intervalSeconds: number;
  readonly slurm: SlurmAdapter;
  readonly jobs: JobQueries;
  readonly journal: Journal;
  readonly log: Logger;
  /** After each question: null when it was answered whole, else why not. */
  onAnswer(fault: Error | null): void;
}

/**
 * Keeps the jobs of one cluster as Slurm says they are: one question at a time for all of them, and none while no job
 * is active or the cluster isn't connected.
 */
export class Poller {
  readonly #options: PollerOptions;
  readonly #schedule: PollSchedule;
  readonly #vanished: VanishedJobs;
  readonly #reportedWords = new Set<string>();
  #isConnected = false;
  #timer: NodeJS.Timeout | undefined;
  #tick: Promise<void> | null = null;
  /** Somebody wanted the next question planned while one was under way. */
  #isWanted = false;
  #isStopped = false;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#schedule = new PollSchedule({ intervalSeconds: options.intervalSeconds });
    this.#vanished = new VanishedJobs(options.slurm);
  }

  /** The cluster can be asked: does so at once. */
  connected(): void {
    this.#isConnected = true;
    this.#plan(0);
  }

  disconnected(): void {
    this.#isConnected = false;
    clearTimeout(this.#timer);
  }

  /** A job was submitted or cancelled: looks soon, and a few times more. */
  acted(): void {
    this.#schedule.acted(Date.now());
    this.#planNext();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#tick;
  }

  #planNext(): void {
    this.#plan(this.#schedule.delay(Date.now()));
  }

  #plan(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped || !this.#isConnected) return;
    if (this.#tick !== null) {
      this.#isWanted = true;
      return;
    }
    this.#timer = setTimeout(() => {
      this.#isWanted = false;
      this.#tick = this.#poll().then((isWorthRepeating) => {
        this.#tick = null;
        if (isWorthRepeating || this.#isWanted) this.#planNext();
      });
    }, delayMs);
  }

  /** One question; false when there was nothing to ask. Never throws. */
  async #poll(): Promise<boolean> {
    const { clusterName, slurm, jobs, log, onAnswer } = this.#options;
    try {
      // Read before the question: a job that Slurm takes meanwhile can't be missing from an older answer.
      const asked = new Set((await jobs.active(clusterName)).filter(isInQueue).map((job) => job.id));
      if (asked.size === 0) return false;
      const snapshot = await slurm.queue();
      if (snapshot.faultyRows.length > 0) {
        log.warn({ rows: snapshot.faultyRows.slice(0, 3) }, `${clusterName}: squeue printed rows of an unknown shape`);
      }
      const active = (await jobs.active(clusterName)).filter((job) => asked.has(job.id));
      const diff = diffSnapshot(active, snapshot.observations);
      this.#reportWords(diff.unknownWords);
      await this.#write(diff.updates);
      // A row that can't be read still shows that its job is there.
      const missing = diff.missing.filter((job) => !snapshot.faultyRows.some((row) => row.includes(job.slurmName)));
      await this.#write(await this.#vanished.examine(missing, Date.now()));
      this.#schedule.answered();
      onAnswer(null);
    } catch (cause) {
      const fault = cause instanceof Error ? cause : new Error(String(cause));
      this.#schedule.failed();
      log.warn({ err: fault }, `${clusterName}: the queue could not be read`);
      onAnswer(fault);
    }
    return true;
  }

  async #write(updates: readonly JobUpdate[]): Promise<void> {
    if (updates.length === 0) return;
    await this.#options.journal.write(async (writer) => {
      const current = await writer.jobs.active(this.#options.clusterName);
      const byId = new Map(current.map((job) => [job.id, job]));
      for (const { jobId, apply } of updates) {
        const job = byId.get(jobId);
        if (job !== undefined) await writer.change(job, apply(job));
      }
    });
  }

  #reportWords(words: ReadonlySet<string>): void {
    for (const word of words) {
      if (this.#reportedWords.has(word) || this.#reportedWords.size > 100) continue;
      this.#reportedWords.add(word);
      this.#options.log.warn({ word }, `${this.#options.clusterName}: Slurm uses a job state that isn't known`);
    }
  }
}
