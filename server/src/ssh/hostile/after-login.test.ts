import type { Connection, ServerChannel } from 'ssh2';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SshInterrupted, SshUnavailable } from '../errors.ts';
import { eventually, SshWorld, stateOf } from '../testing.ts';
import {
  answeringShell,
  attacked,
  Bystander,
  floodMessages,
  letIn,
  message,
  onCommand,
  outgoingId,
  sendData,
  sendMessage,
  startHostileSshd,
  stopReading,
  text,
  uint32,
} from './testing.ts';

// A server that has let this side in may send any message at any time, as often as it likes.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const KIB = 1024;
const UNHURRIED = { quickRetryMs: 20 };
const request = { timeoutMs: 300 };
const unhurried = { timeoutMs: 30_000 };
const STDERR = 1;
const block = Buffer.alloc(32 * KIB, 'x');
const ANSWERS_OR_MESSAGES = ['without reading the answers', 'nobody asked for'];

let world: SshWorld;
let bystander: Bystander;
beforeAll(async () => {
  world = await SshWorld.create();
  bystander = await Bystander.create(world);
});
afterAll(() => world.close());
beforeEach(() => bystander.begin());

/** Begins once this side has been let in. */
function onReady(client: Connection, attack: () => void): void {
  letIn(client);
  client.on('ready', attack);
}

describe('a connection is given up, and its server told of, that', () => {
  const key = message(text('ssh-ed25519'), text(Buffer.alloc(32, 7)));
  const floods: Readonly<Record<string, readonly [() => Buffer, string]>> = {
    'sends messages to ignore': [() => message(2, text('')), 'that nobody asked for'],
    'sends words for the log': [() => message(4, 1, text('x'), text('')), 'that nobody asked for'],
    'rejects what was never sent': [() => message(3, uint32(7)), 'that nobody asked for'],
    'lists its extensions': [() => message(7, uint32(0)), 'that nobody asked for'],
    'sends messages that there are not': [() => message(200), 'that nobody asked for'],
    'sends messages of no length': [() => Buffer.alloc(0), 'that nobody asked for'],
    'answers what nobody asked': [() => message(82), 'that nobody asked for'],
    'grants what nobody asked': [() => message(99, uint32(0)), 'that nobody asked for'],
    'enlarges windows bit by bit': [() => message(93, uint32(0), uint32(1)), 'that nobody asked for'],
    'sends data of no length': [() => message(94, uint32(0), text('')), 'that nobody asked for'],
    'names a key of its own': [
      () => message(80, text('hostkeys-00@openssh.com'), 0, text(key)),
      'that nobody asked for',
    ],
    'sends data on channels that there are not': [() => message(94, uint32(9), text(block)), 'that nobody asked for'],
    'begins logins anew': [() => message(6, text('ssh-userauth')), 'that nobody asked for'],
  };
  test.each(Object.entries(floods))('%s without end', async (_, [each, words]) => {
    const hostile = await startHostileSshd(world, (client) => onReady(client, () => floodMessages(client, each)));
    await bystander.expectTold(await attacked(world, hostile, UNHURRIED), words);
  });

  const questions: Readonly<Record<string, () => Buffer>> = {
    'makes requests': () => message(80, text('x'), 1),
    'wants to forward': () => message(80, text('tcpip-forward'), 1, text('localhost'), uint32(80)),
    'names its keys and wants thanks': () => message(80, text('hostkeys-00@openssh.com'), 1, text(key)),
    'opens channels': () => message(90, text('x11'), uint32(7), uint32(1), uint32(32_768), text('x'), uint32(1)),
    'opens channels for an agent': () =>
      message(90, text('auth-agent@openssh.com'), uint32(7), uint32(1), uint32(32_768)),
  };
  test.each(Object.entries(questions))('%s without end, and reads no answer', async (_, each) => {
    const hostile = await startHostileSshd(world, (client) =>
      onReady(client, () => {
        stopReading(client);
        floodMessages(client, each);
      }),
    );
    await bystander.expectToldOne(await attacked(world, hostile, UNHURRIED), ANSWERS_OR_MESSAGES);
  });

  test('asks on a channel without end, and reads no answer', async () => {
    const hostile = await startHostileSshd(world, (client) =>
      onCommand(client, (grant) => {
        const id = outgoingId(grant());
        stopReading(client);
        floodMessages(client, () => message(98, id, text('x'), 1));
      }),
    );
    const told = await attacked(world, hostile, UNHURRIED);
    await stateOf(told.connection, 'online');
    await expect(told.connection.run('true', unhurried)).rejects.toThrow(SshUnavailable);
    await bystander.expectToldOne(told, ANSWERS_OR_MESSAGES);
  });

  test('exchanges keys over and over', async () => {
    const hostile = await startHostileSshd(world, (client) =>
      onReady(client, () => {
        const again = () => client.rekey(() => setImmediate(again));
        again();
      }),
    );
    await bystander.expectTold(await attacked(world, hostile, UNHURRIED), 'exchanges keys over and over');
  });

  test.each([0, 1, 9, 512, 1_023])('takes packets of %i bytes on a channel', async (size) => {
    const hostile = await startHostileSshd(world, (client) => {
      const protocol = Reflect.get(client, '_protocol') as Record<string, (...args: number[]) => void>;
      const confirm = protocol['channelOpenConfirm']?.bind(protocol);
      protocol['channelOpenConfirm'] = (remote = 0, local = 0, window = 0) => confirm?.(remote, local, window, size);
      letIn(client);
      client.on('session', (accept) => void accept());
    });
    const told = await attacked(world, hostile, UNHURRIED);
    await bystander.expectTold(told, `takes packets of no more than ${size} bytes on a channel`);
  });
});

