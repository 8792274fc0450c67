import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Connection, ServerChannel, SFTPWrapper } from 'ssh2';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SshError } from '../errors.ts';
import { eventually, SshWorld, stateOf } from '../testing.ts';
import {
  answeringShell,
  attacked,
  Bystander,
  flood,
  letIn,
  onCommand,
  onSftp,
  STATUS_CODE,
  sendData,
  sendMessage,
  startHostileSshd,
  startRawServer,
  text,
} from './testing.ts';

// Whatever a server does, it costs bounded time and memory, it is told, and other clusters go on.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const MIB = 1024 * 1024;
const SOON = { connectTimeoutMs: 2_000 };
/** Of those that are to be logged in to. */
const UNHURRIED = { silenceMs: 3_000, quickRetryMs: 20 };
const request = { timeoutMs: 2_000 };
/** The deadline is what ends some: it is soon for them alone, since a busy machine is slow to come to the others' end. */
const requestEndedBy = (words: RegExp) => (/deadline/.test(words.source) ? request : unhurried);
const unhurried = { timeoutMs: 30_000 };

let world: SshWorld;
let bystander: Bystander;
beforeAll(async () => {
  world = await SshWorld.create();
  bystander = await Bystander.create(world);
});
afterAll(() => world.close());

beforeEach(() => bystander.begin());

const packet = (length: number, rest: Buffer) => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return Buffer.concat([head, rest]);
};
const IDENT = 'SSH-2.0-hostile\r\n';

describe('before it is known to be an SSH server, one that', () => {
  const attacks: Readonly<Record<string, readonly [(socket: Socket) => void, string]>> = {
    'says nothing': [() => {}, 'the deadline of 2000 ms passed while logging in'],
    'ends at once': [(socket) => socket.end(), 'broke off before the login'],
    'resets the connection': [(socket) => socket.resetAndDestroy(), 'ECONNRESET'],
    'sends one line without end': [(socket) => flood(socket, Buffer.alloc(65_536, 'x')), 'broke off before the login'],
    'sends lines without end': [
      (socket) => flood(socket, Buffer.from('hello\r\n'.repeat(9_000))),
      'broke off before the login',
    ],
    'sends very long lines': [
      (socket) => flood(socket, Buffer.from(`${'x'.repeat(60_000)}\r\n`)),
      'broke off before the login',
    ],
    'says its name letter by letter': [
      (socket) => {
        let sent = 0;
        setInterval(() => socket.writable && socket.write(IDENT[sent++ % 3] ?? 'S'), 50).unref();
      },
      'the deadline of 2000 ms passed while logging in',
    ],
    'is no SSH server': [
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'the deadline of 2000 ms passed while logging in',
    ],
    'speaks an SSH of its own': [(socket) => socket.write('SSH-9.9-next\r\n'), 'broke off before the login'],
    'sends noise instead of an exchange of keys': [
      (socket) => {
        socket.write(IDENT);
        flood(socket, randomBytes(65_536));
      },
      'broke off before the login',
    ],
    'sends a message of four gigabytes': [
      (socket) => {
        socket.write(IDENT);
        socket.write(packet(0xffff_ffff, Buffer.alloc(8)));
        flood(socket, Buffer.alloc(65_536));
      },
      'broke off before the login',
    ],
    'offers a list of ways without end': [
      (socket) => {
        socket.write(IDENT);
        const list = Buffer.concat([Buffer.from([10, 20]), randomBytes(16), text('x,'.repeat(16_000))]);
        const body = Buffer.concat([list, Buffer.alloc(10)]);
        flood(socket, packet(body.length, body));
      },
      'broke off before the login',
    ],
  };
  test.each(Object.entries(attacks))('%s is given up, and told', async (_, [attack, words]) => {
    await bystander.expectTold(await attacked(world, await startRawServer(world, attack), SOON), words);
  });
});

