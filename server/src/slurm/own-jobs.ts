import type { Job } from '../domain/job.ts';
import { ownText } from '../domain/text.ts';

/** The jobs of one cluster that are stored. What it says of others says nothing, and there may be any number of them. */
export interface OwnJobs {
  /** The active ones by their ids, tasks and arrays included. */
  active(): ReadonlyMap<string, Pick<Job, 'slurmJobId'>>;
  /** Those of these ids that are stored, whether active or over. */
  among(ids: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Ids of no job that are remembered, so that nobody is asked again: some megabytes. Others are asked for each time. */
const MAX_STRANGERS = 20_000;

/**
 * Tells jobs of ours from others, of which an account may have as many: those of another SlurmQL, for example. A job is
 * stored before Slurm gets it, so an id that isn't stored never will be.
 */
export class Owners {
  readonly #jobs: OwnJobs;
  #strangers: ReadonlySet<string> = new Set();

  constructor(jobs: OwnJobs) {
    this.#jobs = jobs;
  }

  /** For one answer. */
  look(): OwnersOfAnswer {
    return new OwnersOfAnswer(this.#jobs, this.#strangers, (strangers) => {
      this.#strangers = strangers;
    });
  }
}

export class OwnersOfAnswer {
  readonly #jobs: OwnJobs;
  readonly #active: ReadonlyMap<string, Pick<Job, 'slurmJobId'>>;
  /** Of earlier answers. */
  readonly #known: ReadonlySet<string>;
  /** Of this one. */
  readonly #strangers = new Set<string>();
  readonly #stored = new Set<string>();
  readonly #onEnd: (strangers: ReadonlySet<string>) => void;
  #numbers: ReadonlySet<string> | null = null;

  constructor(jobs: OwnJobs, known: ReadonlySet<string>, onEnd: (strangers: ReadonlySet<string>) => void) {
    this.#jobs = jobs;
    this.#active = jobs.active();
    this.#known = known;
    this.#onEnd = onEnd;
  }

  get activeCount(): number {
    return this.#active.size;
  }

  /** Whether it is a job of ours; null: ask first. */
  has(id: string): boolean | null {
    if (this.#active.has(id) || this.#stored.has(id)) return true;
    if (this.#strangers.has(id)) return false;
    if (!this.#known.has(id)) return null;
    this.#remember(id);
    return false;
  }

  async ask(ids: ReadonlySet<string>): Promise<void> {
    const stored = await this.#jobs.among([...ids]);
    for (const id of ids) {
      if (stored.has(id)) this.#stored.add(id);
      else this.#remember(id);
    }
  }

  #remember(id: string): void {
    // A copy, not to keep the answer.
    if (this.#strangers.size < MAX_STRANGERS) this.#strangers.add(ownText(id));
  }

  /** Whether it has the number of an active job, or of an active array. */
  hasNumber(slurmJobId: string): boolean {
    this.#numbers ??= new Set(this.#active.values().map((job) => job.slurmJobId ?? ''));
    return this.#numbers.has(slurmJobId);
  }

  end(): void {
    this.#onEnd(this.#strangers);
  }
}
