import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  executeSubscriptionEvent,
  type GraphQLError,
  mapSourceToResponseEvent,
  type ValidatedSubscriptionArgs,
  validateSubscriptionArgs,
} from 'graphql';
import type { User } from '../../domain/user.ts';
import type { Logger, Metrics } from '../../telemetry/index.ts';
import { answerOf, jsonLength, maskError } from '../answers.ts';
import { contextOfEvent, type GraphQLContext } from '../context.ts';
import { requestFault, withCodeAlone, withCodesAlone } from '../error-codes.ts';
import { WORK_LIMITS, type Work } from '../work.ts';
import { type Audience, Audiences } from './audience.ts';
import { FeedStream } from './feed-stream.ts';
import { jsonBytes } from './json-bytes.ts';
import { Kept } from './memo.ts';
import { OpenSubscriptions } from './open-subscriptions.ts';
import { withoutResume } from './resume-variable.ts';
import { type Sink, untilRoom } from './sink.ts';
import { type Place, Tape } from './tape.ts';

/** A subscription that has been parsed, validated and allowed. */
export interface SharedSubscription {
  readonly args: ExecutionArgs;
  /** The document's text as received: equal texts are one document. */
  readonly query: string;
  readonly viewer: User;
  /** The connection to the subscriber. */
  readonly sink: Sink;
}

export type SubscriptionStream = AsyncGenerator<never, void, void>;

/** Of a document and its variables, which are kept while it is open. Lists of ids are the longest. */
export const MAX_LENGTH = 64 * 1024;

interface SharedTape {
  readonly tape: Tape<unknown>;
  readonly audience: Audience;
}

/** Masks an error for the client. */
type Mask = (cause: unknown) => GraphQLError;

const contextOf = ({ contextValue }: Pick<ExecutionArgs, 'contextValue'>) => contextValue as GraphQLContext;

/**
 * Subscriptions of both transports. Equal ones (document, variables, viewer) are executed and serialised once for each
 * event, wherever each of them began.
 */
export class SharedSubscriptions {
  // The fields know the type of a tape's values.
  readonly #tapes = new Map<string, SharedTape>();
  readonly #audiences = new Audiences();
  readonly #kept = new Kept();
  readonly #open = new OpenSubscriptions();
  readonly #log: Logger;
  readonly #mask: Mask;

  constructor(log: Logger, metrics?: Metrics) {
    this.#log = log;
    this.#mask = (cause) => withCodeAlone(maskError(cause, log));
    metrics?.gauge('slurmql_subscriptions', 'Open subscriptions.', () => this.#open.size);
    metrics?.gauge(
      'slurmql_shared_subscriptions',
      'Distinct subscriptions, each executed once for all clients that share it.',
      () => this.#tapes.size,
    );
  }

  /**
   * Starts a subscription, or says why it can't. The stream is empty: results go to the sink from the first `next()`
   * on, and it ends after the last one.
   */
  async subscribe(subscription: SharedSubscription): Promise<SubscriptionStream | ExecutionResult> {
    const { args, query } = subscription;
    const characters = query.length + JSON.stringify(args.variableValues ?? {}).length;
    if (characters > MAX_LENGTH) {
      const message = `A subscription and its variables may have at most ${MAX_LENGTH} characters`;
      return { errors: [requestFault('LIMIT_EXCEEDED', message)] };
    }
    const { account } = contextOf(args);
    const opened = this.#open.open({ account, query, document: args.document, characters });
    if (opened.fault !== null) return { errors: [opened.fault] };
    using opening = new DisposableStack();
    opening.use(opened);
    const stream = await this.#begin({ ...subscription, args: { ...args, document: opened.document } });
    if (stream instanceof SilentStream) stream.closes(opening.move());
    return stream;
  }

  async #begin(subscription: SharedSubscription): Promise<SilentStream | ExecutionResult> {
    const { args, sink } = subscription;
    const contextValue = { ...contextOf(args), seats: sink.seats };
    const validated = validateSubscriptionArgs({ ...args, contextValue });
    if (!('schema' in validated)) return { errors: validated };
    const source = await createSourceEventStream(validated);
    if (!(Symbol.asyncIterator in source)) return this.#answer(() => source, contextOf(args).work);
    if (!(source instanceof FeedStream)) {
      const results = mapSourceToResponseEvent(validated, source, (event) =>
        this.#execute(event, contextOf(args).account, contextOf(args).signal),
      );
      if (!('next' in results)) return this.#answer(() => results, contextOf(args).work);
      return new SilentStream(
        () => pour(results, sink),
        this.#mask,
        () => end(results),
      );
    }
    return new SilentStream(() => this.#join(subscription, source, validated), this.#mask);
  }

  #join(subscription: SharedSubscription, source: FeedStream<unknown>, validated: ValidatedSubscriptionArgs): Place {
    const { account } = contextOf(subscription.args);
    const { tape, audience } = this.#tape(subscription, source, validated);
    const subscriber = audience.add(account);
    const place = tape.join(
      source.feedFor(() => account),
      subscription.sink,
    );
    const leave = () => subscriber[Symbol.dispose]();
    place.ended.then(leave, leave);
    return place;
  }