describe('during the login, a server that', () => {
  const banner = Buffer.concat([Buffer.from([53]), text('x'.repeat(30_000)), text('')]);
  const attacks: Readonly<Record<string, readonly [(client: Connection) => void, string]>> = {
    'never answers': [(client) => void client.on('authentication', () => {}), 'the deadline of 2000 ms passed'],
    'sends banners without end': [
      (client) =>
        void client.on('authentication', () => {
          const timer = setInterval(() => sendMessage(client, banner), 1);
          client.on('close', () => clearInterval(timer));
        }),
      'sends endless text before the login',
    ],
    'sends messages that mean nothing, without end': [
      (client) =>
        void client.on('authentication', () => {
          const nothing = Buffer.concat([Buffer.from([2]), text('x'.repeat(30_000))]);
          const timer = setInterval(() => sendMessage(client, nothing), 1);
          client.on('close', () => clearInterval(timer));
        }),
      'sends endless text before the login',
    ],
    'takes each key and wants more': [
      (client) => void client.on('authentication', (context) => context.reject(['publickey'], true)),
      'refused',
    ],
    'wants something that nobody has': [
      (client) => void client.on('authentication', (context) => context.reject(['magic' as 'password'])),
      'refused',
    ],
    'asks a thousand things at once': [
      (client) =>
        void client.on('authentication', (context) => {
          if (context.method !== 'keyboard-interactive') context.reject(['keyboard-interactive']);
          else context.prompt(Array(1_000).fill({ prompt: 'x', echo: false }), () => context.reject());
        }),
      'asks',
    ],
    'ends it with a very long reason': [
      (client) =>
        void client.on('authentication', () =>
          sendMessage(client, Buffer.concat([Buffer.from([1, 0, 0, 0, 2]), text('because '.repeat(4_000)), text('')])),
        ),
      'because',
    ],
    'sends half a message': [
      (client) => void client.on('authentication', () => sendMessage(client, Buffer.from([51, 255, 255, 255, 255]))),
      'broke off the login',
    ],
  };
  test.each(Object.entries(attacks))('%s is given up, and told', async (_, [attack, words]) => {
    await bystander.expectTold(await attacked(world, await startHostileSshd(world, attack), SOON), words);
  });
});

