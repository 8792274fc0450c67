import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Asker, Operations, PreparedOperation, WaitingAsker } from '../graphql/index.ts';
import { AnswerBody, sendAnswer } from './compression.ts';
import type { Connections } from './connections.ts';
import { requestSchema } from './request-schema.ts';

/** The maximum age of an answer even if nothing was written, because some fields count seconds. */
const MAX_AGE_MS = 1000;
const MAX_QUERIES = 500;
const MAX_REQUEST_BYTES = 16 * 1024;
const MAX_ANSWERS_BYTES = 16 * 1024 * 1024;

/** Requests with other parameters are handled, or refused, elsewhere. */
const strictSchema = z.strictObject(requestSchema.shape);

interface Query {
  readonly operation: PreparedOperation;
  answer: Answer | null;
}

interface Answer {
  readonly version: number;
  readonly madeAt: number;
  /** Null: it has errors, so it is not kept. */
  readonly body: Promise<AnswerBody | null>;
  isMade: boolean;
  /** How many wait for it. */
  waiting: number;
  /** Aborted once nobody does any more. */
  readonly leaving: AbortController;
  /** The counted size of all its forms. */
  bytes: number;
}

/** A client that waits, until it is disposed of. */
export interface Waiting extends Disposable {
  /** Aborted once the client has left, its session is over, or the server stops. */
  readonly signal: AbortSignal;
}

/** Who asks, and how to find out whether they still wait. */
interface Client extends Asker {
  readonly wait: () => Waiting;
}

export interface StoredAnswersOptions {
  readonly connections: Connections;
  readonly operations: Operations;
  /** Grows with every change of the store. */
  readonly version: () => number;
}

/**
 * Answers identical queries of one store version once, such as the dashboard's lists on many screens or a notebook that
 * polls. Only queries that the store alone answers.
 */
export class StoredAnswers {
  readonly #options: StoredAnswersOptions;
  /** By viewer and request; the last used is at the end. Null: not to be answered here. */
  readonly #queries = new Map<string, Query | null>();
  #bytes = 0;

  constructor(options: StoredAnswersOptions) {
    this.#options = options;
  }

  /** False: it must be answered in the usual way. The first request computes the answer. */
  async answer(request: IncomingMessage, body: Buffer, response: ServerResponse, asker: Client): Promise<boolean> {
    const contentType = acceptedType(request);
    if (contentType === null || body.length > MAX_REQUEST_BYTES) return false;
    const { user } = asker.actor;
    const key = `${user.role} ${user.id} ${body.toString()}`;
    if (!this.#queries.has(key)) await this.#options.operations.turn(asker);
    const query = this.#query(key, body);
    if (query === null) return false;
    const answer = this.#current(query, asker);
    const text = answer.isMade ? await answer.body : await this.#wait(query, answer, asker);
    if (response.destroyed) return true;
    if (text === null) return false;
    this.#options.connections.holdResponse(request, response, text.plain.length);
    await sendAnswer(request, response, 200, { 'content-type': contentType, 'cache-control': 'no-store' }, text);
    if (query.answer === answer) this.#count(answer, text);
    return true;
  }

  #query(key: string, body: Buffer): Query | null {
    const known = this.#queries.get(key);
    const query = known === undefined ? this.#prepare(body) : known;
    this.#queries.delete(key);
    this.#queries.set(key, query);
    this.#shrink();
    return query;
  }

  #current(query: Query, asker: Asker): Answer {
    const version = this.#options.version();
    const now = performance.now();
    const { answer } = query;
    if (answer !== null && answer.version === version && now - answer.madeAt < MAX_AGE_MS) return answer;
    const leaving = new AbortController();
    const body = this.#run(query, { ...asker, signal: leaving.signal });
    const made: Answer = { version, madeAt: now, body, isMade: false, waiting: 0, leaving, bytes: 0 };
    this.#bytes -= answer?.bytes ?? 0;
    query.answer = made;
    made.body.then(
      (text) => {
        made.isMade = true;
        if (query.answer !== made) return;
        if (text === null) query.answer = null;
        else this.#count(made, text);
      },
      () => {
        if (query.answer === made) query.answer = null;
      },
    );
    return made;
  }

  /** Once all who wait for it have left, the answer isn't made any more; who asks then gets another one. */
  async #wait(query: Query, answer: Answer, client: Client): Promise<AnswerBody | null> {
    using waiting = client.wait();
    const leave = () => {
      answer.waiting -= 1;
      if (answer.waiting > 0) return;
      if (query.answer === answer) query.answer = null;
      answer.leaving.abort();
    };
    answer.waiting += 1;
    if (waiting.signal.aborted) leave();
    else waiting.signal.addEventListener('abort', leave, { once: true });
    try {
      return await answer.body;
    } catch (cause) {
      if (waiting.signal.aborted) return null;
      throw cause;
    } finally {
      waiting.signal.removeEventListener('abort', leave);
    }
  }

  #count(answer: Answer, { bytes }: AnswerBody): void {
    this.#bytes += bytes - answer.bytes;
    answer.bytes = bytes;
    this.#shrink();
  }

  async #run({ operation }: Query, asker: WaitingAsker): Promise<AnswerBody | null> {
    const result = await this.#options.operations.run(operation, asker);
    return result.errors === undefined ? new AnswerBody(Buffer.from(JSON.stringify(result))) : null;
  }

  /** Null for anything but a valid query of the store. */
  #prepare(body: Buffer): Query | null {
    try {
      const request = strictSchema.parse(JSON.parse(body.toString()));
      const operation = this.#options.operations.prepareStored(request);
      return operation === null ? null : { operation, answer: null };
    } catch {
      // Not GraphQL: the usual way reports what is wrong.
      return null;
    }
  }

  #shrink(): void {
    for (const [key, query] of this.#queries) {
      if (this.#queries.size <= MAX_QUERIES && this.#bytes <= MAX_ANSWERS_BYTES) return;
      this.#queries.delete(key);
      this.#bytes -= query?.answer?.bytes ?? 0;
      if (query !== null) query.answer = null;
    }
  }
}

const TYPES = ['application/graphql-response+json', 'application/json'];

/** The media type that the client accepts, of the two of GraphQL over HTTP; null: another one. */
function acceptedType({ headers }: IncomingMessage): string | null {
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) return null;
  const accepted = headers.accept ?? '*/*';
  const [first] = TYPES.filter((type) => accepted.includes(type)).sort(
    (left, right) => accepted.indexOf(left) - accepted.indexOf(right),
  );
  if (first !== undefined) return `${first}; charset=utf-8`;
  return accepted.includes('*/*') ? 'application/json; charset=utf-8' : null;
}
