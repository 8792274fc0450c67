export { GitError, readCommit, readRepository, repositoryTopLevel } from './git.ts';
export { Staging } from './staging.ts';
