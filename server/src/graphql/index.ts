export type { GraphQLContext, Services } from './context.ts';
export { ERROR_CODES, type ErrorCode, requestFault, withCode } from './error-codes.ts';
export { type LogAddress, logAddress } from './job/log-address.ts';
export { LIMITS } from './limits.ts';
export { Seats } from './live/seats.ts';
export type { SubscriptionStream } from './live/shared-subscriptions.ts';
export type { Sink } from './live/sink.ts';
export {
  type Asker,
  type OperationRequest,
  Operations,
  type PreparedOperation,
  type WaitingAsker,
} from './operations.ts';
export { schema } from './schema.ts';
export { type Excess, Shares } from './shares.ts';
