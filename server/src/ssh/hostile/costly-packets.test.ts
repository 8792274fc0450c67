import type { Connection } from 'ssh2';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { SshWorld, stateOf } from '../testing.ts';
import {
  answeringShell,
  attacked,
  Bystander,
  flood,
  floodMessages,
  letIn,
  onCommand,
  sendData,
  startHostileSshd,
  startRawServer,
  stopReading,
} from './testing.ts';

// Each packet costs the same, whatever it carries.

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

const UNHURRIED = { quickRetryMs: 20 };
const unhurried = { timeoutMs: 60_000, maxOutputBytes: 64 * 1024 * 1024 };
const CIPHERS = ['aes128-gcm@openssh.com', 'aes256-ctr', 'chacha20-poly1305@openssh.com'] as const;
const NOBODY_ASKED = 'that nobody asked for';

let world: SshWorld;
let bystander: Bystander;
beforeAll(async () => {
  world = await SshWorld.create();
  bystander = await Bystander.create(world);
});
afterAll(() => world.close());
beforeEach(() => bystander.begin());

const empty = () => Buffer.alloc(0);

test.each(CIPHERS)('packets without a message while keys are exchanged end the connection: %s', async (cipher) => {
  const exchange = (client: Connection) => {
    letIn(client);
    client.on('ready', () => {
      // The exchange never ends.
      stopReading(client);
      client.rekey();
      floodMessages(client, empty);
    });
  };
  const hostile = await startHostileSshd(world, exchange, { cipher: [cipher] });
  // Those that come so slowly that they cost little end with the exchange.
  await bystander.expectToldOne(await attacked(world, hostile, UNHURRIED), [NOBODY_ASKED, 'Keepalive timeout']);
});

test('so do those before any exchange', async () => {
  const packet = Buffer.concat([Buffer.from([0, 0, 0, 12, 11]), Buffer.alloc(11)]);
  const hostile = await startRawServer(world, (socket) => {
    socket.write('SSH-2.0-x\r\n');
    flood(socket, packet);
  });
  await bystander.expectTold(await attacked(world, hostile, UNHURRIED), NOBODY_ASKED);
});

test.each([
  ['output', undefined],
  ['complaints', 1],
])('a server that sends %s byte by byte is read slowly, and whole', async (_, type) => {
  const bytes = 60_000;
  const hostile = await startHostileSshd(world, (client) =>
    onCommand(client, (grant) => {
      const channel = grant();
      answeringShell(channel, () => {
        for (let count = 0; count < bytes; count += 1) sendData(client, channel, Buffer.from('x'), type);
        channel.exit(0);
        channel.end();
      });
    }),
  );
  const { connection } = await attacked(world, hostile, UNHURRIED);
  await stateOf(connection, 'online');
  const { stdout, stderr } = await connection.run('true', unhurried);
  expect((type === undefined ? stdout : stderr).replaceAll('\n', '')).toBe('x'.repeat(bytes));
  expect(hostile.connections).toBe(1);
  await bystander.expectHarmless(connection, '');
});

test.each(CIPHERS)('commands of a real server that print little by little are answered whole: %s', async (cipher) => {
  const sshd = await world.startSshd({ extraConfig: [`Ciphers ${cipher}`, 'RekeyLimit 1M'] });
  const connection = world.connect(await world.settings(sshd));
  await connection.run('true', unhurried);
  const states: string[] = [];
  connection.onStateChange((state) => states.push(JSON.stringify(state)));
  const little = 'i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done';
  const numbers = Array.from({ length: 20_000 }, (_element, index) => `${index}\n`).join('');
  const slow = 'i=0; while [ $i -lt 300 ]; do /bin/echo x; i=$((i+1)); done';
  const large = "head -c 8000000 /dev/zero | tr '\\0' x";
  const answers = await Promise.all(
    [little, little, slow, large].map(async (script) => (await connection.run(script, unhurried)).stdout),
  );
  expect(answers[0]).toBe(numbers);
  expect(answers[1]).toBe(numbers);
  expect(answers[2]).toBe('x\n'.repeat(300));
  expect(answers[3]).toHaveLength(8_000_000);
  expect(states).toEqual([]);
});
