export { TestRepository } from './repository.ts';
export { TestServer, until } from './server.ts';
