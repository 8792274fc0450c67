export { observed } from './observe.ts';
export { Poller, type PollerOptions } from './poller.ts';
