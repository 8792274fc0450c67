export { findAbsence } from './absence.ts';
export { FileWatches } from './file-watch.ts';
export { type FollowRequest, followLog } from './follow-log.ts';
export {
  type LogFile,
  type LogRefusal,
  logRefusal,
  openLog,
  type ReadingOptions,
} from './log-file.ts';
export { MOST_LAST_LINES, readLog } from './read-log.ts';
export { isSearchPatternFault, type LogMatch, type LogSearchResult, patternFault, searchLog } from './search-log.ts';
