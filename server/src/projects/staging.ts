import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type JobFiles, packFiles, unpackedBytes } from './archive.ts';
import { GitError } from './git-error.ts';
import { KeyedPlaces, Lanes } from './lanes.ts';
import { inUnits, MAX_STAGED_BYTES } from './limits.ts';

/**
 * The files of jobs that are on their way to a cluster, as they were when the job was submitted: a branch that moves
 * on, or a repository that goes away, changes nothing for them.
 */
export class Staging {
  readonly #directory: string;
  readonly #lanes = new Lanes({ small: 4, large: 4 });
  /** One whose disk hangs keeps no other from being packed. */
  readonly #repositories = new KeyedPlaces(2);

  /** `directory` is the staging folder's own: whatever else is in it is swept away. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Packs files for a job, small ones beside large ones. Throws GitError, and then leaves nothing behind. */
  async pack(jobId: string, files: JobFiles): Promise<void> {
    return this.#repositories.run(files.directory, () =>
      this.#lanes.run(unpackedBytes(files), () => this.#pack(jobId, files)),
    );
  }

  async #pack(jobId: string, files: JobFiles): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const held = await this.#heldBytes();
    if (held > MAX_STAGED_BYTES) {
      throw new GitError(
        `the server holds ${inUnits(held)} of files that are on their way to clusters, and takes no more than ${inUnits(MAX_STAGED_BYTES)}: wait until some of them have been sent, or cancel jobs that wait for a cluster`,
      );
    }
    const part = `${this.#file(jobId)}.part`;
    try {
      await packFiles(files, part);
      await rename(part, this.#file(jobId));
      await syncFolder(this.#directory);
    } catch (cause) {
      await rm(part, { force: true });
      throw cause;
    }
  }

  /** Whether a job's files are there: a database that was put back from a backup may know of more jobs. */
  async has(jobId: string): Promise<boolean> {
    return (await stat(this.#file(jobId)).catch(() => null)) !== null;
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

  async remove(jobId: string): Promise<void> {
    await rm(this.#file(jobId), { force: true });
  }

  /** Removes what a crash left behind: all but the files of these jobs. */
  async sweep(keepJobIds: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.#directory).catch(() => []);
    for (const name of names) {
      if (!keepJobIds.has(name.replace(/\.tar\.gz$/, ''))) await rm(join(this.#directory, name), { force: true });
    }
  }

  async #heldBytes(): Promise<number> {
    const names = await readdir(this.#directory);
    const sizes = await Promise.all(names.map((name) => sizeOf(join(this.#directory, name))));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  #file(jobId: string): string {
    return join(this.#directory, `${jobId}.tar.gz`);
  }
}

/** So that a file of this name is there after a power cut, too: a job may be acknowledged that needs it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}
