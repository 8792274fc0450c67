import type { ExecutionResult, GraphQLError } from 'graphql';
import {
  CloseCode,
  type Message,
  MessageType,
  parseMessage,
  type SubscribePayload,
  stringifyMessage,
} from 'graphql-ws';
import type { SubscriptionStream } from '../graphql/index.ts';
import { NEWCOMER_MS } from './connections.ts';

/** It is sent back, however many come. */
export const MAX_PING_LENGTH = 1024;
const PING_TOO_LONG = `A ping has at most ${MAX_PING_LENGTH} characters`;

/** The connection to a client. */
export interface ProtocolSocket {
  /** Resolves once the message was taken, or the client has left. Never throws. */
  send(text: string): Promise<void>;
  close(code: CloseCode, reason: string): void;
}

/**
 * The outcome of an operation: errors if it did not run, its answer, or a stream that ends once everything was sent.
 */
export type Outcome = readonly GraphQLError[] | ExecutionResult | SubscriptionStream;

export interface ProtocolHandlers {
  /** By the payload of `connection_init`. False: the connection may do nothing. */
  connect(parameters: Readonly<Record<string, unknown>> | undefined): boolean;
  /** `open`: how many operations of the connection there are, with this one. */
  run(operation: Operation, payload: SubscribePayload, open: number): Promise<Outcome>;
}

/** One operation, from its `subscribe` until it has ended completely. */
export class Operation {
  readonly id: string;
  /** That its message takes. */
  readonly bytes: number;
  readonly #leaving = new AbortController();
  #stream: SubscriptionStream | null = null;

  constructor(id: string, bytes: number) {
    this.id = id;
    this.bytes = bytes;
  }

  /** Aborted once its client no longer waits for it. */
  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  leave(): void {
    this.#leaving.abort();
    void this.#stream?.return();
  }

  /** Resolves once everything was sent, or the client no longer waits; then it isn't even started. */
  async follow(stream: SubscriptionStream): Promise<void> {
    this.#stream = stream;
    if (this.signal.aborted) await stream.return();
    else await stream.next();
  }
}

/**
 * The server's side of graphql-transport-ws for one connection. Unlike graphql-ws's server, it identifies operations by
 * themselves rather than by the ids that clients choose: an id is free again after `complete`, while its operation may
 * still be ending.
 */
export class TransportProtocol {
  readonly #socket: ProtocolSocket;
  readonly #handlers: ProtocolHandlers;
  readonly #timer: NodeJS.Timeout;
  /** Operations whose client waits for more. */
  readonly #operations = new Map<string, Operation>();
  /** Including those that are still ending. */
  readonly #open = new Set<Operation>();
  #hasBegun = false;
  #isAllowed = false;

  constructor(socket: ProtocolSocket, handlers: ProtocolHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#timer = setTimeout(() => {
      if (!this.#hasBegun) {
        socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout');
      }
    }, NEWCOMER_MS);
  }

  /**
   * Handles a message, which takes this many bytes once it is parsed. Throws if it can't be answered, which is not the
   * client's fault.
   */
  async receive(text: string, bytes: number): Promise<void> {
    const message = read(text);
    switch (message?.type) {
      case MessageType.ConnectionInit:
        return this.#begin(message.payload);
      case MessageType.Ping:
        if (text.length > MAX_PING_LENGTH) return this.#socket.close(CloseCode.BadRequest, PING_TOO_LONG);
        return this.#send({ type: MessageType.Pong, ...(message.payload && { payload: message.payload }) });
      case MessageType.Pong:
        return;
      case MessageType.Subscribe:
        return this.#subscribe(message.id, message.payload, bytes);
      case MessageType.Complete:
        this.#operations.get(message.id)?.leave();
        this.#operations.delete(message.id);
        return;
      default:
        this.#socket.close(CloseCode.BadRequest, 'Invalid message received');
    }
  }

  /** Ends all operations: the connection is closed. */
  end(): void {
    clearTimeout(this.#timer);
    this.#operations.clear();
    for (const operation of this.#open) operation.leave();
  }

  async #begin(parameters: Readonly<Record<string, unknown>> | undefined): Promise<void> {
    if (this.#hasBegun) {
      return this.#socket.close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests');
    }
    this.#hasBegun = true;
    this.#isAllowed = this.#handlers.connect(parameters);
    if (!this.#isAllowed) return this.#socket.close(CloseCode.Forbidden, 'Forbidden');
    await this.#send({ type: MessageType.ConnectionAck });
  }

  #subscribe(id: string, payload: SubscribePayload, bytes: number): Promise<void> | void {
    if (!this.#isAllowed) return this.#socket.close(CloseCode.Unauthorized, 'Unauthorized');
    if (this.#operations.has(id)) {
      return this.#socket.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`);
    }
    const operation = new Operation(id, bytes);
    this.#operations.set(id, operation);
    this.#open.add(operation);
    // Drops what the client sent.
    return this.#follow(operation, this.#handlers.run(operation, payload, this.#open.size));
  }

  async #follow(operation: Operation, running: Promise<Outcome>): Promise<void> {
    try {
      await this.#tell(operation, await running);
    } catch (cause) {
      // Aborting an operation that nobody waits for throws, too.
      if (!operation.signal.aborted) throw cause;
    } finally {
      this.#free(operation);
      this.#open.delete(operation);
    }
  }

  async #tell(operation: Operation, outcome: Outcome): Promise<void> {
    const { id, signal } = operation;
    if (isStream(outcome)) {
      try {
        await operation.follow(outcome);
      } catch (cause) {
        // Already masked by the stream.
        return this.#tell(operation, [cause as GraphQLError]);
      }
    } else if (!signal.aborted) {
      if (isRefusal(outcome)) {
        this.#free(operation);
        return this.#send({ id, type: MessageType.Error, payload: told(outcome) });
      }
      const { errors, ...answer } = outcome;
      const payload = errors === undefined ? answer : { ...answer, errors: told(errors) };
      await this.#send({ id, type: MessageType.Next, payload });
    }
    if (signal.aborted) return;
    // Before the client learns of it, because it may then reuse the id.
    this.#free(operation);
    await this.#send({ id, type: MessageType.Complete });
  }

  #free(operation: Operation): void {
    if (this.#operations.get(operation.id) === operation) this.#operations.delete(operation.id);
  }

  #send(message: Message): Promise<void> {
    return this.#socket.send(stringifyMessage(message));
  }
}

/** Null: it is none that there is. */
function read(text: string): Message | null {
  try {
    return parseMessage(text);
  } catch {
    return null;
  }
}

const isStream = (outcome: Outcome): outcome is SubscriptionStream => Symbol.asyncIterator in outcome;
const isRefusal = (outcome: Outcome): outcome is readonly GraphQLError[] => Array.isArray(outcome);

function told(errors: readonly GraphQLError[]) {
  return errors.map((error) => error.toJSON());
}