describe('on channels, a server that', () => {
  const lost: Readonly<Record<string, readonly [(client: Connection) => void, string]>> = {
    'answers no request for a channel': [
      (client) => {
        letIn(client);
        client.on('session', () => {});
      },
      'answers no request for a channel',
    ],
    'grants channels and runs nothing on them': [
      (client) => onCommand(client, () => {}),
      'answers no request for a channel',
    ],
    'lets no command end, and no channel close': [
      (client) =>
        onCommand(client, (grant) => {
          const channel = grant();
          // ssh2 would answer the end of the other side.
          for (const name of ['end', 'close', 'destroy']) Reflect.set(channel, name, () => {});
        }),
      'block all further ones',
    ],
    'sends on what nobody wants any more': [
      (client) =>
        onCommand(client, (grant) => {
          const channel = grant();
          for (const name of ['end', 'close', 'destroy']) Reflect.set(channel, name, () => {});
          const timer = setInterval(() => sendData(client, channel, Buffer.alloc(16_384, 'x')), 1);
          client.on('close', () => clearInterval(timer));
        }),
      'keeps sending data that nobody needs',
    ],
  };
  test.each(Object.entries(lost))('%s has its connection given up, and told', async (_, [attack, words]) => {
    const told = await attacked(world, await startHostileSshd(world, attack), { ...UNHURRIED, silenceMs: 1_000 });
    const ask = () => Promise.all([1, 2, 3, 4, 5].map(() => told.connection.run('true', request).catch(() => {})));
    await eventually(async () => {
      await ask();
      return told.messages.some((message) => message.includes(words));
    });
    await bystander.expectTold(told, words);
  });

  const failing: Readonly<Record<string, readonly [(channel: ServerChannel, client: Connection) => void, RegExp]>> = {
    'brings no shell': [() => {}, /the deadline of 2000 ms passed before a shell answered/],
    'never ends': [(channel) => answeringShell(channel, () => {}), /was stopped: the deadline of 2000 ms passed/],
    'prints without end before a shell answers': [
      (channel) => flood(channel, Buffer.alloc(16_384, 'x')),
      /prints endless text/,
    ],
    'prints without end': [
      (channel) => answeringShell(channel, () => flood(channel, Buffer.alloc(16_384, 'x'))),
      /printed more than 16777216 bytes/,
    ],
    'complains without end': [
      (channel) => answeringShell(channel, () => flood(channel.stderr, Buffer.alloc(16_384, 'x'))),
      /printed more than 16777216 bytes/,
    ],
    'prints byte by byte': [
      (channel, client) =>
        answeringShell(channel, () => {
          const timer = setInterval(() => {
            for (let turn = 0; turn < 500; turn += 1) sendData(client, channel, Buffer.from('x'));
          }, 1);
          client.on('close', () => clearInterval(timer));
        }),
      /was stopped: the deadline of 2000 ms passed/,
    ],
    'ends well without having run anything': [
      (channel) => {
        channel.exit(0);
        channel.end();
      },
      /ended with exit code 0 instead of running a command/,
    ],
    'ends without an exit code': [
      (channel) => answeringShell(channel, () => channel.end()),
      /ended without an exit code/,
    ],
    'is ended by a signal that there is not': [
      (channel) =>
        answeringShell(channel, () => {
          channel.exit('x'.repeat(10_000), true, 'y'.repeat(10_000));
          channel.end();
        }),
      /ended without an exit code/,
    ],
    'closes at once': [(channel) => channel.close(), /before a shell answered|instead of running a command/],
  };
  test.each(Object.entries(failing))('a command on one that %s fails within its bounds', async (_, [attack, words]) => {
    const hostile = await startHostileSshd(world, (client) => onCommand(client, (grant) => attack(grant(), client)));
    const { connection } = await attacked(world, hostile, UNHURRIED);
    await stateOf(connection, 'online');
    const failure = await connection.run('true', requestEndedBy(words)).then(
      () => new Error('it ran'),
      (error: Error) => error,
    );
    expect(failure).toBeInstanceOf(SshError);
    expect(failure.message).toMatch(words);
    await bystander.expectHarmless(connection, failure.message);
  });

  test('an exit code that no program has is passed on as it is, and nothing else comes of it', async () => {
    const hostile = await startHostileSshd(world, (client) =>
      onCommand(client, (grant) => {
        const channel = grant();
        answeringShell(channel, () => {
          channel.exit(0xffff_ffff);
          channel.end();
        });
      }),
    );
    const { connection } = await attacked(world, hostile, UNHURRIED);
    expect(await connection.run('true', unhurried)).toEqual({ exitCode: 0xffff_ffff, stdout: '', stderr: '' });
    await bystander.expectHarmless(connection, '');
  });
});

