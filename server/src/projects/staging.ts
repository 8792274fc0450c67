import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type JobFiles, packFiles, takeLong } from './archive.ts';
import { GitError } from './git-error.ts';
import { HeldFiles, sizeOf } from './held-files.ts';
import { isLarge, Lanes } from './lanes.ts';
import { inUnits, MAX_STAGED_BYTES } from './limits.ts';
import { Places } from './places.ts';

const PACKED = '.tar.gz';
/** What ends the name of an empty file: this job's packed one may be small, but takes long to unpack. */
const LONG = '.long';
/** What ends the name of a file that is not complete. */
const PART = '.part';
/** How often what belongs to no job is removed; in ms. */
const SWEEP_INTERVAL_MS = 10 * 60_000;

export interface StagingOptions {
  /** A directory of its own: whatever else is in it is swept away. */
  readonly directory: string;
  /** Which of these jobs are recorded and not in Slurm yet: the files of others are not needed. */
  needFiles(jobIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Files that nobody needs could not be removed, and are tried again. */
  onFault(cause: unknown): void;
}

/**
 * The files of jobs that are on their way to a cluster, as they were when the job was submitted: a branch that moves
 * on, or a repository that goes away, changes nothing for them. Files belong to a recorded job, or to a submission that
 * is about to record it; all others are removed.
 */
export class Staging {
  readonly #options: StagingOptions;
  readonly #directory: string;
  readonly #held: HeldFiles;
  readonly #lanes = new Lanes({ small: 4, large: 4, keptForOthers: 2 });
  /** One whose disk hangs keeps no other from being packed. */
  readonly #repositories = new Places({ ofOwner: 2, inAll: Number.POSITIVE_INFINITY });
  /** Jobs that are about to be recorded. */
  readonly #unrecorded = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | null = null;

  constructor(options: StagingOptions) {
    this.#options = options;
    this.#directory = options.directory;
    this.#held = new HeldFiles(options.directory);
  }

  /** Removes what an earlier run left behind, and from then on what this one does. */
  async start(): Promise<void> {
    await this.#makeDirectory();
    await this.#sweep();
    const again = () => void this.#sweep().catch((cause: unknown) => this.#options.onFault(cause));
    this.#timer = setInterval(again, SWEEP_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping?.catch(() => undefined);
  }

  /**
   * Packs files for a job, small ones beside large ones. Record the job, then dispose of the answer: that removes the
   * files unless the store has the job. Throws GitError, and then leaves nothing behind.
   */
  async pack(jobId: string, files: JobFiles): Promise<AsyncDisposable> {
    this.#unrecorded.add(jobId);
    const release = () => this.#release(jobId);
    try {
      const isLong = takeLong(files);
      await this.#repositories.run(files.directory, () =>
        this.#lanes.run(files.directory, isLong, () => this.#pack(jobId, files, isLong)),
      );
    } catch (cause) {
      await release();
      throw cause;
    }
    return { [Symbol.asyncDispose]: release };
  }

  async #pack(jobId: string, files: JobFiles, isLong: boolean): Promise<void> {
    await this.#makeDirectory();
    if ((await this.#held.bytes()) > MAX_STAGED_BYTES) await this.#sweep();
    const held = await this.#held.bytes();
    if (held > MAX_STAGED_BYTES) {
      throw new GitError(
        `the server holds ${inUnits(held)} of files that are on their way to clusters, and takes no more than ${inUnits(MAX_STAGED_BYTES)}: wait until some of them have been sent, or cancel jobs that wait for a cluster`,
      );
    }
    const part = `${this.#file(jobId)}${PART}`;
    await packFiles(files, part);
    if (isLong) await writeFile(this.#mark(jobId), '', { mode: 0o600 });
    await rename(part, this.#file(jobId));
    await this.#held.added(basename(this.#file(jobId)));
    await syncDirectory(this.#directory);
  }

  /** The job is recorded by now, or never will be. Never throws: what can't be removed now is removed by a sweep. */
  async #release(jobId: string): Promise<void> {
    this.#unrecorded.delete(jobId);
    try {
      await rm(`${this.#file(jobId)}${PART}`, { force: true });
      // The store is asked, not whoever wrote to it: the answer to a commit may have been lost.
      if (!(await this.#options.needFiles([jobId])).has(jobId)) await this.remove(jobId);
    } catch (cause) {
      this.#options.onFault(cause);
    }
  }

  /**
   * Whether a job's files are there: a database that was put back from a backup may know of more jobs. Throws where the disk
   * doesn't tell, as a job whose files are gone is given up for good; so it does where not even the directory is there,
   * which is made at the start.
   */
  async has(jobId: string): Promise<boolean> {
    try {
      await stat(this.#file(jobId));
      return true;
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
      await stat(this.#directory);
      return false;
    }
  }

  /** Opened once it is read: whoever asks for it may never come to that. */
  open(jobId: string): AsyncIterable<Buffer> {
    const file = this.#file(jobId);
    return (async function* () {
      yield* createReadStream(file, { highWaterMark: 256 * 1024 });
    })();
  }

  /** How much `open` reads; 0 where there is nothing. */
  async size(jobId: string): Promise<number> {
    return sizeOf(this.#file(jobId));
  }

  /** Whether they take long to unpack. Where the disk doesn't tell, they may: what is short doesn't wait for them then. */
  async takesLong(jobId: string): Promise<boolean> {
    if (isLarge(await this.size(jobId))) return true;
    return stat(this.#mark(jobId)).then(
      () => true,
      (cause: unknown) => !(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'),
    );
  }

  async remove(jobId: string): Promise<void> {
    await rm(this.#file(jobId), { force: true });
    this.#held.removed(basename(this.#file(jobId)));
    await rm(this.#mark(jobId), { force: true });
  }

  /** Removes all but the files of jobs that need them, and of those that are about to be recorded. */
  #sweep(): Promise<void> {
    const swept = () => this.#held.count();
    this.#sweeping ??= this.#removeUnneeded()
      .then(swept)
      .finally(() => {
        this.#sweeping = null;
      });
    return this.#sweeping;
  }

  async #removeUnneeded(): Promise<void> {
    const names = await readdir(this.#directory).catch(() => []);
    // No job's id is ever used again: one that is recorded by now is found, and one that begins now isn't among them.
    const unheld = names.filter((name) => !this.#unrecorded.has(jobIdOf(basename(name, PART))));
    const needed = await this.#options.needFiles(unheld.map(jobIdOf));
    for (const name of unheld) {
      if (needed.has(jobIdOf(name))) continue;
      const removal = rm(join(this.#directory, name), { recursive: true, force: true });
      await removal.then(
        () => this.#held.removed(name),
        (cause: unknown) => this.#options.onFault(cause),
      );
    }
  }

  async #makeDirectory(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
  }

  #file(jobId: string): string {
    return join(this.#directory, `${jobId}${PACKED}`);
  }

  #mark(jobId: string): string {
    return join(this.#directory, `${jobId}${LONG}`);
  }
}

/** The job that a packed file is named after. */
function jobIdOf(name: string): string {
  return basename(basename(name, PACKED), LONG);
}

/** So that a file of this name is there after a power cut, too: a job may be acknowledged that needs it. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
