export { clusterStatusFeed } from './cluster-status.ts';
export type { Feed, FeedEntry } from './feed.ts';
export { jobEventsFeed, type ToldEvent } from './job-events.ts';
export { jobStatusFeed } from './job-status.ts';
export { logTail } from './log-tail.ts';
export type { FeedSources } from './sources.ts';
