export { TestRepository } from './repository.ts';
export { ServerProcess, TestServer, until } from './server.ts';
