import { GraphQLError } from 'graphql';
import { type Outcome, REFUSAL_CODES, type Refusal } from '../domain/refusal.ts';
import { CursorError } from '../store/index.ts';
import { builder } from './builder.ts';
import type { ErrorCode } from './error-codes.ts';

const UserErrorCode = builder.enumType('UserErrorCode', {
  description: 'Why a request was refused.',
  values: REFUSAL_CODES,
});

export const UserError = builder.interfaceRef<Refusal>('UserError').implement({
  description: 'A refusal that the caller can act on. Nothing was changed.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What is wrong and what would be right, for people.' }),
    path: t.exposeStringList('path', { description: 'Where the cause stands in the request: ["input", "partition"].' }),
    code: t.expose('code', { type: UserErrorCode, description: 'The same for programs.' }),
  }),
});

builder.objectRef<Refusal>('InputError').implement({
  interfaces: [UserError],
  isTypeOf: () => true,
  description: 'A refusal of what the caller sent.',
});

/** What a write gives back: its result, or why there is none. */
export interface Payload<T> {
  readonly result: T | null;
  readonly userErrors: readonly Refusal[];
}

export function toPayload<T>(outcome: Outcome<T>): Payload<T> {
  return outcome.ok ? { result: outcome.value, userErrors: [] } : { result: null, userErrors: outcome.refusals };
}

/** A fault that the caller is told of as it is; anything else thrown is masked. */
export function fault(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

/** Tells callers of a wrong cursor, which is theirs, apart from a fault of ours. */
export async function withCursorFaults<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof CursorError) throw fault('BAD_USER_INPUT', cause.message);
    throw cause;
  }
}
