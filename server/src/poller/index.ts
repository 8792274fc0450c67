export { Poller, type PollerOptions } from './poller.ts';
