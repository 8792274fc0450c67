import { isDeepStrictEqual } from 'node:util';
import type { GitSnapshot, Project, ProjectFault } from '../domain/project.ts';
import { DirectoryWatches } from './directory-watches.ts';
import { GitError, ServerBusy } from './git-error.ts';
import { faultOf, lookAtRepository } from './repository.ts';

/** So many are read at a time: one whose disk hangs keeps no other from being read. */
const TOGETHER = 2;
/** An edit comes as several changes. */
const SETTLING_MS = 100;
/** A repository in which something is written all the time is read for a tenth of the time at most. */
const REST = 9;
/** Some changes are told by no system, such as those that another host makes on a shared disk. */
const UNTOLD_MS = 60_000;
/** Of what is watched, in case that something was missed. */
const MISSED_MS = 15 * 60_000;
/** Of both, a hundredth of the time at most. */
const SELDOM = 100;

type Place = Pick<Project, 'id' | 'path'>;

interface ProjectWatchOptions {
  /** The projects as they are at the start. */
  readonly projects: AsyncIterable<Place>;
  readonly records: {
    saveSnapshot(id: string, git: GitSnapshot, syncedAt: Date): Promise<unknown>;
    saveFault(id: string, fault: ProjectFault, askedAt: Date): Promise<unknown>;
  };
  onError(cause: unknown): void;
}

interface Followed {
  readonly path: string;
  /** On the monotonic clock, as all times here. */
  dueAt: number;
  readonly restUntil: number;
  /** What was stored last, and when. */
  readonly stored: { readonly what: GitSnapshot | ProjectFault; readonly at: number } | null;
  isBeingRead: boolean;
}

/** What was found when a repository was read. */
interface Told {
  readonly what: GitSnapshot | ProjectFault;
  readonly isWatched: boolean;
  /** What changed before it was watched has been missed. */
  readonly isNew: boolean;
}

/** Keeps what is stored of the repositories as git tells it: a commit or an edit in a terminal shows within seconds. */
export class ProjectWatch {
  readonly #options: ProjectWatchOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #directories = new DirectoryWatches((id) => this.#changed(id));
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProjectWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#track(this.#followAll());
  }

  /** Resolves once nothing is read any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    this.#directories.stop();
    this.#followed.clear();
    await Promise.all(this.#running);
  }

  /** A project that is new, or has another path. */
  follow({ id, path }: Place): void {
    if (this.#stopping.signal.aborted) return;
    this.#followed.set(id, { path, dueAt: 0, restUntil: 0, stored: null, isBeingRead: false });
    this.#schedule();
  }

  forget(id: string): void {
    this.#followed.delete(id);
    this.#directories.forget(id);
  }

  async #followAll(): Promise<void> {
    for await (const project of this.#options.projects) this.follow(project);
  }

  #changed(id: string): void {
    const followed = this.#followed.get(id);
    if (followed === undefined) return;
    followed.dueAt = Math.min(followed.dueAt, Math.max(performance.now() + SETTLING_MS, followed.restUntil));
    this.#schedule();
  }

  #track(work: Promise<void>): void {
    const done = work
      .catch((cause: unknown) => {
        if (!this.#stopping.signal.aborted) this.#options.onError(cause);
      })
      .finally(() => this.#running.delete(done));
    this.#running.add(done);
  }

  /** Reads what is due, and comes back for what is due next. */
  #schedule(): void {
    clearTimeout(this.#timer);
    for (;;) {
      const reading = [...this.#followed.values()].filter(({ isBeingRead }) => isBeingRead).length;
      if (reading >= TOGETHER || this.#stopping.signal.aborted) return;
      let next: readonly [string, Followed] | null = null;
      for (const entry of this.#followed) {
        if (!entry[1].isBeingRead && entry[1].dueAt < (next?.[1].dueAt ?? Number.POSITIVE_INFINITY)) next = entry;
      }
      if (next === null) return;
      const [id, followed] = next;
      const waitMs = followed.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#schedule(), waitMs).unref();
        return;
      }
      followed.isBeingRead = true;
      this.#track(this.#read(id, followed).finally(() => this.#schedule()));
    }
  }

  async #read(id: string, followed: Followed): Promise<void> {
    const begunAt = performance.now();
    // What changes from now on is to be read, too.
    followed.dueAt = Number.POSITIVE_INFINITY;
    let { stored } = followed;
    let told: Told | null = null;
    try {
      const askedAt = new Date();
      told = await this.#tell(id, followed.path);
      // Nobody wants to know any more, or of another path.
      if (!this.#followed.has(id)) this.#directories.forget(id);
      if (this.#followed.get(id) !== followed) return;
      const isOld = stored === null || begunAt - stored.at > UNTOLD_MS;
      if (told !== null && (isOld || !isDeepStrictEqual(told.what, stored?.what))) {
        stored = { what: told.what, at: begunAt };
        if ('status' in told.what) await this.#options.records.saveFault(id, told.what, askedAt);
        else await this.#options.records.saveSnapshot(id, told.what, askedAt);
      }
    } finally {
      const endedAt = performance.now();
      const tookMs = endedAt - begunAt;
      if (this.#followed.get(id) === followed) {
        const restUntil = endedAt + REST * tookMs;
        const seldomMs = Math.max(told?.isWatched === true ? MISSED_MS : UNTOLD_MS, SELDOM * tookMs);
        const laterAt = told?.isNew === true ? restUntil : endedAt + seldomMs;
        // It has changed since where it is due already.
        const dueAt = Math.min(laterAt, Math.max(restUntil, followed.dueAt));
        this.#followed.set(id, { path: followed.path, dueAt, restUntil, stored, isBeingRead: false });
      }
    }
  }

  /** Null: nobody can say now. */
  async #tell(id: string, path: string): Promise<Told | null> {
    try {
      const { snapshot, places, isLocal } = await lookAtRepository(path, this.#stopping.signal);
      const { isComplete, isNew } = await this.#directories.watch(id, places);
      return { what: snapshot, isWatched: isComplete && isLocal, isNew };
    } catch (cause) {
      if (!(cause instanceof GitError)) throw cause;
      if (cause instanceof ServerBusy) return null;
      this.#directories.forget(id);
      return { what: await faultOf(path, cause), isWatched: false, isNew: false };
    }
  }
}
