import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import ssh2, { type Algorithms, type Connection, type ServerChannel, type SFTPWrapper } from 'ssh2';
import type { SshSettings } from '../settings.ts';
import type { SshWorld } from '../testing.ts';

// An SSH server that means harm, or is broken: for tests. What is honest of it is ssh2's own server.

const { utils } = ssh2;

export interface Hostile {
  /** How many have connected. */
  readonly connections: number;
  settings(): Promise<SshSettings>;
}

/** One that speaks no SSH. `attack` is given each connection. */
export async function startRawServer(world: SshWorld, attack: (socket: Socket) => void): Promise<Hostile> {
  const server = createServer();
  return listen(world, server, (socket) => attack(socket), '127.0.0.1 ssh-ed25519 AAAA');
}

/**
 * One that everybody gets to speak with; whom it lets in, and what it does then, is up to `attack`. `algorithms`: in
 * the place of those that ssh2 offers of itself.
 */
export async function startHostileSshd(
  world: SshWorld,
  attack: (client: Connection) => void,
  algorithms: Algorithms = {},
): Promise<Hostile> {
  const path = world.path('hostile');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  const server = new ssh2.Server({ hostKeys: [readFileSync(path)], algorithms }, (client) => {
    client.on('error', () => {});
    attack(client);
  });
  const sockets = createServer();
  return listen(world, sockets, (socket) => server.injectSocket(socket), readFileSync(`${path}.pub`, 'utf8').trim());
}

async function listen(
  world: SshWorld,
  server: Server,
  onSocket: (socket: Socket) => void,
  key: string,
): Promise<Hostile> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  world.onClose(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    get connections() {
      return connections;
    },
    settings: () => world.settings({ host: '127.0.0.1', port, knownHostsLine: `[127.0.0.1]:${port} ${key}` }),
  };
}

/** Lets everybody in. */
export function letIn(client: Connection): void {
  client.on('authentication', (context) => context.accept());
}

/** Lets everybody in, and gives `attack` each channel that a command is run on, before it is granted. */
export function onCommand(client: Connection, attack: (grant: () => ServerChannel) => void): void {
  letIn(client);
  client.on('session', (accept) => {
    const session = accept();
    // SFTP is what the attack isn't about.
    session.on('subsystem', (_accept, reject) => reject?.());
    session.on('exec', (grant) => attack(grant));
  });
}

/** A command's channel on which a shell seems to have answered; `then` is called once the script has come. */
export function answeringShell(channel: ServerChannel, then: () => void): void {
  let heard = '';
  let isAnswered = false;
  channel.on('data', (data: Buffer) => {
    heard += data;
    const nonce = /'shell ([0-9a-f]{24})'/.exec(heard)?.[1];
    if (nonce === undefined) return;
    if (isAnswered) return;
    isAnswered = true;
    channel.write(`\nshell ${nonce}\n`);
    channel.stderr.write(`\nshell ${nonce}\n`);
    then();
  });
}

/** Lets everybody in to an SFTP that `attack` answers for. */
export function onSftp(client: Connection, attack: (sftp: SFTPWrapper) => void): void {
  letIn(client);
  client.on('session', (accept) => {
    const session = accept();
    session.on('exec', (_grant, reject) => reject?.());
    session.on('sftp', (grant) => {
      const sftp = grant();
      sftp.on('error', () => {});
      attack(sftp);
    });
  });
}

/** Writes as fast as it is taken, until the other side has gone. */
export function flood(stream: { write(data: Buffer): boolean; writable: boolean }, data: Buffer): void {
  const timer = setInterval(() => {
    for (let turn = 0; turn < 64; turn += 1) {
      if (!stream.writable) {
        clearInterval(timer);
        return;
      }
      if (!stream.write(data)) return;
    }
  }, 1);
  timer.unref();
}

/** Sends a message of any kind, encrypted as it has to be at this time (ssh2 1.17, lib/protocol/Protocol.js). */
export function sendMessage(client: Connection, payload: Buffer): void {
  const protocol: unknown = Reflect.get(client, '_protocol');
  const { write } = Reflect.get(protocol as object, '_packetRW') as {
    write: { allocStart: number; alloc(size: number): Buffer; finalize(packet: Buffer): Buffer };
  };
  const cipher = Reflect.get(protocol as object, '_cipher') as { encrypt(packet: Buffer): void };
  const packet = write.alloc(payload.length);
  packet.set(payload, write.allocStart);
  cipher.encrypt(write.finalize(packet));
}

/** As in RFC 4251, section 5. */
export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export const { STATUS_CODE } = utils.sftp;
