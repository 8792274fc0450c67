import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const IDENTITY = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];

/** A real git repository in a directory of its own. */
export class TestRepository implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** With one commit on branch `main` that holds these files. */
  static async create(files: Readonly<Record<string, string>>): Promise<TestRepository> {
    const repository = new TestRepository(await mkdtemp(join(tmpdir(), 'slurmql-repository-')));
    await repository.git('init', '--quiet', '--initial-branch=main');
    await repository.write(files);
    await repository.commit('First commit');
    return repository;
  }

  async git(...args: readonly string[]): Promise<string> {
    return (await run('git', [...IDENTITY, ...args], { cwd: this.path })).stdout.trim();
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.path, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }

  /** Commits everything; gives the commit's id. */
  async commit(subject: string): Promise<string> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message', subject);
    return this.git('rev-parse', 'HEAD');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
