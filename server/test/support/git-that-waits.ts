import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Takes the place of git for the servers that are started here: it can be made to wait before it reads files. */
export class GitThatWaits implements AsyncDisposable {
  readonly #folder: string;
  readonly #path = process.env['PATH'];

  private constructor(folder: string) {
    this.#folder = folder;
    process.env['PATH'] = `${folder}:${this.#path}`;
  }

  static async install(): Promise<GitThatWaits> {
    const folder = await mkdtemp(join(tmpdir(), 'slurmql-git-'));
    const real = execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    const waits = `*cat-file*) while [ -e '${folder}/wait' ]; do sleep 0.1; done ;;`;
    await writeFile(join(folder, 'git'), `#!/bin/bash\ncase "$*" in ${waits} esac\nexec ${real} "$@"\n`, {
      mode: 0o755,
    });
    return new GitThatWaits(folder);
  }

  async wait(): Promise<void> {
    await writeFile(join(this.#folder, 'wait'), '');
  }

  async goOn(): Promise<void> {
    await rm(join(this.#folder, 'wait'), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.env['PATH'] = this.#path;
    await rm(this.#folder, { recursive: true });
  }
}
