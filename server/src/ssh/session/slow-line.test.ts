import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { TcpProxy } from '../../../test/support/tcp-proxy.ts';
import type { SshConnection } from '../connection.ts';
import { SshWorld } from '../testing.ts';

// What an upload has put into a line, everything else on the connection waits for.

vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

const KIB = 1024;
const NO_SFTP = 'Subsystem none /bin/false';
const request = { timeoutMs: 120_000 };
/** A silent connection is given up sooner than the line would take for what sshd's windows take, 2 MiB each. */
const timing = { keepAliveIntervalMs: 1_500, keepAliveMisses: 2, silenceMs: 30_000 };

let world: SshWorld;
let proxy: TcpProxy;
beforeAll(async () => {
  world = await SshWorld.create();
});
afterAll(() => world.close());
afterEach(() => proxy[Symbol.asyncDispose]());

async function connectSlowly(bytesPerSecond: number, ...extraConfig: string[]) {
  const sshd = await world.startSshd({ extraConfig });
  proxy = await TcpProxy.start({ host: sshd.host, port: sshd.port });
  const line = sshd.knownHostsLine.replace(`:${sshd.port} `, `:${proxy.port} `);
  const settings = await world.settings({ host: sshd.host, port: proxy.port, knownHostsLine: line });
  const connection = world.connect(settings, {}, { timing });
  await connection.files.stat('.profile', request);
  const states: string[] = [];
  connection.onStateChange((state) => states.push(JSON.stringify(state)));
  proxy.limit(bytesPerSecond);
  return { connection, states };
}

async function upload(connection: SshConnection, name: string, bytes: number): Promise<void> {
  const content = randomBytes(bytes);
  await connection.files.write(name, content, { mode: 0o600, ...request });
  const { stdout } = await connection.run(`sha256sum < ${name}`, request);
  expect(stdout.slice(0, 64)).toBe(createHash('sha256').update(content).digest('hex'));
}

test.each([
  ['one by commands', 'commands', 1, 120 * KIB, NO_SFTP],
  ['two by commands', 'commands', 2, 200 * KIB, NO_SFTP],
  ['two by commands, with new keys on the way', 'commands', 2, 200 * KIB, `${NO_SFTP}\nRekeyLimit 256K`],
  ['one by SFTP', 'sftp', 1, 120 * KIB, 'LogLevel INFO'],
  ['two by SFTP', 'sftp', 2, 200 * KIB, 'LogLevel INFO'],
])(
  'uploads over a slow line arrive whole, and commands are answered meanwhile: %s',
  async (_, kind, count, rate, config) => {
    const { connection, states } = await connectSlowly(rate, ...config.split('\n'));
    expect(connection.files.transport).toBe(kind);
    let isUploading = true;
    const uploads = Promise.all(
      Array.from({ length: count }, (_element, index) => upload(connection, `file-${index}`, (1536 * KIB) / count + 7)),
    ).finally(() => {
      isUploading = false;
    });
    let answered = 0;
    const commands = (async () => {
      for (; isUploading; answered += 1) expect((await connection.run('echo fine', request)).stdout).toBe('fine\n');
    })();
    await Promise.all([uploads, commands]);
    expect(answered).toBeGreaterThan(1);
    expect(states).toEqual([]);
  },
);
