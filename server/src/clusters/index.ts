export type { LoginPrompt } from '../ssh/index.ts';
export { type AskPerson, checkSteps } from './check.ts';
export { Cluster, isUnanswered } from './cluster.ts';
export { observeClusters } from './cluster-metrics.ts';
export { Clusters } from './clusters.ts';
export type { PreviewAsker } from './jobs.ts';
export { type ClusterView, clusterOfJob, isStale, viewOf } from './view.ts';
