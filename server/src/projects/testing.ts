import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
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

/** A real git repository in a directory of its own, and what a job would get of it. */
export class Repository implements AsyncDisposable {
  readonly path: string;
  readonly #directory: string;
  readonly #chosen = new DisposableStack();

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'repository');
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

  async gitIn(directory: string, ...args: readonly string[]): Promise<string> {
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'protocol.file.allow=always'];
    return (await run('git', [...identity, ...args], { cwd: join(this.path, directory) })).stdout.trim();
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

  async commit(directory = '.'): Promise<string> {
    await this.gitIn(directory, 'add', '--all');
    await this.gitIn(directory, 'commit', '--quiet', '--allow-empty', '--message', 'A commit');
    return this.gitIn(directory, 'rev-parse', 'HEAD');
  }

  /** Makes git's index name files of this content, by whatever path: git itself refuses some. Gives none its place on disk. */
  async forgeIndex(paths: readonly string[], { directory = '.', content = 'x' } = {}): Promise<void> {
    await this.write({ '.git/forged': content });
    const id = Buffer.from(await this.gitIn(directory, 'hash-object', '-w', join(this.path, '.git/forged')), 'hex');
    const file = await this.gitIn(directory, 'rev-parse', '--absolute-git-dir');
    await writeFile(join(file, 'index'), indexBytes(paths, id));
  }

  /** Checks out a commit of one file by whatever path. Its kind is that of its mode. */
  async forgeCommit(path: string, { mode = '100644', content = 'x' } = {}): Promise<void> {
    await this.write({ '.git/forged': content });
    let entry = { mode, id: await this.git('hash-object', '-w', '.git/forged') };
    for (const name of path.split('/').reverse()) {
      const bytes = [Buffer.from(`${entry.mode} ${name}\0`, 'latin1'), Buffer.from(entry.id, 'hex')];
      await this.write({ '.git/forged': Buffer.concat(bytes) });
      entry = { mode: '40000', id: await this.git('hash-object', '-w', '-t', 'tree', '--literally', '.git/forged') };
    }
    await this.git('update-ref', 'HEAD', await this.git('commit-tree', '-m', 'Forged', entry.id));
  }

  /** What a job gets: the commit that is checked out, or the work tree. */
  async choose(includeUncommitted: boolean): Promise<JobFiles> {
    takeGitEnvironment();
    return this.#chosen.use(await chooseFiles(this.path, await this.git('rev-parse', 'HEAD'), includeUncommitted));
  }

  /** What these are after the tar of this machine has unpacked them: content by name, with its kind before it. */
  async unpacked(files: JobFiles): Promise<Record<string, string>> {
    const archive = join(this.#directory, 'archive.tar.gz');
    const target = join(this.#directory, 'unpacked');
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
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** See "index format" in git's manual (gitformat-index), version 2. */
function indexBytes(paths: readonly string[], objectId: Buffer): Buffer {
  const sorted = paths.map((path) => Buffer.from(path, 'latin1')).sort(Buffer.compare);
  const entries = sorted.map((path) => {
    const entry = Buffer.alloc(Math.ceil((62 + path.length + 1) / 8) * 8);
    entry.writeUInt32BE(0o100644, 24);
    objectId.copy(entry, 40);
    entry.writeUInt16BE(Math.min(path.length, 0xfff), 60);
    path.copy(entry, 62);
    return entry;
  });
  const header = Buffer.from('DIRC\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(entries.length, 8);
  const bytes = Buffer.concat([header, ...entries]);
  return Buffer.concat([bytes, createHash('sha1').update(bytes).digest()]);
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

/** For actions whose repositories nobody watches. */
export const UNWATCHED = { follow: () => undefined, forget: () => undefined };
