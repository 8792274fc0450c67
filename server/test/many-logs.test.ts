import { truncate, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Workbench } from './support/jobs.ts';
import { LogWriter } from './support/log-writer.ts';
import { memoryDuring } from './support/memory.ts';
import { until } from './support/server.ts';

const MIB = 1024 ** 2;
/** On one connection, or on as many. */
const MANY = 150;
const TAIL = 'subscription ($id: ID!, $after: SafeInt) { logTail(jobId: $id, after: $after) { endOffset text } }';

let bench: Workbench;
let text: LogWriter;
let control: LogWriter;
beforeAll(async () => {
  bench = await Workbench.open();
  text = await LogWriter.start(bench);
  control = await LogWriter.start(bench);
  await writeFile(text.path, 'a line of some words\n'.repeat((20 * MIB) / 21));
  // Each of its bytes takes six as JSON.
  await truncate(control.path, 200 * MIB);
});
afterAll(async () => {
  await text?.end();
  await control?.end();
  await bench?.[Symbol.asyncDispose]();
});

interface Asked {
  readonly id: string;
  readonly after?: number;
}

const bearer = () => ({ authorization: `Bearer ${bench.server.token}` });
const many = (asked: (at: number) => Asked) => Array.from({ length: MANY }, (_, at) => asked(at));

/** Follows all of them over one WebSocket. `messages`: what comes, once it is read. */
async function follow(
  asked: readonly Asked[],
): Promise<{ socket: WebSocket; messages: { id: string; payload: never }[] }> {
  const socket = new WebSocket(`${bench.server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(JSON.stringify({ type: 'connection_init', payload: bearer() }));
  await new Promise((resolve) => socket.once('message', resolve));
  const messages: { id: string; payload: never }[] = [];
  socket.on('message', (message) => messages.push(JSON.parse(String(message))));
  socket.pause();
  for (const [id, variables] of asked.entries()) {
    socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query: TAIL, variables } }));
  }
  return { socket, messages };
}

/** The same as server-sent events, each on a connection of its own. */
function stream(variables: Asked): Socket {
  const body = JSON.stringify({ query: TAIL, variables });
  const socket = connect(Number(new URL(bench.server.address).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  const head = [
    'POST /graphql HTTP/1.1',
    'host: localhost',
    'accept: text/event-stream',
    'content-type: application/json',
  ];
  socket.write(
    [...head, `authorization: ${bearer().authorization}`, `content-length: ${body.length}`, '', body].join('\r\n'),
  );
  return socket;
}

async function figure(name: string): Promise<number> {
  const headers = { ...bearer(), connection: 'close' };
  const told = await (await fetch(`${bench.server.address}/metrics`, { headers })).text();
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(told)?.[1] ?? Number.NaN);
}

const overOne = (asked: () => readonly Asked[]) => async () => {
  const { socket } = await follow(asked());
  return () => socket.terminate();
};

/** Nothing is read of what comes. How many subscriptions there are, and what ends them. */
const ATTACKS: Readonly<Record<string, () => Promise<() => void>>> = {
  'one log of text over one WebSocket': overOne(() => many(() => ({ id: text.job.id }))),
  'one log of text from different places': overOne(() => many((at) => ({ id: text.job.id, after: 1 + at * 1000 }))),
  'one log of control characters': overOne(() => many(() => ({ id: control.job.id }))),
  'one log of control characters from different places': overOne(() =>
    many((at) => ({ id: control.job.id, after: 1 + at * 1000 })),
  ),
  'two logs, from their ends': overOne(() =>
    many((at) => ({ id: (at % 2 === 0 ? text : control).job.id, after: -10 * MIB - at })),
  ),
  'one log of control characters over ten WebSockets': async () => {
    const asked = many((at) => ({ id: control.job.id, after: 1 + at * 1000 }));
    const clients = await Promise.all(
      Array.from({ length: 10 }, (_, at) => follow(asked.slice(15 * at, 15 * (at + 1)))),
    );
    return () => {
      for (const { socket } of clients) socket.terminate();
    };
  },
};

describe('many logs that are followed by a client that reads nothing', () => {
  it.each(Object.entries(ATTACKS))('%s cost no more than a few', async (_what, attack) => {
    const used = await memoryDuring(bench.server, async () => {
      const end = await attack();
      await until(
        () => figure('slurmql_subscriptions'),
        (count) => count === MANY,
      );
      // What they are told would come within a moment.
      await pause(1_500);
      expect(await figure('slurmql_untaken_bytes')).toBeLessThanOrEqual(128 * MIB);
      end();
      await until(
        () => figure('slurmql_subscriptions'),
        (count) => count === 0,
      );
    });
    expect(used).toBeLessThan(130 * MIB);
    expect(await figure('slurmql_untaken_bytes')).toBe(0);
  });

  it('as server-sent events are cut where they hold too much together', async () => {
    const cut = () => figure('slurmql_cut_connections_total{why="untaken"}');
    const before = (await cut()) || 0;
    const sockets = many((at) => ({ id: control.job.id, after: 1 + at * 1000 })).map(stream);
    await until(cut, (count) => count > before);
    expect(await figure('slurmql_untaken_bytes')).toBeLessThanOrEqual(128 * MIB);
    for (const socket of sockets) socket.destroy();
    await until(
      () => figure('slurmql_subscriptions'),
      (count) => count === 0,
    );
    expect(await figure('slurmql_untaken_bytes')).toBe(0);
  });
});

it('many logs that are followed by a client that reads late are told to their ends, each in order', async () => {
  const size = 3 * MIB;
  const { socket, messages } = await follow(
    Array.from({ length: 40 }, (_, at) => ({ id: text.job.id, after: -size + at })),
  );
  await pause(500);
  socket.resume();
  const texts = () => {
    const told = new Map<string, string>();
    for (const { id, payload } of messages) {
      const { data } = payload as { data: { logTail: { text: string } } };
      told.set(id, (told.get(id) ?? '') + data.logTail.text);
    }
    return told;
  };
  await until(
    async () => texts(),
    (told) => [...told].filter(([id, { length }]) => length === size - Number(id)).length === 40,
  );
  expect(new Set([...texts()].map(([id, told]) => told.slice(40 - Number(id)))).size).toBe(1);
  socket.terminate();
});
