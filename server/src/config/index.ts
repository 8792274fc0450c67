export { type AdministratorToken, administratorToken } from './administrator-token.ts';
export { type Arguments, ArgumentsError, chosenClusters, readArguments, USAGE } from './arguments.ts';
export { clustersFileOf, noCluster, readClustersFile } from './clusters-file.ts';
export { ClustersWatch, type ClustersWatchEvents } from './clusters-watch.ts';
export { prepareDataDirectory } from './data-directory.ts';
export { ConfigurationError, type Environment, readEnvironment, sshEnvironment } from './environment.ts';
