import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import type { Connection, ServerChannel } from 'ssh2';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SshWorld, stateOf } from '../testing.ts';
import {
  answeringShell,
  attacked,
  Bystander,
  type Hostile,
  letIn,
  message,
  outgoingId,
  sendMessage,
  startHostileSshd,
  stopReading,
  text,
  uint32,
} from './testing.ts';

// A jump host and a cluster of one owner, which take all that is sent to them, read nothing of it and answer all the same.

vi.setConfig({ testTimeout: 90_000, hookTimeout: 300_000 });

const KIB = 1024;
const UNHURRIED = { quickRetryMs: 20 };
const HUGE_WINDOW = 0xf000_0000;

let world: SshWorld;
let bystander: Bystander;
beforeAll(async () => {
  world = await SshWorld.create();
  bystander = await Bystander.create(world);
});
afterAll(() => world.close());
beforeEach(() => bystander.begin());

const enlarge = (client: Connection, channel: ServerChannel) =>
  sendMessage(client, message(93, outgoingId(channel), uint32(HUGE_WINDOW)));

const every = (ms: number, client: Connection, work: () => void) => {
  const timer = setInterval(work, ms);
  client.on('close', () => clearInterval(timer));
};

/** Forwards to itself. `cluster` is what it is at the end of the way; it is given what stops the first host's reading. */
async function startBoth(cluster: (client: Connection, stop: () => void) => void): Promise<Hostile> {
  let port = 0;
  let first: Connection | undefined;
  const hostile = await startHostileSshd(world, (client) => {
    letIn(client);
    client.on('tcpip', (accept) => {
      const channel = accept();
      first = client;
      enlarge(client, channel);
      const onward = createConnection(port, '127.0.0.1');
      onward.pipe(channel).pipe(onward);
      for (const stream of [onward, channel]) stream.on('error', () => {});
    });
    cluster(client, () => stopReading(first ?? client));
  });
  port = (await hostile.settings()).port ?? 0;
  return hostile;
}

async function attackedBy(hostile: Hostile, isJumped: boolean) {
  if (!isJumped) return attacked(world, hostile, UNHURRIED);
  const settings = await hostile.settings();
  const proxyJump = `${settings.user}@127.0.0.1:${settings.port}`;
  const lines = await readFile(settings.knownHosts ?? '', 'utf8');
  const knownHosts = await world.file('known_hosts', `${lines}${lines.replace('127.0.0.1', '127.0.0.2')}`);
  const jumped = { ...settings, host: '127.0.0.2', knownHosts, proxyJump };
  return attacked(world, { connections: 0, settings: async () => jumped }, UNHURRIED);
}

/** As much as is taken, and how much that was, in MiB. */
function endless() {
  const taken = { mib: 0 };
  const content = (async function* () {
    for (; taken.mib < 900; taken.mib += 0.25) yield Buffer.alloc(256 * KIB);
  })();
  return { taken, content };
}

describe.each([
  ['a cluster', false],
  ['a cluster behind a jump host', true],
])('an upload to %s that reads nothing', (_, isJumped) => {
  test.each([
    ['and gives no receipts', false],
    ['and gives receipts', true],
  ])('by commands takes little memory: %s', async (_what, givesReceipts) => {
    const hostile = await startBoth((client, stop) => {
      client.on('session', (accept) => {
        const session = accept();
        session.on('sftp', (_grant, reject) => reject?.());
        session.on('exec', (grant) => {
          const channel = grant();
          let heard = '';
          let isBegun = false;
          answeringShell(channel, () => {});
          channel.on('data', (data: Buffer) => {
            heard += data;
            const mark = /'begin ([0-9a-f]{24})'/.exec(heard)?.[1];
            if (mark === undefined || isBegun) return;
            isBegun = true;
            enlarge(client, channel);
            channel.write(`\nbegin ${mark}\n`);
            setTimeout(stop, 30);
            if (givesReceipts) every(1, client, () => sendMessage(client, message(82)));
          });
        });
      });
    });
    const { connection } = await attackedBy(hostile, isJumped);
    await stateOf(connection, 'online');
    const { taken, content } = endless();
    const upload = connection.files.write('archive', content, { mode: 0o600, timeoutMs: 6_000 });
    await expect(upload).rejects.toThrow();
    if (givesReceipts) expect(taken.mib).toBeGreaterThan(1);
    expect(taken.mib).toBeLessThan(64);
    await bystander.expectHarmless(connection, '');
  });
});

describe('a server that ends the connection and leaves it open is connected to anew at once:', () => {
  const reason = (code: number) => message(1, uint32(code), text('bye'), text(''));
  test.each([
    ['by application', reason(11)],
    ['for another reason', reason(2)],
    ['for one that there is not', reason(77)],
    ['without a reason', message(1)],
    ['with half a reason', message(1, Buffer.from([0, 0]))],
  ])('%s', async (_, farewell) => {
    let sent = 0;
    const hostile = await startHostileSshd(world, (client) => {
      letIn(client);
      client.on('ready', () => {
        sent += 1;
        stopReading(client);
        sendMessage(client, farewell);
      });
    });
    const told = await attacked(world, hostile, UNHURRIED);
    // Far sooner than a silent connection is given up.
    await expect.poll(() => told.messages.some((words) => words.includes('was lost')), { timeout: 25_000 }).toBe(true);
    await expect.poll(() => sent, { timeout: 25_000 }).toBeGreaterThan(1);
    await bystander.expectHarmless(told.connection, '');
  });
});
