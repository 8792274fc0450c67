import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Takes the place of git for the servers that are started here: it can be made to wait before it reads files. */
export class GitThatWaits implements AsyncDisposable {
  readonly #directory: string;
  readonly #path = process.env['PATH'];

  private constructor(directory: string) {
    this.#directory = directory;
    process.env['PATH'] = `${directory}:${this.#path}`;
  }

  static async install(): Promise<GitThatWaits> {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-git-'));
    const real = execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    const waits = `*cat-file*) while [ -e '${directory}/wait' ]; do sleep 0.1; done ;;`;
    await writeFile(join(directory, 'git'), `#!/bin/bash\ncase "$*" in ${waits} esac\nexec ${real} "$@"\n`, {
      mode: 0o755,
    });
    return new GitThatWaits(directory);
  }

  async wait(): Promise<void> {
    await writeFile(join(this.#directory, 'wait'), '');
  }

  async goOn(): Promise<void> {
    await rm(join(this.#directory, 'wait'), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.env['PATH'] = this.#path;
    await rm(this.#directory, { recursive: true });
  }
}
