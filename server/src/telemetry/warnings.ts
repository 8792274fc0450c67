import { BoundedLog } from './bounded-log.ts';
import type { Logger } from './logger.ts';

const LINES_A_MINUTE = 10;

/** Node's own warnings, such as of a leak, go into the log instead of past it. Until it is disposed of. */
export function logWarnings(log: Logger): Disposable {
  const bounded = new BoundedLog(log, LINES_A_MINUTE);
  const usual = process.listeners('warning');
  const write = (warning: Error) => bounded.warn({ err: warning }, 'Node warns');
  process.removeAllListeners('warning');
  process.on('warning', write);
  return {
    [Symbol.dispose]: () => {
      process.off('warning', write);
      for (const listener of usual) process.on('warning', listener);
    },
  };
}
