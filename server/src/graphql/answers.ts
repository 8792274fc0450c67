import { type ExecutionResult, GraphQLError } from 'graphql';
import type { Logger } from '../telemetry/index.ts';
import { requestFault } from './error-codes.ts';
import { WORK_LIMITS, type Work } from './work.ts';

/** If thousands of fields fail, a few errors are enough. */
const MAX_ERRORS = 100;
/** Faults that an operation logs: one for each cause. */
const MAX_FAULTS = 3;

/** The result of an operation as a client may see it. Internal errors are logged, each once. */
export async function answerOf(
  work: Work,
  log: Logger,
  execute: () => ExecutionResult | Promise<ExecutionResult>,
): Promise<ExecutionResult> {
  try {
    return answered(await work.run(execute), work, log);
  } catch (cause) {
    if (work.excess === null) throw cause;
    return { errors: [work.excess] };
  }
}

function answered(result: ExecutionResult, work: Work, log: Logger): ExecutionResult {
  if (work.excess !== null) return { errors: [work.excess] };
  const answer = result.errors === undefined ? result : { ...result, errors: maskErrors(result.errors, log) };
  if (jsonLength(answer, WORK_LIMITS.answerBytes) < WORK_LIMITS.answerBytes) return answer;
  const message = `The answer has more than ${WORK_LIMITS.answerBytes} bytes: ask for less at a time`;
  return { errors: [requestFault('LIMIT_EXCEEDED', message)] };
}

function maskErrors(errors: readonly GraphQLError[], log: Logger): readonly GraphQLError[] {
  const faults = new Map<string, { readonly cause: unknown; fields: number; readonly path: string | undefined }>();
  for (const error of errors) {
    const cause = causeOf(error);
    if (cause === null) continue;
    const name = cause instanceof Error ? `${cause.name} ${cause.message}` : String(cause);
    const fault = faults.get(name) ?? { cause, fields: 0, path: error.path?.join('.') };
    fault.fields += 1;
    if (faults.size < MAX_FAULTS) faults.set(name, fault);
  }
  for (const { cause, fields, path } of faults.values()) log.error({ err: cause, path, fields }, 'An operation failed');
  const told = errors.slice(0, MAX_ERRORS).map((error) => masked(error));
  if (errors.length <= MAX_ERRORS) return told;
  const left = errors.length - MAX_ERRORS;
  return [
    ...told,
    new GraphQLError(`${left} more fields failed`, { extensions: { code: told[0]?.extensions['code'] } }),
  ];
}

/** The internal error behind an error; null: the client may see it, or no longer waits. */
function causeOf(error: unknown): unknown {
  const cause = error instanceof GraphQLError ? error.originalError : error;
  if (cause == null || cause instanceof GraphQLError) return null;
  return cause instanceof Error && cause.name === 'AbortError' ? null : cause;
}

/** Internal errors are only logged; clients learn that there was one. */
export function maskError(error: unknown, log: Logger): GraphQLError {
  const cause = causeOf(error);
  if (cause !== null) log.error({ err: cause }, 'An operation failed');
  return masked(error);
}

function masked(error: unknown): GraphQLError {
  const cause = error instanceof GraphQLError ? error.originalError : error;
  if (error instanceof GraphQLError && (cause == null || cause instanceof GraphQLError)) return error;
  const place = error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {};
  return new GraphQLError('Unexpected error.', { ...place, extensions: { code: 'INTERNAL_SERVER_ERROR' } });
}

/** About how long a value is as JSON, counted up to `most`. */
export function jsonLength(value: unknown, most: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 5;
  let length = 2;
  if (Array.isArray(value)) {
    for (const part of value) {
      length += 1 + jsonLength(part, most - length);
      if (length >= most) return length;
    }
    return length;
  }
  for (const key in value) {
    length += key.length + 4 + jsonLength((value as Record<string, unknown>)[key], most - length);
    if (length >= most) return length;
  }
  return length;
}