describe('a channel that a server', () => {
  /** Grants the first command once its request is over, and then does what `attack` does. */
  async function grantLate(attack: (channel: ServerChannel, client: Connection) => void) {
    const over = Promise.withResolvers<void>();
    let isFirst = true;
    const hostile = await startHostileSshd(world, (client) =>
      onCommand(client, (grant) => {
        if (!isFirst) return;
        isFirst = false;
        void over.promise.then(() => {
          const channel = grant();
          for (const name of ['end', 'close', 'destroy']) Reflect.set(channel, name, () => {});
          attack(channel, client);
        });
      }),
    );
    const told = await attacked(world, hostile, UNHURRIED);
    await stateOf(told.connection, 'online');
    await told.connection.run('true', request).catch(over.resolve);
    return told;
  }

  test.each([
    ['output', undefined],
    ['complaints', STDERR],
    ['data that SSH knows no name of', 7],
  ])('grants when nobody waits for it any more keeps nothing of its %s', async (_, type) => {
    const told = await grantLate((channel, client) => {
      const head =
        type === undefined ? message(94, outgoingId(channel)) : message(95, outgoingId(channel), uint32(type));
      floodMessages(client, () => message(head, text(block)));
    });
    // The last is dropped before anybody counts it on a channel.
    await bystander.expectTold(told, type === 7 ? 'that nobody asked for' : 'data that nobody needs any more');
  });

  test('opens and never grants keeps no more than its window', async () => {
    const hostile = await startHostileSshd(world, (client) => {
      letIn(client);
      client.on('session', (accept) => {
        accept();
        floodMessages(client, () => message(94, uint32(0), text(block)));
      });
    });
    await bystander.expectTold(await attacked(world, hostile, UNHURRIED), 'more on a channel than its window allows');
  });

  test('grants too late and ends well gives its place back', async () => {
    const release = Promise.withResolvers<void>();
    let grants = 0;
    const hostile = await startHostileSshd(world, (client) =>
      onCommand(client, (grant) => {
        void release.promise.then(() => {
          grants += 1;
          const channel = grant();
          channel.write('a greeting that nobody reads');
          channel.stderr.write('and a warning');
          answeringShell(channel, () => {});
          channel.on('end', () => {
            channel.exit(0);
            channel.end();
          });
        });
      }),
    );
    const { connection } = await attacked(world, hostile, { ...UNHURRIED, silenceMs: 500 });
    await stateOf(connection, 'online');
    await Promise.all([1, 2, 3, 4].map(() => connection.run('true', request).catch(() => {})));
    release.resolve();
    await eventually(() => grants === 4);
    // All places are there again: a shell answers, though nothing runs in it.
    await expect(connection.run('true', { timeoutMs: 5_000 })).rejects.toThrow('was stopped: the deadline');
    await bystander.expectHarmless(connection, '');
  });

  const afterEnd: Readonly<Record<string, readonly [boolean, number | undefined]>> = {
    'sends output on': [false, undefined],
    'sends complaints on': [false, STDERR],
    'grants late and sends output on': [true, undefined],
    'grants late and sends complaints on': [true, STDERR],
  };
  test.each(Object.entries(afterEnd))('%s after its end costs the connection alone', async (_, [isLate, type]) => {
    const crashes: unknown[] = [];
    const note = (error: unknown) => void crashes.push(error);
    process.on('uncaughtException', note);
    const sendOn = (channel: ServerChannel, client: Connection) => {
      sendMessage(client, message(96, outgoingId(channel)));
      sendData(client, channel, Buffer.from('x'), type);
    };
    try {
      const told = isLate ? await grantLate(sendOn) : await attackFirst(sendOn);
      await bystander.expectTold(told, 'sends more on a channel after the end of it');
      expect(crashes).toEqual([]);
    } finally {
      process.off('uncaughtException', note);
    }
  });

  async function attackFirst(attack: (channel: ServerChannel, client: Connection) => void) {
    const hostile = await startHostileSshd(world, (client) => onCommand(client, (grant) => attack(grant(), client)));
    const told = await attacked(world, hostile, UNHURRIED);
    await stateOf(told.connection, 'online');
    await told.connection.run('true', request).catch(() => {});
    return told;
  }
});

