export { type CheckRequest, checkClusters } from './check-clusters.ts';
export type { Terminal } from './terminal.ts';
