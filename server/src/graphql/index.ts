export { createContext, type GraphQLContext, type Services } from './context.ts';
export { type LogAddress, logAddress, openLog } from './job/log-file.ts';
export { checkLimits, LIMITS } from './limits.ts';
export { schema } from './schema.ts';
