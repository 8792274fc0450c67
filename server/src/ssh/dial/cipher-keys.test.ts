import { KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import ssh2, { type CipherAlgorithm, type Client, type ClientChannel } from 'ssh2';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { SshWorld } from '../testing.ts';
import { keepKeysAsObjects } from './cipher-keys.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

let world: SshWorld;
beforeAll(async () => {
  world = await SshWorld.create();
});
afterAll(() => world.close());

/** Every value that ssh2 calls a key, of both directions. */
function keysOf(client: Client): readonly unknown[] {
  const { _cipher, _decipher } = (client as unknown as { _protocol: Record<string, Record<string, unknown>> })
    ._protocol;
  const fields = [...Object.entries(_cipher ?? {}), ...Object.entries(_decipher ?? {})];
  return fields.flatMap(([name, value]) => (/key$/i.test(name) ? [value] : []));
}

test.each<CipherAlgorithm>(['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes256-ctr'])(
  'with %s, ssh2 has keys where they are looked for, and goes on with them as objects after each handshake',
  async (cipher) => {
    const sshd = await world.startSshd({ extraConfig: ['RekeyLimit 100K'] });
    const client = new ssh2.Client();
    const handshakes: (readonly unknown[])[] = [];
    client.on('handshake', () => {
      keepKeysAsObjects(client);
      handshakes.push(keysOf(client));
    });
    // sshd may reset the connection that is ended here. What breaks it before that fails the wait for it.
    client.on('error', () => {});
    const { host, port } = sshd;
    const privateKey = await readFile(world.keyFile);
    client.connect({ host, port, username: world.account.name, privateKey, algorithms: { cipher: [cipher] } });
    try {
      await once(client, 'ready');
      const sent = randomBytes(1_000_000);
      const channel = await new Promise<ClientChannel>((resolve, reject) =>
        client.exec('cat', (error, opened) => (error === undefined ? resolve(opened) : reject(error))),
      );
      channel.end(sent);
      const received: Buffer[] = [];
      for await (const data of channel) received.push(data as Buffer);
      expect(Buffer.concat(received).equals(sent)).toBe(true);
    } finally {
      client.destroy();
    }
    expect(handshakes.length).toBeGreaterThan(2);
    for (const keys of handshakes) {
      expect(keys.length).toBeGreaterThanOrEqual(2);
      expect(keys.every((key) => key instanceof KeyObject)).toBe(true);
    }
  },
);
