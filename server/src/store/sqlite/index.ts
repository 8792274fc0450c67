export {
  BY_ID,
  holdsEntry,
  holdsWord,
  IS_EARLY,
  isAmong,
  isListed,
  jobsBy,
  MOST_EARLY_MS,
  ROW,
} from './expressions.ts';
export { holdLock } from './lock.ts';
export { openDatabase } from './open.ts';
export { blocksBetween, countInBlock, indexWords, jobsInBlocks } from './word-index.ts';
export { isIndexed } from './word-tokens.ts';
export { insertEventRun, insertRows, updateEachJob, updateJobsAlike, type Values } from './write-rows.ts';