  #tape(
    { args, query, viewer }: SharedSubscription,
    { feedFor }: FeedStream<unknown>,
    validated: ValidatedSubscriptionArgs,
  ): SharedTape {
    const variables = withoutResume(args.document, args.variableValues ?? {});
    const key = JSON.stringify([viewer.id, viewer.role, query, args.operationName ?? null, variables]);
    const known = this.#tapes.get(key);
    if (known !== undefined) return known;
    const audience = this.#audiences.create();
    const account = () => audience.account();
    const tape: Tape<unknown> = new Tape(
      feedFor(account),
      // The first subscriber may leave before the others.
      async (value, signal) => {
        const result = await this.#execute({ ...validated, rootValue: value }, account(), signal);
        return Buffer.from(JSON.stringify(result));
      },
      () => {
        if (this.#tapes.get(key) === shared) this.#tapes.delete(key);
      },
      this.#kept,
    );
    const shared = { tape, audience };
    this.#tapes.set(key, shared);
    return shared;
  }

  /** `account`: whose turns it takes. */
  async #execute(event: ValidatedSubscriptionArgs, account: string, signal: AbortSignal): Promise<ExecutionResult> {
    const context = contextOfEvent(contextOf(event), account, signal);
    return this.#answer(() => executeSubscriptionEvent({ ...event, contextValue: context }), context.work);
  }

  async #answer(execute: () => ExecutionResult | Promise<ExecutionResult>, work: Work): Promise<ExecutionResult> {
    return withCodesAlone(await answerOf(work, this.#log, execute));
  }
}

/** Sends the results of a subscription that isn't shared, no faster than they are read. */
function pour(results: AsyncGenerator<ExecutionResult, void, void>, sink: Sink): Place {
  const leaving = new AbortController();
  const { signal } = leaving;
  const run = async () => {
    // Each is read while the one before is sent, and serialised only when there is room.
    for await (const result of results) {
      while (sink.isFull && !signal.aborted) await untilRoom(sink, signal, jsonLength(result, WORK_LIMITS.answerBytes));
      if (signal.aborted) return;
      sink.send(jsonBytes(result));
    }
  };
  return {
    ended: run(),
    leave: () => {
      leaving.abort();
      end(results);
    },
  };
}

/** Errors are thrown to the code that waits for the end. */
function end(results: AsyncGenerator): void {
  results.return(undefined).catch(() => undefined);
}

/**
 * A stream without results that ends when everything was sent. An error is masked and becomes a result, which the
 * transport sends.
 */
class SilentStream implements SubscriptionStream {
  readonly #join: () => Place;
  readonly #mask: Mask;
  readonly #abandon: () => void;
  #place: Place | null = null;
  #hasEnded = false;
  #closing: Disposable | null = null;

  /** `abandon`: called if it ends before anybody has joined. */
  constructor(join: () => Place, mask: Mask, abandon: () => void = () => undefined) {
    this.#join = join;
    this.#mask = mask;
    this.#abandon = abandon;
  }

  /** Released once nothing of it runs any more. */
  closes(closing: Disposable): void {
    this.#closing = closing;
  }

  async next(): Promise<IteratorResult<never, void>> {
    if (this.#hasEnded) return { done: true, value: undefined };
    this.#place ??= this.#join();
    try {
      await this.#place.ended;
    } catch (cause) {
      throw this.#mask(cause);
    } finally {
      this.#hasEnded = true;
      this.#closing?.[Symbol.dispose]();
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<never, void>> {
    this.#hasEnded = true;
    if (this.#place === null) {
      this.#abandon();
      this.#closing?.[Symbol.dispose]();
    } else this.#place.leave();
    return { done: true, value: undefined };
  }

  async throw(cause: unknown): Promise<IteratorResult<never, void>> {
    await this.return();
    throw cause;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
