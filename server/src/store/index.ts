export type { StateCount } from './array-reader.ts';
export { batches } from './batches.ts';
export type { KnownCluster } from './clusters.ts';
export { DatabaseError } from './database-error.ts';
export type { JobReader } from './job-reader.ts';
export { CursorError, type KeysetPage, type PageRequest } from './keyset.ts';
export type { ProjectFields } from './projects.ts';
export { holdLock } from './sqlite/index.ts';
export { Store } from './store.ts';
