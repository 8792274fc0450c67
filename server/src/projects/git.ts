import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { GitBranch, GitCommit, GitSnapshot } from '../domain/project.ts';

const METADATA_TIMEOUT_MS = 30_000;
const ARCHIVE_TIMEOUT_MS = 10 * 60_000;
const MAX_BRANCHES = 1000;
/** Compressed. Data sets belong on the cluster, not into a repository that is sent with each job. */
const MAX_ARCHIVE_BYTES = 1024 ** 3;

/** git said no, didn't answer in time, or isn't there. The message is git's own, as one line. */
export class GitError extends Error {
  override readonly name = 'GitError';
}

const run = promisify(execFile);

type Variables = Readonly<Record<string, string>>;

/** git asks nobody anything, takes no locks of its own accord, and speaks English. */
const VARIABLES: Variables = { GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
/** A repository's own configuration can name programs; these are the ones that the commands below would start. */
const SAFE = ['-c', 'core.fsmonitor=false', '-c', 'core.pager=cat', '-c', 'gc.auto=0'];

/** Arguments of `env`, which adds variables to those that the process was started with. */
function gitArguments(args: readonly string[], extra: Variables): string[] {
  const variables = Object.entries({ ...VARIABLES, ...extra }).map(([name, value]) => `${name}=${value}`);
  return [...variables, 'git', ...SAFE, ...args];
}

async function git(directory: string, args: readonly string[], extra: Variables = {}): Promise<string> {
  try {
    const { stdout } = await run('env', gitArguments(args, extra), {
      cwd: directory,
      timeout: METADATA_TIMEOUT_MS,
      maxBuffer: 32 * 1024 * 1024,
    });
    return stdout;
  } catch (cause) {
    throw new GitError(gitMessage(cause), { cause });
  }
}

/** The version of git on this machine. Throws GitError. */
export async function gitVersion(): Promise<string> {
  return (await git('/', ['--version'])).replace(/^git version /, '').trim();
}

/** The top level of the work tree that holds `path`. Throws GitError when there is none. */
export async function repositoryTopLevel(path: string): Promise<string> {
  return (await git(path, ['rev-parse', '--show-toplevel'])).trimEnd();
}

/** What git says of the repository now. Throws GitError. */
export async function readRepository(path: string): Promise<GitSnapshot> {
  const [remoteUrl, branch, headCommit, status, branches] = await Promise.all([
    git(path, ['config', '--get', 'remote.origin.url']).catch(() => ''),
    // Fails when HEAD is detached.
    git(path, ['symbolic-ref', '--quiet', '--short', 'HEAD']).catch(() => ''),
    readCommit(path, 'HEAD'),
    git(path, ['status', '--porcelain=v1', '-z', '--untracked-files=normal']),
    readBranches(path),
  ]);
  return {
    remoteUrl: withoutPassword(remoteUrl.trim()) || null,
    branch: branch.trim() || null,
    headCommit,
    isDirty: status !== '',
    branches,
  };
}

async function readBranches(path: string): Promise<readonly GitBranch[]> {
  const format = '%(objectname) %(refname:lstrip=2)';
  const text = await git(path, [
    'for-each-ref',
    `--count=${MAX_BRANCHES}`,
    '--sort=-committerdate',
    `--format=${format}`,
    'refs/heads',
  ]);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ sha: line.slice(0, line.indexOf(' ')), name: line.slice(line.indexOf(' ') + 1) }));
}

/** The commit that a branch, tag or id stands for; null when it stands for none. */
export async function readCommit(path: string, ref: string): Promise<GitCommit | null> {
  const sha = await git(path, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]).catch(
    () => '',
  );
  if (sha === '') return null;
  const text = await git(path, [
    'show',
    '--no-patch',
    '--no-show-signature',
    '--format=%H%x00%an%x00%ct%x00%s',
    sha.trim(),
  ]);
  const [id = '', author = '', seconds = '', subject = ''] = text.trimEnd().split('\0');
  return { sha: id, author, subject, committedAt: new Date(Number(seconds) * 1000) };
}

/**
 * Writes a commit's files as a gzipped tar to `target`; with `includeUncommitted`, the work tree's own state of them
 * and its new files that git doesn't ignore. Nothing of the repository changes: new objects go to a temporary folder.
 */
export async function archiveCommit(
  path: string,
  sha: string,
  includeUncommitted: boolean,
  target: string,
): Promise<void> {
  if (!includeUncommitted) return archiveTree(path, sha, target, {});
  const scratch = await mkdtemp(join(tmpdir(), 'slurmql-tree-'));
  try {
    const objects = (await git(path, ['rev-parse', '--path-format=absolute', '--git-path', 'objects'])).trimEnd();
    const extra = {
      GIT_INDEX_FILE: join(scratch, 'index'),
      GIT_OBJECT_DIRECTORY: scratch,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
    };
    await git(path, ['read-tree', sha], extra);
    await git(path, ['add', '--all', '--', ':/'], extra);
    const tree = (await git(path, ['write-tree'], extra)).trim();
    await archiveTree(path, tree, target, extra);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function archiveTree(path: string, tree: string, target: string, extra: Variables): Promise<void> {
  const child = spawn('env', gitArguments(['archive', '--format=tar.gz', '-3', tree], extra), {
    cwd: path,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: ARCHIVE_TIMEOUT_MS,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4096);
  });
  let size = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      size += chunk.length;
      callback(size > MAX_ARCHIVE_BYTES ? new GitError('the files are larger than 1 GiB when packed') : null, chunk);
    },
  });
  const ended = exitCode(child);
  try {
    await pipeline(child.stdout, bounded, createWriteStream(target, { mode: 0o600 }));
  } catch (cause) {
    child.kill();
    throw cause instanceof GitError ? cause : new GitError(`the files can't be packed: ${String(cause)}`, { cause });
  }
  if ((await ended) !== 0) throw new GitError(`the files can't be packed: ${oneLine(stderr)}`);
}

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', (code) => resolve(code));
  });
}

/** A remote's address without the password or token that some people put into it. */
export function withoutPassword(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, (whole, scheme: string) =>
    /^ssh:/i.test(scheme) ? whole.replace(/:[^/@]*@/, '@') : scheme,
  );
}

function gitMessage(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if ('code' in cause && cause.code === 'ENOENT') return 'there is no such folder';
  if ('code' in cause && cause.code === 127) return 'git is not installed';
  if ('killed' in cause && cause.killed === true) return 'git did not answer in time';
  return 'stderr' in cause && typeof cause.stderr === 'string' ? oneLine(cause.stderr) : cause.message;
}

function oneLine(stderr: string): string {
  return stderr
    .split('\n')
    .map((line) => line.replace(/^(?:fatal|error): /, '').trim())
    .filter(Boolean)
    .join('; ');
}
