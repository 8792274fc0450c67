export { BoundedLog } from './bounded-log.ts';
export { createLogger, type Logger } from './logger.ts';
export { Metrics } from './metrics.ts';
export { logWarnings } from './warnings.ts';
