import { GraphQLError } from 'graphql';
import { CursorError } from '../store/index.ts';
import type { ErrorCode } from './error-codes.ts';

/** A fault that the caller is told of as it is; anything else thrown is masked. */
export function fault(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

/** Tells callers of a wrong cursor, which is theirs, apart from a fault of ours. */
export async function withCursorFaults<T>(argument: 'after' | 'before', work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof CursorError) throw fault('BAD_USER_INPUT', `${argument}: ${cause.message}`);
    throw cause;
  }
}
