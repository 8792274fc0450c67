import type { Connection } from 'ssh2';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { eventually, SshWorld, stateOf } from '../testing.ts';
import { attacked, Bystander, letIn, message, sendMessage, startHostileSshd, text, uint32 } from './testing.ts';

// A server that opens sessions and runs nothing in them, as one does whose login has too many processes.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const KIB = 1024;
const UNHURRIED = { quickRetryMs: 20 };
const STDERR = 1;
const request = { timeoutMs: 10_000 };

let world: SshWorld;
let bystander: Bystander;
beforeAll(async () => {
  world = await SshWorld.create();
  bystander = await Bystander.create(world);
});
afterAll(() => world.close());
beforeEach(() => bystander.begin());

interface Refusing {
  readonly client: Connection;
  /** The number by which the other side knows the session. */
  readonly id: Buffer;
  refuse(): void;
  close(): void;
}

/** Lets everybody in, and has `answer` answer each request for a command. */
function refuseCommands(client: Connection, answer: (session: Refusing) => void): void {
  letIn(client);
  let opened = 0;
  client.on('session', (accept) => {
    // This side numbers its channels from 0 on.
    const id = uint32(opened);
    opened += 1;
    const session = accept();
    session.on('sftp', (_grant, reject) => reject?.());
    session.on('exec', (_grant, reject) =>
      answer({
        client,
        id,
        refuse: () => reject?.(),
        close: () => sendMessage(client, message(97, id)),
      }),
    );
  });
}

const output = (id: Buffer) => message(94, id, text(Buffer.alloc(32 * KIB, 'x')));
const complaint = (id: Buffer) => message(95, id, uint32(STDERR), text(Buffer.alloc(32 * KIB, 'x')));
const end = (id: Buffer) => message(96, id);

function fill(client: Connection, each: Buffer): void {
  for (let count = 0; count < 60; count += 1) sendMessage(client, each);
}

/** What a server does on each session before it refuses the command. */
const before: Readonly<Record<string, (session: Refusing) => void>> = {
  nothing: () => {},
  'output on it': ({ client, id }) => fill(client, output(id)),
  'complaints on it': ({ client, id }) => fill(client, complaint(id)),
  'both on it': ({ client, id }) => {
    for (let count = 0; count < 30; count += 1) {
      sendMessage(client, output(id));
      sendMessage(client, complaint(id));
    }
  },
  'output and the end of it': ({ client, id }) => {
    fill(client, output(id));
    sendMessage(client, end(id));
  },
};

describe.each(Object.entries(before))('%s, and then a refusal of the command,', (_, attack) => {
  test('costs nothing for long, however often, where the server closes the session', async () => {
    const hostile = await startHostileSshd(world, (client) =>
      refuseCommands(client, (session) => {
        attack(session);
        session.refuse();
        setTimeout(() => session.close(), 1);
      }),
    );
    const { connection } = await attacked(world, hostile, UNHURRIED);
    await stateOf(connection, 'online');
    for (let round = 0; round < 80; round += 1) {
      await expect(connection.run('true', request)).rejects.toThrow('started no command');
    }
    expect(connection.state.status).toBe('online');
    expect(hostile.connections).toBe(1);
    await bystander.expectHarmless(connection, '');
  });

  test('ends the connection where the server leaves the sessions open', async () => {
    const hostile = await startHostileSshd(world, (client) =>
      refuseCommands(client, (session) => {
        attack(session);
        session.refuse();
      }),
    );
    const told = await attacked(world, hostile, { ...UNHURRIED, silenceMs: 500 });
    await stateOf(told.connection, 'online');
    for (let round = 0; round < 8; round += 1) await told.connection.run('true', { timeoutMs: 300 }).catch(() => {});
    await bystander.expectTold(told, 'hang on the cluster');
  });
});

test('a session that the server closes instead of an answer gives its place back', async () => {
  const hostile = await startHostileSshd(world, (client) => refuseCommands(client, (session) => session.close()));
  const { connection } = await attacked(world, hostile, UNHURRIED);
  await stateOf(connection, 'online');
  for (let round = 0; round < 30; round += 1) {
    await expect(connection.run('true', request)).rejects.toThrow('was not sent');
  }
  expect(hostile.connections).toBe(1);
  await bystander.expectHarmless(connection, '');
});

test('a refusal that comes when nobody waits for it any more closes the session, too', async () => {
  const release = Promise.withResolvers<void>();
  let refused = 0;
  const hostile = await startHostileSshd(world, (client) =>
    refuseCommands(client, (session) => {
      void release.promise.then(() => {
        refused += 1;
        fill(client, output(session.id));
        session.refuse();
        setTimeout(() => session.close(), 1);
      });
    }),
  );
  const { connection } = await attacked(world, hostile, UNHURRIED);
  await stateOf(connection, 'online');
  await Promise.all([1, 2, 3, 4].map(() => connection.run('true', { timeoutMs: 300 }).catch(() => {})));
  release.resolve();
  await eventually(() => refused === 4);
  await expect(connection.run('true', request)).rejects.toThrow('started no command');
  expect(hostile.connections).toBe(1);
  await bystander.expectHarmless(connection, '');
});

test('a connection on which a server grants nothing any more, though nothing is open, is given up', async () => {
  const hostile = await startHostileSshd(world, (client) => {
    letIn(client);
    let opened = 0;
    client.on('session', (accept, reject) => {
      opened += 1;
      if (opened > 3) {
        reject();
        return;
      }
      const session = accept();
      session.on('sftp', (_grant, refuse) => refuse?.());
      session.on('exec', (grant) => {
        const channel = grant();
        channel.exit(1);
        channel.end();
      });
    });
  });
  const told = await attacked(world, hostile, { ...UNHURRIED, silenceMs: 500 });
  await stateOf(told.connection, 'online');
  for (let round = 0; round < 5; round += 1) await told.connection.run('true', { timeoutMs: 1_000 }).catch(() => {});
  await bystander.expectTold(told, 'grants no channel any more');
});
