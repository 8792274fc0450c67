export { createContext, type GraphQLContext, type Services } from './context.ts';
export { ERROR_CODES, type ErrorCode, requestFault, withCode, withCodeAlone } from './error-codes.ts';
export { type LogAddress, logAddress, openLog } from './job/log-file.ts';
export { checkOperation, LIMITS } from './limits.ts';
export { type SharedSubscription, SharedSubscriptions } from './live/shared-subscriptions.ts';
export type { Sink } from './live/tape.ts';
export { readDocument } from './read-document.ts';
export { schema } from './schema.ts';
export { isAnsweredFromStore } from './stored-answers.ts';