describe('over SFTP, a server that', () => {
  const FILE = 0o100600;
  const HUGE = Number.MAX_SAFE_INTEGER + 1;
  const attributes = (parts: object) =>
    ({ mode: FILE, size: 10, uid: 0, gid: 0, atime: 1, mtime: 1, ...parts }) as Parameters<SFTPWrapper['attrs']>[1];
  const plain = (sftp: SFTPWrapper) => {
    sftp.on('LSTAT', (id) => sftp.attrs(id, attributes({})));
    sftp.on('OPEN', (id) => sftp.handle(id, Buffer.from('1')));
    sftp.on('CLOSE', (id) => sftp.status(id, STATUS_CODE.OK));
  };
  const names = (count: number) =>
    Array.from({ length: count }, () => ({ filename: 'x', longname: 'x', attrs: attributes({}) }));
  const openedWith = (sftp: SFTPWrapper, answer: (id: number) => void) => {
    plain(sftp);
    sftp.removeAllListeners('OPEN');
    sftp.on('OPEN', answer);
  };
  const lies: Readonly<Record<string, readonly [(sftp: SFTPWrapper) => void, RegExp]>> = {
    'tells a size that no file has': [
      (sftp) => sftp.on('LSTAT', (id) => sftp.attrs(id, attributes({ size: HUGE * 512 }))),
      /a size or a time that no file can have/,
    ],
    'tells no attributes': [
      (sftp) => sftp.on('LSTAT', (id) => sftp.attrs(id, {} as Parameters<SFTPWrapper['attrs']>[1])),
      /does not report what it is/,
    ],
    'tells no size': [
      (sftp) => sftp.on('LSTAT', (id) => sftp.attrs(id, { mode: FILE } as Parameters<SFTPWrapper['attrs']>[1])),
      /does not report what it is/,
    ],
    'says that all is well, and nothing else': [
      (sftp) => sftp.on('LSTAT', (id) => sftp.status(id, STATUS_CODE.OK)),
      /the cluster answers nothing/,
    ],
    'gives a list of names without end for attributes': [
      (sftp) => sftp.on('LSTAT', (id) => sftp.name(id, names(500))),
      /does not report what it is/,
    ],
    'fails with very many words': [
      (sftp) => sftp.on('LSTAT', (id) => sftp.status(id, STATUS_CODE.FAILURE, 'x'.repeat(30_000))),
      /characters cut/,
    ],
    'opens and gives no handle': [
      (sftp) => openedWith(sftp, (id) => sftp.status(id, STATUS_CODE.OK)),
      /the cluster answers nothing/,
    ],
    'opens and gives attributes for a handle': [
      (sftp) => openedWith(sftp, (id) => sftp.attrs(id, attributes({}))),
      /the cluster answers nothing that was asked for/,
    ],
    'opens and gives the attributes of a directory for a handle': [
      (sftp) => openedWith(sftp, (id) => sftp.attrs(id, attributes({ mode: 0o040700 }))),
      /the cluster answers nothing that was asked for/,
    ],
    'opens and gives a name for a handle': [
      (sftp) => openedWith(sftp, (id) => sftp.name(id, names(1))),
      /the cluster answers nothing that was asked for/,
    ],
    'opens and gives many names for a handle': [
      (sftp) => openedWith(sftp, (id) => sftp.name(id, names(500))),
      /the cluster answers nothing that was asked for/,
    ],
    'opens and gives no name for a handle': [
      (sftp) => openedWith(sftp, (id) => sftp.name(id, [])),
      /the cluster answers nothing that was asked for/,
    ],
    'gives single bytes without end': [
      (sftp) => {
        plain(sftp);
        sftp.on('READ', (id) => setTimeout(() => sftp.data(id, Buffer.from('x')), 2));
      },
      /the deadline of 2000 ms passed/,
    ],
    'answers nothing after a while': [
      (sftp) => {
        plain(sftp);
        sftp.on('READ', () => {});
      },
      /the deadline of 2000 ms passed before the answer came/,
    ],
    'answers what was not asked': [
      (sftp) => sftp.on('LSTAT', () => sftp.status(123_456, STATUS_CODE.OK)),
      /the deadline of 2000 ms passed before the answer came/,
    ],
    'ends at the first request': [
      (sftp) => sftp.on('LSTAT', () => sftp.end()),
      /session ended before the answer came|connection broke before/,
    ],
  };
  test.each(Object.entries(lies))('%s fails within its bounds', async (_, [attack, words]) => {
    const hostile = await startHostileSshd(world, (client) => onSftp(client, attack));
    const { connection } = await attacked(world, hostile, UNHURRIED);
    await eventually(() => connection.files.transport === 'sftp');
    const failure = await connection.files.read('file', 0, 4 * MIB, requestEndedBy(words)).then(
      () => new Error('it was read'),
      (error: Error) => error,
    );
    expect(failure).toBeInstanceOf(SshError);
    expect(failure.message).toMatch(words);
    await bystander.expectHarmless(connection, failure.message);
  });
});
