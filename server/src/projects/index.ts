export { chooseFiles, type JobFiles, leftOut } from './archive.ts';
export { endChildren } from './children.ts';
export { GitError, setGitEnvironment } from './git.ts';
export { Lanes } from './lanes.ts';
export { TooMuchListed } from './listing.ts';
export { withPublicAddresses } from './remote-address.ts';
export { gitVersion, readCommit, readRepository, repositoryTopLevel } from './repository.ts';
export { Staging } from './staging.ts';
