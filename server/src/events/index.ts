export { JobMetrics } from './job-metrics.ts';
export { type Followed, type JobChange, Journal, type JournalWriter } from './journal.ts';
export { EventRetention } from './retention.ts';
export { WakeUp } from './wake-up.ts';
