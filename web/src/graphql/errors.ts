import { CombinedError } from '@urql/core';

/** What every entry of a GraphQL result's `errors` has, whichever transport brought it. */
interface GraphQLFault {
  readonly message: string;
  readonly extensions?: unknown;
}

const UNAUTHENTICATED = 'UNAUTHENTICATED';

export function isUnauthenticated(error: CombinedError): boolean {
  const status = (error.response as Response | undefined)?.status;
  return status === 401 || hasUnauthenticatedCode(error.graphQLErrors);
}

export function hasUnauthenticatedCode(faults: readonly GraphQLFault[]): boolean {
  return faults.some((fault) => codeOf(fault) === UNAUTHENTICATED);
}

/** The codes with which the server refuses a WebSocket that shows no valid credential. */
export function isUnauthenticatedClose(event: unknown): boolean {
  return event instanceof CloseEvent && (event.code === 4401 || event.code === 4403);
}

/** One sentence or two for a person: what failed, and what to do. */
export function describeError(error: unknown): string {
  if (error instanceof CombinedError) {
    if (error.networkError !== undefined) {
      return `The server can't be reached (${error.networkError.message}). Check that it runs, then try again.`;
    }
    return describeFaults(error.graphQLErrors);
  }
  return error instanceof Error ? error.message : String(error);
}

/** Fields that fail for one cause say so each; it is told once. */
export function describeFaults(faults: readonly GraphQLFault[]): string {
  return [...new Set(faults.map((fault) => fault.message))].join(' ');
}

function codeOf(fault: GraphQLFault): unknown {
  const { extensions } = fault;
  return typeof extensions === 'object' && extensions !== null && 'code' in extensions ? extensions.code : undefined;
}
