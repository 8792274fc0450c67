import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger, Metrics } from '../telemetry/index.ts';
import { ClientAddresses } from './client-address.ts';
import { Connections, STALLED_MS } from './connections.ts';

const STEP_MS = 2_500;
const MIB = 1024 ** 2;

let server: Server;
let connections: Connections;
let client: Socket;
let accepted: Socket;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const log = createLogger({ level: 'silent', format: 'json' });
  connections = new Connections(new ClientAddresses([]), log, new Metrics('1.2.3'));
  connections.start();
  server = createServer({ highWaterMark: 64 * 1024 }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as { port: number }).port, '127.0.0.1').pause();
  [accepted] = (await once(server, 'connection')) as [Socket];
  connections.add(accepted);
  connections.prove(accepted, 'ada');
});
afterEach(() => {
  connections.stop();
  client.destroy();
  accepted.destroy();
  server.close();
  vi.useRealTimers();
});

/** Lets what the sockets have, come. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
}

/** Takes so many bytes, slowly. */
async function take(bytes: number): Promise<void> {
  for (let taken = 0; taken < bytes; ) {
    const chunk: Buffer | null = client.read();
    taken += chunk?.length ?? 0;
    if (chunk === null) await nextTurn();
  }
  await settle();
}

async function pass(milliseconds: number, meanwhile: () => Promise<void> = settle): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += STEP_MS) {
    await meanwhile();
    vi.advanceTimersByTime(STEP_MS);
  }
}

const WRITTEN: readonly (readonly [string, () => void])[] = [
  ['in one piece', () => accepted.write(Buffer.alloc(64 * MIB))],
  [
    'in corked pieces',
    () => {
      accepted.cork();
      for (let piece = 0; piece < 64; piece += 1) accepted.write(Buffer.alloc(MIB));
      accepted.uncork();
    },
  ],
  [
    'in pieces',
    () => {
      for (let piece = 0; piece < 64; piece += 1) accepted.write(Buffer.alloc(MIB));
    },
  ],
  ['as a text', () => accepted.write('a'.repeat(64 * MIB))],
  ['with its end', () => accepted.end(Buffer.alloc(64 * MIB))],
];

describe('a client', () => {
  it.each(WRITTEN)('that takes slowly what was written %s is left alone', async (_how, write) => {
    write();
    await pass(3 * STALLED_MS, () => take(MIB));
    expect(accepted.destroyed).toBe(false);
  });

  it.each(WRITTEN)('that takes nothing of what was written %s is cut off', async (_how, write) => {
    write();
    await pass(STALLED_MS / 2);
    expect(accepted.destroyed).toBe(false);
    await pass(STALLED_MS);
    expect(accepted.destroyed).toBe(true);
  });

  it('for which nothing waits is left alone', async () => {
    await pass(3 * STALLED_MS);
    expect(accepted.destroyed).toBe(false);
  });
});
