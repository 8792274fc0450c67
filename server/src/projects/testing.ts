import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { readEnvironment } from '../config/index.ts';
import type { Store } from '../store/index.ts';
import { packFiles } from './archive.ts';
import { chooseFiles, type JobFiles, Staging, setGitEnvironment } from './index.ts';
import { onDisk } from './paths.ts';

const run = promisify(execFile);

/** Gives git what it gets of this process's environment, as a start of the server does. */
export function takeGitEnvironment(): void {
  setGitEnvironment(readEnvironment(process.env, { isInteractive: false, directory: tmpdir() }).gitVariables);
}

/** What a server with this store has packed. */
export function stagingFor(store: Pick<Store, 'jobs'>, directory: string): Staging {
  return new Staging({
    directory,
    needFiles: (jobIds) => store.jobs.submitting(jobIds),
    onFault: (cause) => {
      throw cause;
    },
  });
}

/** A real git repository in a folder of its own, and what a job would get of it. */
export class Repository implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;
  readonly #chosen = new DisposableStack();

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'repository');
  }

  static async create(...options: readonly string[]): Promise<Repository> {
    takeGitEnvironment();
    const repository = new Repository(await mkdtemp(join(tmpdir(), 'slurmql-files-')));
    await mkdir(repository.path);
    await repository.git('init', '--quiet', '--initial-branch=main', ...options);
    return repository;
  }

  async git(...args: readonly string[]): Promise<string> {
    return this.gitIn('.', ...args);
  }

  async gitIn(folder: string, ...args: readonly string[]): Promise<string> {
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'protocol.file.allow=always'];
    return (await run('git', [...identity, ...args], { cwd: join(this.path, folder) })).stdout.trim();
  }

  /** Names are bytes, one character each. */
  async write(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(onDisk(this.path, dirname(name)), { recursive: true });
      await writeFile(onDisk(this.path, name), content);
    }
  }

  async makeExecutable(name: string): Promise<void> {
    await chmod(join(this.path, name), 0o755);
  }

  async commit(folder = '.'): Promise<string> {
    await this.gitIn(folder, 'add', '--all');
    await this.gitIn(folder, 'commit', '--quiet', '--allow-empty', '--message', 'A commit');
    return this.gitIn(folder, 'rev-parse', 'HEAD');
  }

  /** What a job gets: the commit that is checked out, or the work tree. */
  async choose(includeUncommitted: boolean): Promise<JobFiles> {
    takeGitEnvironment();
    return this.#chosen.use(await chooseFiles(this.path, await this.git('rev-parse', 'HEAD'), includeUncommitted));
  }

  /** What these are after the tar of this machine has unpacked them: content by name, with its kind before it. */
  async unpacked(files: JobFiles): Promise<Record<string, string>> {
    const archive = join(this.#folder, 'archive.tar.gz');
    const target = join(this.#folder, 'unpacked');
    await rm(target, { recursive: true, force: true });
    await mkdir(target);
    await packFiles(files, archive);
    await run('tar', ['-xzf', archive, '-C', target]);
    return contents(target);
  }

  /** What a job gets of the commit. */
  async committed(): Promise<Record<string, string>> {
    return this.unpacked(await this.choose(false));
  }

  /** What a job gets of the work tree. */
  async withUncommitted(): Promise<Record<string, string>> {
    return this.unpacked(await this.choose(true));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#chosen.dispose();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function contents(directory: string, below = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const entries = await readdir(onDisk(directory, below), { encoding: 'buffer' });
  for (const bytes of entries) {
    const name = below === '' ? bytes.toString('latin1') : `${below}/${bytes.toString('latin1')}`;
    const path = onDisk(directory, name);
    const status = await lstat(path);
    if (status.isDirectory()) {
      const inside = await contents(directory, name);
      Object.assign(found, Object.keys(inside).length === 0 ? { [`${name}/`]: '' } : inside);
    } else if (status.isSymbolicLink()) {
      found[name] = `-> ${(await readlink(path, { encoding: 'buffer' })).toString('latin1')}`;
    } else found[name] = `${(status.mode & 0o100) === 0 ? '' : '* '}${(await readFile(path)).toString('latin1')}`;
  }
  return found;
}
