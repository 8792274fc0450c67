// The store's second door, for the journal alone: whatever changes a job also records the event that tells of it.
export type { EventBounds } from './job-event-writer.ts';
export type { NewJob } from './job-writer.ts';
export { writesOf } from './store.ts';
export type { StoreWrites, Transaction } from './store-writes.ts';
