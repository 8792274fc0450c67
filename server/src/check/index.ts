export { checkClusters } from './check-clusters.ts';
