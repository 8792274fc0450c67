export { GitError, gitVersion, readCommit, readRepository, repositoryTopLevel } from './git.ts';
export { Staging } from './staging.ts';
