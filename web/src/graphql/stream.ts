import type { TypedDocumentNode } from '@urql/core';
import { stringifyDocument } from '@urql/core';
import type { FormattedExecutionResult } from 'graphql-ws';
import { describeFaults, isUnauthenticatedClose } from './errors.ts';
import type { Socket } from './socket.ts';

export interface StreamOptions<Result, Variables extends Record<string, unknown>> {
  readonly document: TypedDocumentNode<Result, Variables>;
  readonly variables: NoInfer<Variables>;
  next(result: Result): void;
  /** The variables with which the stream goes on after this result; without them it starts anew on a reconnect. */
  resume?(result: Result): Partial<NoInfer<Variables>>;
  /** Asked when the server completes the stream: true if nothing more can come, false if it has to be opened again. */
  isFinished(): boolean;
  /** It was completed and is finished: it isn't opened again. */
  finished?(): void;
  /** The server refused the stream or faulted within it; it isn't opened again. */
  fault(message: string): void;
}

const MAX_REOPEN_WAIT_MS = 10_000;

/**
 * Runs one subscription until it is finished or the returned function is called. A lost connection is no end: the
 * subscription is sent again with the variables that `resume` gave last, so that nothing is lost or repeated.
 */
export function openStream<Result, Variables extends Record<string, unknown>>(
  socket: Pick<Socket, 'client'>,
  options: StreamOptions<Result, Variables>,
): () => void {
  // graphql-ws sends this very object again after each reconnect, so what `resume` changes in it counts.
  const payload = { query: stringifyDocument(options.document), variables: { ...options.variables } };
  let isStopped = false;
  let failures = 0;
  let stopOperation = (): void => {};
  let timer: ReturnType<typeof setTimeout> | undefined;

  function open(): void {
    stopOperation = socket.client.subscribe<Result>(payload, { next: receive, error: fail, complete });
  }

  function receive(result: FormattedExecutionResult<Result, unknown>): void {
    if (isStopped) return;
    failures = 0;
    if (result.errors !== undefined) options.fault(describeFaults(result.errors));
    if (result.data === null || result.data === undefined) return;
    Object.assign(payload.variables, options.resume?.(result.data));
    options.next(result.data);
  }

  function fail(error: unknown): void {
    if (isStopped) return;
    if (Array.isArray(error)) options.fault(describeFaults(error));
    // A close that graphql-ws holds for final, an internal error of the server among them, is worth another try.
    else if (!isUnauthenticatedClose(error)) reopen();
  }

  // A server that shuts down may complete its streams before it closes the socket.
  function complete(): void {
    if (isStopped) return;
    if (options.isFinished()) options.finished?.();
    else reopen();
  }

  function reopen(): void {
    failures += 1;
    timer = setTimeout(open, Math.min(MAX_REOPEN_WAIT_MS, 500 * 2 ** Math.min(failures, 10)));
  }

  open();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    stopOperation();
  };
}
