import type { Clusters } from '../clusters/index.ts';
import type { Journal } from '../events/index.ts';
import type { Staging } from '../projects/index.ts';
import type { Store } from '../store/index.ts';

/** What a write works on. */
export interface ActionContext {
  readonly store: Store;
  readonly journal: Journal;
  readonly clusters: Clusters;
  readonly staging: Staging;
}
