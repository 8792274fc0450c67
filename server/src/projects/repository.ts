import {
  type GitBranch,
  type GitCommit,
  type GitSnapshot,
  MOST_UNCOMMITTED,
  type ProjectFault,
} from '../domain/project.ts';
import { bounded, linesOf, ownText } from '../domain/text.ts';
import { describeCommit } from './commit-tree.ts';
import { disks } from './disk-access.ts';
import { git, gitIfAny } from './git.ts';
import type { GitError } from './git-error.ts';
import { NO_REPOSITORY } from './git-places.ts';
import { type BytePath, readable } from './paths.ts';
import { publicAddress, withPublicAddresses } from './remote-address.ts';
import { uncommittedIn } from './uncommitted.ts';
import { type WatchedPlaces, watchedPlaces } from './watched-places.ts';

/** Of branches, and of tags. */
const MAX_REFS = 1000;
/** Of one name, and of all together, in characters: they are kept with the project. */
const MAX_REF_NAME = 1000;
const MAX_REF_NAMES = 200_000;
/** In characters: of what a commit says of itself. */
const MAX_LINE = 1000;

/** The version of git on this machine. Throws GitError. */
export async function gitVersion(): Promise<string> {
  return (await git(NO_REPOSITORY, ['--version'])).replace(/^git version /, '').trim();
}

/** The top level of the work tree that holds `path`. Throws GitError when there is none. */
export async function repositoryTopLevel(path: string): Promise<string> {
  // One repository has many paths until git has told which is its own: those that people write have their turns together.
  return (await git(path, ['rev-parse', '--show-toplevel'], NO_REPOSITORY)).slice(0, -1);
}

export interface RepositoryState extends WatchedPlaces {
  readonly snapshot: GitSnapshot;
}

/** What git says of the repository now. Throws GitError. */
export async function readRepository(path: string): Promise<GitSnapshot> {
  return (await readState(path)).snapshot;
}

/** The same, with where a change to it would show. Throws GitError, and what the signal does. */
export async function lookAtRepository(path: string, signal: AbortSignal): Promise<RepositoryState> {
  const { snapshot, directories } = await readState(path, signal);
  return { snapshot, ...(await watchedPlaces(path, directories)) };
}

async function readState(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly snapshot: GitSnapshot; readonly directories: ReadonlySet<BytePath> }> {
  // Before the others: where git can't read the repository, it is asked once.
  const branches = await readRefs(path, 'heads');
  const [tags, remoteUrl, branch, headCommit] = await Promise.all([
    readRefs(path, 'tags'),
    gitIfAny(path, ['config', '--get', 'remote.origin.url']),
    // Nothing when HEAD is detached.
    gitIfAny(path, ['symbolic-ref', '--quiet', '--short', 'HEAD']),
    readCommit(path, 'HEAD'),
  ]);
  const { isDirty, files, directories } = await uncommittedIn(path, headCommit?.sha ?? null, signal);
  const uncommittedFiles = files.slice(0, MOST_UNCOMMITTED).map((file) => ({ ...file, path: readable(file.path) }));
  return {
    snapshot: {
      remoteUrl: publicAddress(remoteUrl.trim()),
      branch: bounded(branch.trim(), MAX_REF_NAME) || null,
      ...{ headCommit, isDirty, branches, tags, uncommittedFiles },
    },
    directories,
  };
}

/** What it means for a project that its repository can't be read. */
export async function faultOf(path: string, cause: GitError): Promise<ProjectFault> {
  const isThere = await disks.ask(path, 'modifiedNs', path).catch(() => true);
  const shown = withPublicAddresses(path);
  if (isThere !== null) return { status: 'UNREADABLE', message: `${shown} can't be read: ${cause.message}` };
  return {
    status: 'MISSING',
    message: `Nothing is at ${shown}: move the repository back, or give the project its new path`,
  };
}

/**
 * Those with the newest commits, or the newest tags, each with its commit; without names that nobody can have given: half of
 * one would name none. A tag may stand for what is no commit, too.
 */
async function readRefs(path: string, kind: 'heads' | 'tags'): Promise<readonly GitBranch[]> {
  const commit = '%(if)%(*objectname)%(then)%(*objectname) %(*objecttype)%(else)%(objectname) %(objecttype)%(end)';
  const text = await git(path, [
    'for-each-ref',
    `--count=${MAX_REFS}`,
    '--sort=-creatordate',
    `--format=${commit} %(refname:lstrip=2)`,
    `refs/${kind}`,
  ]);
  const refs: GitBranch[] = [];
  let length = 0;
  for (const line of linesOf(text)) {
    const [, sha = '', name = ''] = /^([0-9a-f]+) commit (.*)$/.exec(line) ?? [];
    if (name === '' || name.length > MAX_REF_NAME) continue;
    length += name.length;
    if (length > MAX_REF_NAMES) break;
    // Of a large answer, a name is not to keep all of it.
    refs.push({ sha: ownText(sha), name: ownText(name) });
  }
  return refs;
}

/**
 * A search in the messages of all commits, by a regular expression, which may take any time and memory (gitrevisions(7)): of
 * what else begins with a colon, nothing is a commit. A caret before it leaves a commit out, and stands for none. Names of
 * branches and tags hold neither.
 */
const IS_NO_COMMIT = /^[:^]|\^\{\//;
/** Of SHA-1 or SHA-256, as git prints it. */
const IS_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The commit that a branch, tag or id stands for; null when it stands for none. Throws GitError. */
export async function readCommit(path: string, ref: string): Promise<GitCommit | null> {
  if (IS_NO_COMMIT.test(ref)) return null;
  const said = await gitIfAny(path, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]);
  const sha = said.trim();
  if (!IS_ID.test(sha)) return null;
  const text = await describeCommit(path, sha, '%H%x00%an%x00%ct%x00%s');
  const [id = '', author = '', seconds = '', subject = ''] = text.split('\0');
  const short = (line: string) => bounded(line, MAX_LINE);
  return { sha: id, author: short(author), subject: short(subject), committedAt: dateOf(seconds) };
}

/** A commit can be made with any number as its time; the last that can be written is the end of the year 9999. */
function dateOf(seconds: string): Date {
  return new Date(Math.min(Math.max(0, Number(seconds) || 0), 253_402_300_799) * 1000);
}
