export { ListenError } from './listen.ts';
export { HttpServer } from './server.ts';
