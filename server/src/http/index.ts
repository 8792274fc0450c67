export { type HttpOptions, HttpServer, ListenError } from './server.ts';
