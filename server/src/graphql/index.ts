export { createContext, type GraphQLContext, type Services } from './context.ts';
export { checkLimits, LIMITS } from './limits.ts';
export { schema } from './schema.ts';
