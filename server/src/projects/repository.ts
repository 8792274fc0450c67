import type { GitBranch, GitCommit, GitSnapshot } from '../domain/project.ts';
import { bounded, linesOf, ownText } from '../domain/text.ts';
import { describeCommit } from './commit-tree.ts';
import { git, gitIfAny } from './git.ts';
import { NO_REPOSITORY } from './git-places.ts';
import { publicAddress } from './remote-address.ts';
import { isDirty } from './work-tree.ts';

const MAX_BRANCHES = 1000;
/** Of one branch's name, and of all together, in characters: they are kept with the project. */
const MAX_BRANCH_NAME = 1000;
const MAX_BRANCH_NAMES = 200_000;
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

/** What git says of the repository now. Throws GitError. */
export async function readRepository(path: string): Promise<GitSnapshot> {
  // Before the others: where git can't read the repository, it is asked once.
  const branches = await readBranches(path);
  const [remoteUrl, branch, headCommit] = await Promise.all([
    gitIfAny(path, ['config', '--get', 'remote.origin.url']),
    // Nothing when HEAD is detached.
    gitIfAny(path, ['symbolic-ref', '--quiet', '--short', 'HEAD']),
    readCommit(path, 'HEAD'),
  ]);
  return {
    remoteUrl: publicAddress(remoteUrl.trim()),
    branch: bounded(branch.trim(), MAX_BRANCH_NAME) || null,
    headCommit,
    isDirty: await isDirty(path, headCommit?.sha ?? null),
    branches,
  };
}

/** Those with the newest commits, without names that nobody can have given: half of one would name none. */
async function readBranches(path: string): Promise<readonly GitBranch[]> {
  const format = '%(objectname) %(refname:lstrip=2)';
  const text = await git(path, [
    'for-each-ref',
    `--count=${MAX_BRANCHES}`,
    '--sort=-committerdate',
    `--format=${format}`,
    'refs/heads',
  ]);
  const branches: GitBranch[] = [];
  let length = 0;
  for (const line of linesOf(text)) {
    const separator = line.indexOf(' ');
    // Of a large answer, a name is not to keep all of it.
    const [sha, name] = [ownText(line.slice(0, separator)), ownText(line.slice(separator + 1))];
    if (name === '' || name.length > MAX_BRANCH_NAME) continue;
    length += name.length;
    if (length > MAX_BRANCH_NAMES) break;
    branches.push({ sha, name });
  }
  return branches;
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
