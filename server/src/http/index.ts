export { ListenError } from './listen.ts';
export { type HttpOptions, HttpServer } from './server.ts';
