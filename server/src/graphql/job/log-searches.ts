import { Shares } from '../shares.ts';

export const MOST_LOG_SEARCHES = 100;
/** On a cluster, 17 run or wait at most (`ssh/session/remote-files.ts`): so few that one account leaves room there. */
export const MOST_LOG_SEARCHES_OF_ACCOUNT = 8;

/** Searches in logs that run or wait. */
export class LogSearches extends Shares {
  constructor() {
    super({ inAll: MOST_LOG_SEARCHES, ofAccount: MOST_LOG_SEARCHES_OF_ACCOUNT }, 'searches in logs');
  }
}
