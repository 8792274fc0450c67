import { setImmediate as nextTurn } from 'node:timers/promises';
import { GraphQLInt, GraphQLObjectType, GraphQLSchema, parse } from 'graphql';
import { expect, it } from 'vitest';
import type { User } from '../../domain/user.ts';
import { createLogger } from '../../telemetry/index.ts';
import { createContext, type Services } from '../context.ts';
import { alone } from '../testing.ts';
import { SharedSubscriptions, type SubscriptionStream } from './shared-subscriptions.ts';
import type { Sink } from './sink.ts';

const query = 'subscription { count }';
const subscriptions = new SharedSubscriptions(createLogger({ level: 'silent', format: 'json' }));
const viewer: User = { id: 'ada', name: 'ada', role: 'VIEWER' };
/** The field of these tests reaches nothing of it. */
const context = createContext(
  { store: { readBy: () => ({}) } } as unknown as Services,
  { user: viewer, via: 'TOKEN' },
  alone(),
);

/** Takes one result at a time, when it is told to. */
class Receiver implements Sink {
  readonly received: unknown[] = [];
  isFull = false;
  #callback: (() => void) | null = null;

  send(result: Buffer): void {
    this.received.push(JSON.parse(result.toString()).data.count);
    this.isFull = true;
  }

  whenDrained(callback: () => void): void {
    this.#callback = callback;
  }

  take(): void {
    this.isFull = false;
    this.#callback?.();
  }
}

/** Subscribes to what nobody else shares. */
async function subscribe(source: () => AsyncGenerator<number>, sink: Sink): Promise<SubscriptionStream> {
  const count = { type: GraphQLInt, subscribe: source, resolve: (value: unknown) => value };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { none: { type: GraphQLInt } } }),
    subscription: new GraphQLObjectType({ name: 'Subscription', fields: { count } }),
  });
  const stream = await subscriptions.subscribe({
    args: { schema, document: parse(query), contextValue: context },
    query,
    viewer,
    sink,
  });
  if (!(Symbol.asyncIterator in stream)) throw new Error(JSON.stringify(stream));
  return stream;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
}

it('sends what nobody shares no faster than it is taken, and ends after the last', async () => {
  let made = 0;
  const receiver = new Receiver();
  const stream = await subscribe(async function* () {
    while (made < 4) {
      made += 1;
      yield made;
    }
  }, receiver);
  const ended = stream.next();
  await settle();
  // One is on its way and one is ready.
  expect([made, receiver.received]).toEqual([2, [1]]);
  for (let taken = 1; taken < 4; taken += 1) {
    receiver.take();
    await settle();
  }
  expect(receiver.received).toEqual([1, 2, 3, 4]);
  expect(await ended).toEqual({ done: true, value: undefined });
});

it('that is left while its receiver takes nothing ends its source and sends no more', async () => {
  let isOver = false;
  const receiver = new Receiver();
  const stream = await subscribe(async function* () {
    try {
      for (let number = 1; ; number += 1) yield number;
    } finally {
      isOver = true;
    }
  }, receiver);
  const ended = stream.next();
  await settle();
  await stream.return();
  expect(await ended).toEqual({ done: true, value: undefined });
  await settle();
  expect([isOver, receiver.received]).toEqual([true, [1]]);
});

it('that is left before anything was asked of it ends its source', async () => {
  let ends = 0;
  const source: AsyncGenerator<number> = Object.assign((async function* () {})(), {
    return: async () => {
      ends += 1;
      return { done: true as const, value: undefined };
    },
  });
  const stream = await subscribe(() => source, new Receiver());
  await stream.return();
  expect(ends).toBe(1);
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

it('that breaks tells so as a client may see it, once', async () => {
  const stream = await subscribe(
    async function* () {
      yield 1;
      throw new Error('/var/lib/secret');
    },
    { isFull: false, send: () => undefined, whenDrained: () => undefined },
  );
  await expect(stream.next()).rejects.toThrow('Unexpected error.');
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});
