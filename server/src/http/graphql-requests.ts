import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Verdict } from '../auth/index.ts';
import type { Operations } from '../graphql/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { askerOf } from './access.ts';
import { isJson, readBody } from './body.ts';
import type { Connections } from './connections.ts';
import type { Door } from './door.ts';
import { EventStreams } from './event-stream.ts';
import type { OpenStreams } from './open-streams.ts';
import type { RequestBytes } from './request-bytes.ts';
import { weightOf } from './request-json.ts';
import { sendError } from './respond.ts';
import { StoredAnswers, type Waiting } from './stored-answers.ts';
import { answerGraphQL, createGraphQLServer, type GraphQLServer } from './yoga.ts';

export const MAX_BODY_BYTES = 1024 * 1024;
/** Time for a whole body. */
export const BODY_MS = 60_000;

export interface GraphQLRequestsOptions {
  readonly operations: Operations;
  readonly door: Door;
  readonly connections: Connections;
  readonly streams: OpenStreams;
  readonly requestBytes: RequestBytes;
  /** Another number after every change of the store. */
  readonly version: () => number;
  /** Aborted once the server stops. */
  readonly stopping: AbortSignal;
  readonly log: Logger;
}

/** Operations over HTTP: from the store's answers, as a stream of events, or by yoga. */
export class GraphQLRequests {
  readonly #options: GraphQLRequestsOptions;
  readonly #yoga: GraphQLServer;
  readonly #events: EventStreams;
  readonly #answers: StoredAnswers;

  constructor(options: GraphQLRequestsOptions) {
    this.#options = options;
    const { operations, log } = options;
    this.#yoga = createGraphQLServer(operations, log);
    this.#events = new EventStreams(options);
    this.#answers = new StoredAnswers({ ...options, operations });
  }

  /** Throws what reading a body throws. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { door, operations, connections, requestBytes } = this.#options;
    const early = door.authorize(request, response);
    if (early === null) return;
    if (request.method === 'POST' && !isJson(request)) {
      return sendError(response, 415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type: send application/json');
    }
    using held = requestBytes.hold(askerOf(early).account);
    const bounds = { maxBytes: MAX_BODY_BYTES, timeoutMs: BODY_MS, onMemory: (bytes: number) => held.take(bytes) };
    const body = request.method === 'POST' ? await readBody(request, bounds) : null;
    if (body !== null) {
      // Many may have come whole at once.
      await operations.turn(askerOf(early));
      held.take(weightOf(body));
    }
    // Checked again: during a slow body the session may have ended.
    const verdict = door.authorize(request, response);
    if (verdict === null) return;
    const asker = askerOf(verdict);
    const wait = () => this.#waiting(response, verdict);
    if (body !== null && (await this.#answers.answer(request, body, response, { ...asker, wait }))) return;
    await operations.turn(asker);
    if (await this.#events.answer(request, body, response, verdict)) return;
    response.setHeader('cache-control', 'no-store');
    using waiting = wait();
    const parts = { yoga: this.#yoga, connections };
    await answerGraphQL(parts, request, body, response, { ...asker, signal: waiting.signal });
  }

  #waiting(response: ServerResponse, viewer: Verdict & { readonly kind: 'viewer' }): Waiting {
    const { streams, stopping } = this.#options;
    const leaving = new AbortController();
    const leave = () => leaving.abort();
    response.once('close', leave);
    stopping.addEventListener('abort', leave, { once: true });
    if (response.destroyed || stopping.aborted) leave();
    const stream = viewer.session === null ? null : streams.add(viewer, () => response.destroy());
    return {
      signal: leaving.signal,
      [Symbol.dispose]: () => {
        response.off('close', leave);
        stopping.removeEventListener('abort', leave);
        stream?.[Symbol.dispose]();
      },
    };
  }
}
