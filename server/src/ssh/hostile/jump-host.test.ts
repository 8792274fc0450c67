import type { Connection, ServerChannel } from 'ssh2';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { eventually, SshWorld, stateOf } from '../testing.ts';
import {
  Bystander,
  floodMessages,
  type Hostile,
  letIn,
  message,
  outgoingId,
  sendData,
  sendMessage,
  startHostileSshd,
  text,
} from './testing.ts';

// A jump host has the same means as a cluster, and a channel of its own kind: the one that leads on.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const KIB = 1024;
const STDERR = 1;

let world: SshWorld;
let bystander: Bystander;
beforeAll(async () => {
  world = await SshWorld.create();
  bystander = await Bystander.create(world);
});
afterAll(() => world.close());
beforeEach(() => bystander.begin());

const AFTER_END = 'sends more on a channel after the end of it';
const end = (channel: ServerChannel, client: Connection) => sendMessage(client, message(96, outgoingId(channel)));
const attacks: Readonly<Record<string, readonly [(channel: ServerChannel, client: Connection) => void, string]>> = {
  'sends on after the end of the way': [
    (channel, client) => {
      end(channel, client);
      sendData(client, channel, Buffer.from('SSH-2.0-x\r\n'));
    },
    AFTER_END,
  ],
  'complains after the end of the way': [
    (channel, client) => {
      end(channel, client);
      sendData(client, channel, Buffer.from('x'), STDERR);
    },
    AFTER_END,
  ],
  'floods the way with complaints': [
    (channel, client) => {
      const complaint = message(95, outgoingId(channel), Buffer.from([0, 0, 0, STDERR]), text(Buffer.alloc(32 * KIB)));
      floodMessages(client, () => complaint);
    },
    'the deadline of 2000 ms passed',
  ],
  'floods the way': [
    (channel, client) => {
      const line = message(94, outgoingId(channel), text(Buffer.alloc(32 * KIB, 'x\r\n')));
      floodMessages(client, () => line);
    },
    'broke off before the login',
  ],
};

test.each(Object.entries(attacks))('a jump host that %s costs the connection alone', async (_, [attack, words]) => {
  const crashes: unknown[] = [];
  const note = (error: unknown) => void crashes.push(error);
  process.on('uncaughtException', note);
  try {
    const hostile = await startHostileSshd(world, (client) => {
      letIn(client);
      client.on('tcpip', (accept) => attack(accept(), client));
    });
    await expectGivenUp(hostile.settings(), words, words.includes('2000') ? 2_000 : undefined);
    expect(crashes).toEqual([]);
  } finally {
    process.off('uncaughtException', note);
  }
});

test.each([0, 1, 512])('a jump host that takes packets of %i bytes is given up', async (size) => {
  const hostile = await startHostileSshd(world, (client) => {
    const protocol = Reflect.get(client, '_protocol') as Record<string, (...args: number[]) => void>;
    const confirm = protocol['channelOpenConfirm']?.bind(protocol);
    protocol['channelOpenConfirm'] = (remote = 0, local = 0, window = 0) => confirm?.(remote, local, window, size);
    letIn(client);
    client.on('tcpip', (accept) => void accept());
  });
  await expectGivenUp(hostile.settings(), `takes packets of no more than ${size} bytes on a channel`);
});

/** By way of the hostile host to one that is never reached. */
async function expectGivenUp(
  reaching: ReturnType<Hostile['settings']>,
  words: string,
  connectTimeoutMs = 30_000,
): Promise<void> {
  const settings = await reaching;
  const proxyJump = `${settings.user}@127.0.0.1:${settings.port}`;
  const connection = world.connect(
    { ...settings, host: '127.0.0.9', port: 22, proxyJump },
    {},
    { timing: { connectTimeoutMs } },
  );
  const { message: told } = await stateOf(connection, 'unreachable');
  expect(told).toContain(words);
  await bystander.expectHarmless(connection, told);
  await eventually(() => connection.state.status === 'idle');
}
