import { done, type Outcome, refuse } from '../domain/refusal.ts';
import { chooseFiles, GitError, type JobFiles, readCommit, ServerBusy } from '../projects/index.ts';
import type { LaunchJob } from './launch-request.ts';

/** What a job runs: the commit that `gitRef` stands for (null: the one that is checked out), and the files to send. */
export async function chooseSource(
  path: string,
  { gitRef, includeUncommitted }: Pick<LaunchJob, 'gitRef' | 'includeUncommitted'>,
): Promise<Outcome<JobFiles>> {
  let sha: string;
  try {
    const commit = await readCommit(path, gitRef ?? 'HEAD');
    if (commit === null && gitRef === null) {
      return refuse('UNKNOWN_REF', 'gitRef', `${path} has no commit yet: commit something first`);
    }
    if (commit === null) {
      return refuse('UNKNOWN_REF', 'gitRef', `${JSON.stringify(gitRef)} is not a branch, tag or commit of ${path}`);
    }
    if (includeUncommitted && (await readCommit(path, 'HEAD'))?.sha !== commit.sha) {
      return refuse(
        'INVALID_INPUT',
        'includeUncommitted',
        'Uncommitted changes belong to the commit that is checked out: omit gitRef, or name that commit',
      );
    }
    sha = commit.sha;
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    const message = `${path} can't be read: ${cause.message}`;
    if (cause instanceof ServerBusy) return refuse('RATE_LIMITED', null, message);
    return refuse('NOT_A_GIT_REPOSITORY', 'projectId', message);
  }
  try {
    return done(await chooseFiles(path, sha, includeUncommitted));
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    return cantBeSent(path, includeUncommitted, cause);
  }
}

/** The repository is one, but its files are too much, can't be read, or change while they are. */
export function cantBeSent(path: string, includeUncommitted: boolean, cause: GitError): Outcome<never> {
  const message = `The files of ${path} can't be sent: ${cause.message}`;
  if (cause instanceof ServerBusy) return refuse('RATE_LIMITED', null, message);
  const field = includeUncommitted ? 'includeUncommitted' : 'projectId';
  return refuse('INVALID_INPUT', field, message);
}
