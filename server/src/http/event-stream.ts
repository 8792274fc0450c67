import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ExecutionResult, GraphQLError, OperationTypeNode } from 'graphql';
import type { Verdict } from '../auth/index.ts';
import type { OperationRequest, Operations, Sink, SubscriptionStream } from '../graphql/index.ts';
import { askerOf } from './access.ts';
import { Backlog } from './backlog.ts';
import type { Connections } from './connections.ts';
import type { OpenStreams } from './open-streams.ts';
import { requestSchema } from './request-schema.ts';
import { sendExcess } from './respond.ts';

/** Proxies close silent connections. */
const PING_INTERVAL_MS = 12_000;

export interface EventStreamOptions {
  readonly operations: Operations;
  readonly streams: OpenStreams;
  readonly connections: Connections;
}

/** Media types in any case and with blanks around them (RFC 9110, 12.5.1); no Accept, or an empty one, takes all. */
function acceptsEventStream({ headers }: IncomingMessage): boolean {
  const accepted = (headers.accept || '*/*').replaceAll(/\s/g, '').toLowerCase().split(',');
  return accepted.some((type) => /^(?:text\/event-stream|text\/\*|\*\/\*)(?:;|$)/.test(type));
}

/** Subscriptions as server-sent events, one stream for each request (graphql-sse, distinct connections mode). */
export class EventStreams {
  readonly #options: EventStreamOptions;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  /** False: the request is no valid subscription, and is answered like any other. */
  async answer(
    request: IncomingMessage,
    body: Buffer | null,
    response: ServerResponse,
    verdict: Verdict & { readonly kind: 'viewer' },
  ): Promise<boolean> {
    if (!acceptsEventStream(request)) return false;
    const { operations, streams, connections } = this.#options;
    // From the beginning on, because a receiver may leave before anything is sent.
    const leaving = new AbortController();
    const closed = new Promise<void>((resolve) => {
      response.once('close', () => {
        leaving.abort();
        resolve();
      });
    });
    const wanted = readRequest(request, body);
    const prepared = wanted === null ? null : operations.prepare(wanted);
    if (prepared?.kind !== OperationTypeNode.SUBSCRIPTION) return false;
    const excess = streams.excess(verdict);
    if (excess !== null) {
      sendExcess(response, excess);
      return true;
    }
    if (response.destroyed) return true;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Otherwise nginx buffers answers.
      'x-accel-buffering': 'no',
    });
    // Headers at once, so that the client knows that it is connected.
    response.write(':\n\n');
    using _stream = streams.add(verdict, () => {
      endForbidden(response);
      leaving.abort();
    });
    // Until everything was read, or connections.ts has disconnected a receiver that reads nothing.
    using _pings = pings(response);
    const backlog = new Backlog(response, (bytes) => connections.hold(request.socket, bytes));
    const sink = new EventSink(response, backlog);
    const asker = { ...askerOf(verdict), signal: leaving.signal };
    const outcome = prepared.errors === null ? await operations.subscribe(prepared, asker, sink) : prepared;
    await send(outcome, response, leaving.signal);
    await closed;
    return true;
  }
}

/** Until the last result has been sent, or the receiver is leaving. */
async function send(
  outcome: SubscriptionStream | Pick<ExecutionResult, 'errors'>,
  response: ServerResponse,
  leaving: AbortSignal,
): Promise<void> {
  if (!(Symbol.asyncIterator in outcome)) {
    sendErrors(response, outcome.errors ?? []);
  } else {
    // Errors are thrown to its reader, below.
    const leave = () => void outcome.return().catch(() => undefined);
    if (leaving.aborted) leave();
    else leaving.addEventListener('abort', leave, { once: true });
    try {
      await outcome.next();
    } catch (cause) {
      // Already masked by the stream. Rethrown, it would end the connection without a message.
      if (!(cause instanceof GraphQLError)) throw cause;
      sendErrors(response, [cause]);
    }
  }
  if (!response.writableEnded) response.end('event: complete\ndata:\n\n');
}

/** The parameters of GraphQL over HTTP: in a JSON body, or in the URL. Null: neither. */
function readRequest(request: IncomingMessage, body: Buffer | null): OperationRequest | null {
  try {
    if (body !== null) return mayAskForStream(body) ? requestSchema.parse(JSON.parse(body.toString())) : null;
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const variables = searchParams.get('variables');
    return requestSchema.parse({
      query: searchParams.get('query'),
      operationName: searchParams.get('operationName'),
      variables: variables === null ? null : JSON.parse(variables),
    });
  } catch {
    return null;
  }
}

/** Checked without parsing JSON, which is slow for long bodies: most clients accept any media type. */
function mayAskForStream(body: Buffer): boolean {
  return body.includes('subscription') || body.includes('\\u');
}

const BEGIN = Buffer.from('event: next\ndata: ');
const END = Buffer.from('\n\n');
/** Results as events: the same for all receivers. */
const events = new WeakMap<Buffer, Buffer>();

function eventOf(result: Buffer): Buffer {
  const known = events.get(result);
  if (known !== undefined) return known;
  // Serialised JSON has no line breaks.
  const event = Buffer.concat([BEGIN, result, END]);
  events.set(result, event);
  return event;
}

class EventSink implements Sink {
  readonly #response: ServerResponse;
  readonly #backlog: Backlog;

  constructor(response: ServerResponse, backlog: Backlog) {
    this.#response = response;
    this.#backlog = backlog;
  }

  get isFull(): boolean {
    return this.#backlog.isFull;
  }

  send(result: Buffer): void {
    if (this.#response.writableEnded) return;
    this.#response.write(eventOf(result));
    this.#backlog.wrote(result.length);
  }

  whenDrained(callback: () => void, bytes: number): void {
    this.#backlog.whenDrained(callback, bytes);
  }
}

function sendErrors(response: ServerResponse, errors: readonly GraphQLError[]): void {
  if (response.writableEnded) return;
  response.write(`event: next\ndata: ${JSON.stringify({ errors })}\n\n`);
}

function endForbidden(response: ServerResponse): void {
  // All of it was given to the socket, and the client has yet to read the rest.
  if (response.writableEnded) return void response.destroy();
  const extensions = { code: 'UNAUTHENTICATED' };
  const errors = [{ message: 'The session is over: sign in again', extensions }];
  response.end(`event: next\ndata: ${JSON.stringify({ errors })}\n\nevent: complete\ndata:\n\n`);
}

/** Keeps the stream from being silent. connections.ts disconnects a client that reads nothing. */
function pings(response: ServerResponse): Disposable {
  const timer = setInterval(() => {
    // A write after the end would be an error that ends the process.
    if (!response.writableEnded) response.write(':\n\n');
  }, PING_INTERVAL_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
