import type { Clusters } from '../clusters/index.ts';
import type { Journal } from '../events/index.ts';
import type { FileWatches } from '../logs/index.ts';
import type { Store } from '../store/index.ts';

/** The parts of the server that feeds read. */
export interface FeedSources {
  readonly store: Store;
  readonly journal: Journal;
  readonly clusters: Clusters;
  readonly watches: FileWatches;
}
