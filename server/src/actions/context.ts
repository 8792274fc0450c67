import type { Clusters } from '../clusters/index.ts';
import type { Journal } from '../events/index.ts';
import type { ProjectWatch, Staging } from '../projects/index.ts';
import type { ClientStore, StoreReads } from '../store/index.ts';

/** What a write works on. */
export interface ActionContext {
  /** The store, read for the actor. */
  readonly reads: StoreReads;
  readonly store: Pick<ClientStore, 'projects'>;
  readonly journal: Journal;
  readonly clusters: Clusters;
  readonly staging: Staging;
  readonly repositories: Pick<ProjectWatch, 'follow' | 'forget'>;
}
