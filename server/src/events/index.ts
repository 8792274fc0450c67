export { JobMetrics } from './job-metrics.ts';
export { type Followed, type Follower, Journal } from './journal.ts';
export { EventRetention } from './retention.ts';
export type { JournalWriter, Remark } from './transaction.ts';
export { WakeUp } from './wake-up.ts';
