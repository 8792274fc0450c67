export { readClustersFile } from './clusters-file.ts';
export { type AdministratorToken, administratorToken, prepareDataDirectory } from './data-directory.ts';
export { ConfigurationError, type Environment, readEnvironment } from './environment.ts';
