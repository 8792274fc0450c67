export { chooseFiles, type JobFiles, leftOut } from './archive.ts';
export { endChildren } from './children.ts';
export { keepDataApart } from './disk-access.ts';
export { GitError, ServerBusy } from './git-error.ts';
export { setGitEnvironment } from './git-launch.ts';
export { isLarge, Lanes } from './lanes.ts';
export { withPublicAddresses } from './remote-address.ts';
export { gitVersion, readCommit, readRepository, repositoryTopLevel } from './repository.ts';
export { Staging } from './staging.ts';
