import type { Clusters } from '../clusters/index.ts';
import type { Journal } from '../events/index.ts';
import type { FileWatches } from '../logs/index.ts';
import type { StoreReads } from '../store/index.ts';

/** The parts of the server that feeds read, for somebody. */
export interface FeedSources {
  /** The store, read in the turns of `account`. */
  readonly reads: StoreReads;
  readonly journal: Journal;
  readonly clusters: Clusters;
  readonly watches: FileWatches;
  /** Whose turns its values take. Asked each time: those who share a feed come and go. */
  account(): string;
}
