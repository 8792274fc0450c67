import type { AuthContext, Connection } from 'ssh2';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { eventually, SshWorld, stateOf } from '../testing.ts';
import {
  attacked,
  Bystander,
  floodMessages,
  letIn,
  message,
  sendMessage,
  startHostileSshd,
  text,
  uint32,
} from './testing.ts';

// A server may have this side log in as often as it likes, at any time.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const UNHURRIED = { quickRetryMs: 20 };
const unhurried = { timeoutMs: 30_000 };

let world: SshWorld;
let bystander: Bystander;
beforeAll(async () => {
  world = await SshWorld.create();
  bystander = await Bystander.create(world);
});
afterAll(() => world.close());
beforeEach(() => bystander.begin());

const KEY_ACCEPTED = message(60, text(''), text(''));

test('a key signs once, however often a server accepts it', async () => {
  let signatures = 0;
  let hasBegun = false;
  const hostile = await startHostileSshd(world, (client) => {
    client.on('authentication', (context: AuthContext) => {
      if (context.method !== 'publickey') context.reject(['publickey']);
      else if (context.signature !== undefined) signatures += 1;
      else if (!hasBegun) {
        hasBegun = true;
        for (let turn = 0; turn < 50; turn += 1) sendMessage(client, KEY_ACCEPTED);
      }
    });
  });
  await bystander.expectTold(await attacked(world, hostile, UNHURRIED), 'wants another signature each time');
  expect(signatures).toBeLessThanOrEqual(1);
});

describe('before the login is over, a server is given up, and told of, that', () => {
  const floods: Readonly<Record<string, () => Buffer>> = {
    'sends messages to ignore': () => message(2, text('')),
    'sends banners': () => message(53, text(''), text('')),
    'sends messages of no length': () => Buffer.alloc(0),
    'lists its extensions': () => message(7, uint32(0)),
    'makes requests': () => message(80, text('x'), 1),
    'opens channels': () => message(90, text('x11'), uint32(7), uint32(1), uint32(32_768), text('x'), uint32(1)),
    'sends data': () => message(94, uint32(0), text('x')),
    'sends messages that there are not': () => message(200),
  };
  test.each(Object.entries(floods))('%s without end', async (_, each) => {
    const hostile = await startHostileSshd(world, (client) =>
      client.once('authentication', () => floodMessages(client, each)),
    );
    const told = await attacked(world, hostile, UNHURRIED);
    await eventually(() => told.messages.some((said) => /nobody asked for|endless .* before the login/.test(said)));
    await bystander.expectHarmless(told.connection, '');
  });

  test('has nothing to ask, without end', async () => {
    const nothing = message(60, text(''), text(''), text(''), uint32(0));
    const hostile = await startHostileSshd(world, (client) =>
      client.on('authentication', (context: AuthContext) => {
        if (context.method !== 'keyboard-interactive') context.reject(['keyboard-interactive']);
        else floodMessages(client, () => nothing);
      }),
    );
    await bystander.expectTold(await attacked(world, hostile, UNHURRIED), 'sends endless messages before the login');
  });
});

describe('once the login is over, a server has nothing of it repeated by', () => {
  const again: Readonly<Record<string, Buffer>> = {
    'a service that it accepts': message(6, text('ssh-userauth')),
    'a refusal that wants a key': message(51, text('publickey'), 0),
    'a refusal that wants a password': message(51, text('password'), 0),
    'a refusal that wants a person': message(51, text('keyboard-interactive'), 1),
    'letting this side in again': message(52),
    'accepting its key': KEY_ACCEPTED,
    'words before the login': message(53, text('Welcome'), text('')),
  };
  test.each(Object.entries(again))('%s', async (_, sent) => {
    const asked: string[] = [];
    let isIn = false;
    const hostile = await startHostileSshd(world, (client: Connection) => {
      client.on('authentication', (context) => {
        if (isIn) asked.push(context.method);
      });
      letIn(client);
      client.on('ready', () => {
        isIn = true;
        for (let turn = 0; turn < 5; turn += 1) sendMessage(client, sent);
        // The answer to this comes after all others.
        client.on('session', (accept) => void accept().on('exec', (grant) => void grant().exit(0)));
      });
    });
    const { connection } = await attacked(world, hostile, UNHURRIED);
    await stateOf(connection, 'online');
    await connection.run('true', { timeoutMs: 500 }).catch(() => {});
    expect(connection.state.status).toBe('online');
    expect(asked).toEqual([]);
    await connection.stop();
  });
});

test('a server that names its host keys after the login is asked nothing, and is used on', async () => {
  const asked: string[] = [];
  const key = message(text('ssh-ed25519'), text(Buffer.alloc(32, 7)));
  const broken = message(text('ecdsa-sha2-nistp256'), text('nistp256'), text('x'));
  const hostile = await startHostileSshd(world, (client) => {
    letIn(client);
    client.on('request', (_accept, reject, name) => {
      asked.push(name);
      reject?.();
    });
    client.on('ready', () => {
      for (const keys of [[key], [key, broken], Array<Buffer>(500).fill(key)]) {
        const named = keys.map((each) => text(each));
        sendMessage(client, message(80, text('hostkeys-00@openssh.com'), 0, ...named));
      }
    });
    client.on('session', (accept) =>
      accept().on('exec', (grant) => {
        const channel = grant();
        channel.exit(3);
        channel.end();
      }),
    );
  });
  const { connection } = await attacked(world, hostile, UNHURRIED);
  await stateOf(connection, 'online');
  await expect(connection.run('true', unhurried)).rejects.toThrow('ended with exit code 3');
  expect(asked).toEqual([]);
  expect(connection.state.status).toBe('online');
  await connection.stop();
});

test('a server that asks for a sign of life is answered', async () => {
  let answers = 0;
  const hostile = await startHostileSshd(world, (client) => {
    letIn(client);
    const handlers = Reflect.get(Reflect.get(client, '_protocol') as object, '_handlers') as Record<string, () => void>;
    handlers['REQUEST_FAILURE'] = () => {
      answers += 1;
    };
    client.on('ready', () => {
      for (let turn = 0; turn < 3; turn += 1) sendMessage(client, message(80, text('keepalive@openssh.com'), 1));
    });
  });
  const { connection } = await attacked(world, hostile, UNHURRIED);
  await eventually(() => answers === 3);
  expect(connection.state.status).toBe('online');
  await connection.stop();
});