test('an upload goes no further than a server that has no SFTP reads it, whatever its window', async () => {
  const marks: string[] = [];
  const hostile = await startHostileSshd(world, (client) => {
    const protocol = Reflect.get(client, '_protocol') as Record<string, (...args: number[]) => void>;
    const confirm = protocol['channelOpenConfirm']?.bind(protocol);
    protocol['channelOpenConfirm'] = (remote = 0, local = 0) => confirm?.(remote, local, 0xffff_ffff, 32 * KIB);
    onCommand(client, (grant) => {
      const channel = grant();
      let heard = '';
      answeringShell(channel, () => {});
      channel.on('data', (data: Buffer) => {
        heard += data;
        const mark = /'begin ([0-9a-f]{24})'/.exec(heard)?.[1];
        if (mark === undefined || marks.includes(mark)) return;
        marks.push(mark);
        channel.write(`\nbegin ${mark}\n`);
        stopReading(client);
        // Receipts for what it hasn't read.
        const timer = setInterval(() => sendMessage(client, message(82)), 2);
        client.on('close', () => clearInterval(timer));
      });
    });
  });
  const { connection } = await attacked(world, hostile, UNHURRIED);
  await stateOf(connection, 'online');
  let taken = 0;
  const content = (async function* () {
    for (; taken < 4_096; taken += 1) yield Buffer.alloc(256 * KIB);
  })();
  const upload = connection.files.write('archive', content, { mode: 0o600, timeoutMs: 6_000 });
  await expect(upload).rejects.toThrow(SshInterrupted);
  expect(marks).toHaveLength(1);
  // What the system itself holds of a connection is a few MiB more.
  expect(taken / 4).toBeGreaterThan(1);
  expect(taken / 4).toBeLessThan(64);
  await bystander.expectHarmless(connection, '');
});
