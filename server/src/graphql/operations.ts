import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type GraphQLError,
  getOperationAST,
  OperationTypeNode,
} from 'graphql';
import type { UserActor } from '../domain/actor.ts';
import type { Logger } from '../telemetry/index.ts';
import { TURNS } from '../turns/index.ts';
import { answerOf, maskError } from './answers.ts';
import { createContext, type GraphQLContext, type Services } from './context.ts';
import { withCodeAlone, withCodesAlone } from './error-codes.ts';
import { Gate } from './gate.ts';
import { LogSearches } from './job/log-searches.ts';
import { JobWaits } from './job/wait.ts';
import { checkOperation } from './limits.ts';
import { SharedSubscriptions, type SubscriptionStream } from './live/shared-subscriptions.ts';
import type { Sink } from './live/sink.ts';
import { readDocument } from './read-document.ts';
import { schema } from './schema.ts';
import { isAnsweredFromStore } from './stored-answers.ts';
import type { Scale } from './work.ts';

/** An operation as a client sends it. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Who asks. */
export interface Asker {
  readonly actor: UserActor;
  /** The account whose limits apply: clients with the same token share one, each session has its own. */
  readonly account: string;
}

/** Who asks, and waits for the answer. */
export interface WaitingAsker extends Asker {
  /** Aborted once nobody waits for it. */
  readonly signal: AbortSignal;
}

/** An operation that may run, any number of times. */
export class PreparedOperation {
  readonly errors = null;
  readonly request: OperationRequest;
  readonly scale: Scale;

  constructor(request: OperationRequest, scale: Scale) {
    this.request = request;
    this.scale = scale;
  }

  get kind(): OperationTypeNode {
    return this.scale.kind;
  }

  /** Not kept here: a document takes much more memory than its text. */
  get document(): DocumentNode {
    const read = readDocument(this.request.query);
    if (!read.isValid) throw new AggregateError(read.errors);
    return read.document;
  }
}

/** An operation that may not run. */
export interface RefusedOperation {
  readonly errors: readonly GraphQLError[];
  /** Null: it is not known, because the document is not valid or has no such operation. */
  readonly kind: OperationTypeNode | null;
}

/**
 * The one way to run an operation. All transports prepare it here, which parses, validates and limits it, and run it
 * here on behalf of an actor, so all have the same errors, masked and with codes. A transport only reads requests and
 * writes answers.
 */
export class Operations {
  readonly #services: Services;
  readonly #log: Logger;
  readonly #waits = new JobWaits();
  readonly #searches = new LogSearches();
  readonly #capacity = { turns: TURNS, gate: new Gate() };
  readonly #subscriptions: SharedSubscriptions;

  constructor(services: Services) {
    const { log, metrics } = services;
    this.#services = services;
    this.#log = log;
    metrics.gauge('slurmql_log_searches', 'Searches in logs that run or wait.', () => this.#searches.size);
    const { gate } = this.#capacity;
    metrics.gauge('slurmql_waiting_requests', 'Requests that wait for the end of a job.', () => this.#waits.size);
    metrics.gauge(
      'slurmql_large_operations',
      'Operations that take a place of those for large ones now.',
      () => gate.running,
    );
    metrics.gauge(
      'slurmql_large_operations_waiting',
      'Operations that wait for a place of those for large ones now.',
      () => gate.waiting,
    );
    this.#subscriptions = new SharedSubscriptions(log, metrics);
  }

  /**
   * Before an operation is prepared: many that arrive together are parsed and validated in turns of the event loop.
   * Undefined: it may be prepared at once.
   */
  turn({ account }: Pick<Asker, 'account'>): Promise<void> | undefined {
    return this.#capacity.turns.pass('new', account);
  }

  prepare(request: OperationRequest): PreparedOperation | RefusedOperation {
    const { query, operationName } = request;
    const read = readDocument(query);
    if (!read.isValid) return { kind: null, errors: read.errors.map(withCodeAlone) };
    const kind = getOperationAST(read.document, operationName)?.operation ?? null;
    return check(request, read.document, kind);
  }

  /** As `prepare`, if the store alone answers the operation. Null: it doesn't, or the operation may not run. */
  prepareStored(request: OperationRequest): PreparedOperation | null {
    const { query, operationName = null } = request;
    const read = readDocument(query);
    if (!read.isValid || !isAnsweredFromStore(read.document, operationName)) return null;
    const prepared = check(request, read.document, OperationTypeNode.QUERY);
    return prepared.errors === null ? prepared : null;
  }

  /** Runs a query or a mutation. */
  async run(operation: PreparedOperation, asker: WaitingAsker): Promise<ExecutionResult> {
    return withCodesAlone(await this.execute(argsOf(operation, this.contextOf(operation, asker))));
  }

  /**
   * Runs a subscription. The stream is empty: results go to the sink from the first `next()` on, and it ends after the
   * last of them. Otherwise the result says why there is none.
   */
  async subscribe(
    operation: PreparedOperation,
    asker: WaitingAsker,
    sink: Sink,
  ): Promise<SubscriptionStream | ExecutionResult> {
    const args = argsOf(operation, this.contextOf(operation, asker));
    const { query } = operation.request;
    const outcome = await this.#subscriptions.subscribe({ args, query, viewer: asker.actor.user, sink });
    return Symbol.asyncIterator in outcome ? outcome : withCodesAlone(outcome);
  }

  /** The context of resolvers, for a transport that calls `execute` itself. */
  contextOf({ scale }: PreparedOperation, { actor, account, signal }: WaitingAsker): GraphQLContext {
    return createContext(this.#services, actor, {
      ...this.#capacity,
      waits: this.#waits,
      searches: this.#searches,
      account,
      scale,
      signal,
    });
  }

  /** As `run`, with the HTTP status in the extensions of errors. */
  execute(args: ExecutionArgs): Promise<ExecutionResult> {
    const { work } = args.contextValue as GraphQLContext;
    // Not yoga's executor: if an entry of a list fails at once, that one drops the promises of the entries before it,
    // and a promise that fails unobserved ends the process.
    return answerOf(work, this.#log, () => execute(args));
  }

  /** An error as clients see it. The log has the cause. */
  mask(cause: unknown): GraphQLError {
    return maskError(cause, this.#log);
  }
}

function check(
  request: OperationRequest,
  document: DocumentNode,
  kind: OperationTypeNode | null,
): PreparedOperation | RefusedOperation {
  const checked = checkOperation(document, request.operationName, request.variables);
  return checked.fault === null
    ? new PreparedOperation(request, checked.scale)
    : { kind, errors: [withCodeAlone(checked.fault)] };
}

function argsOf({ request, document }: PreparedOperation, contextValue: GraphQLContext): ExecutionArgs {
  const { operationName = null, variables = null } = request;
  return { schema, document, operationName, variableValues: variables, contextValue };
}
