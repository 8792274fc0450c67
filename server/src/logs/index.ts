export { FileWatches } from './file-watch.ts';
export { type FollowRequest, followLog } from './follow-log.ts';
export { readLog } from './read-log.ts';
