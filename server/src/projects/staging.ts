import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type JobFiles, packFiles } from './archive.ts';

/**
 * The files of jobs that are on their way to a cluster, as they were when the job was submitted: a branch that moves
 * on, or a repository that goes away, changes nothing for them.
 */
export class Staging {
  readonly #directory: string;

  /** `directory` is the staging folder's own: whatever else is in it is swept away. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Packs files for a job. Throws GitError, and then leaves nothing behind. */
  async pack(jobId: string, files: JobFiles): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const part = `${this.#file(jobId)}.part`;
    try {
      await packFiles(files, part);
      await rename(part, this.#file(jobId));
    } catch (cause) {
      await rm(part, { force: true });
      throw cause;
    }
  }

  open(jobId: string): AsyncIterable<Buffer> {
    return createReadStream(this.#file(jobId), { highWaterMark: 256 * 1024 });
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

  #file(jobId: string): string {
    return join(this.#directory, `${jobId}.tar.gz`);
  }
}
