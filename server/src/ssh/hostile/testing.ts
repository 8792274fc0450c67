import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import ssh2, { type Algorithms, type Connection, type ServerChannel, type SFTPWrapper } from 'ssh2';
import { expect } from 'vitest';
import { heldBytes } from '../../domain/testing.ts';
import type { SshConnection } from '../connection.ts';
import type { ConnectionState } from '../connection-state.ts';
import type { SshSettings } from '../settings.ts';
import { eventually, type SshWorld } from '../testing.ts';
import type { SshTiming } from '../timing.ts';

// An SSH server that means harm, or is broken: for tests. What is honest of it is ssh2's own server.

const { utils } = ssh2;
const MIB = 1024 * 1024;
const unhurried = { timeoutMs: 30_000 };

/** A connection to a hostile server, and all messages of its states. */
export interface Attacked {
  readonly connection: SshConnection;
  readonly messages: readonly string[];
}

export async function attacked(world: SshWorld, hostile: Hostile, timing: Partial<SshTiming>): Promise<Attacked> {
  const messages: string[] = [];
  const connection = world.connect(await hostile.settings(), {}, { timing });
  const note = (state: ConnectionState) => {
    if ('message' in state && state.message !== null) messages.push(state.message);
  };
  connection.onStateChange(note);
  note(connection.state);
  return { connection, messages };
}

/** A connection to a server that means no harm, which goes on whatever others do. */
export class Bystander {
  readonly #connection: SshConnection;
  #heldBefore = heldBytes();

  private constructor(connection: SshConnection) {
    this.#connection = connection;
  }

  static async create(world: SshWorld): Promise<Bystander> {
    const connection = world.connect(await world.settings(await world.startSshd()));
    await connection.run('true', unhurried);
    return new Bystander(connection);
  }

  /** An attack is about to begin. */
  begin(): void {
    this.#heldBefore = heldBytes();
  }

  /** That others have gone on, and that nothing was kept of what came. Stops the connection that was attacked. */
  async expectHarmless(connection: SshConnection, told: string): Promise<void> {
    expect((await this.#connection.run('echo fine', unhurried)).stdout).toBe('fine\n');
    expect(told.length).toBeLessThan(6_000);
    expect(heldBytes() - this.#heldBefore).toBeLessThan(100 * MIB);
    await connection.stop();
  }

  /** The same, once the connection has told what the server did. */
  expectTold(told: Attacked, words: string): Promise<void> {
    return this.expectToldOne(told, [words]);
  }

  /** Which of the faults is noticed first depends on how fast the messages come. */
  async expectToldOne({ connection, messages }: Attacked, faults: readonly string[]): Promise<void> {
    const isTold = (message: string) => faults.some((words) => message.includes(words));
    await eventually(
      () => messages.some(isTold),
      () => `${JSON.stringify(faults)} among ${JSON.stringify(messages.map((message) => message.slice(0, 300)))}`,
    );
    await this.expectHarmless(connection, messages.find(isTold) ?? '');
  }
}

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

/** Sends a message of any kind, encrypted as it has to be at this time, an exchange of keys included (ssh2 1.17, lib/protocol/Protocol.js). */
export function sendMessage(client: Connection, payload: Buffer): void {
  const protocol: unknown = Reflect.get(client, '_protocol');
  const { write } = Reflect.get(protocol as object, '_packetRW') as {
    write: {
      allocStartKEX: number;
      alloc(size: number, isInExchange: boolean): Buffer;
      finalize(packet: Buffer, isInExchange: boolean): Buffer;
    };
  };
  const cipher = Reflect.get(protocol as object, '_cipher') as { encrypt(packet: Buffer): void };
  const packet = write.alloc(payload.length, true);
  packet.set(payload, write.allocStartKEX);
  cipher.encrypt(write.finalize(packet, true));
}

/** Data of a channel, whatever its window. `type`: 1 for standard error; undefined: plain data. */
export function sendData(client: Connection, channel: ServerChannel, data: Buffer, type?: number): void {
  const head = type === undefined ? [94, outgoingId(channel)] : [95, outgoingId(channel), uint32(type)];
  sendMessage(client, message(...head, text(data)));
}

/** The number by which the other side knows a channel. */
export function outgoingId(channel: ServerChannel): Buffer {
  const { id } = Reflect.get(channel, 'outgoing') as { id: number };
  return uint32(id);
}

/** Bytes and what follows them. */
export function message(...parts: readonly (number | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part)));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Sends messages without end, as fast as they are taken. `each` gives what to send next. */
export function floodMessages(client: Connection, each: () => Buffer): void {
  const socket = socketOf(client);
  const timer = setInterval(() => {
    for (let turn = 0; turn < 200 && socket.writable && socket.writableLength < MIB; turn += 1) {
      sendMessage(client, each());
    }
  }, 1);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}

/** The server reads nothing more of what comes. */
export function stopReading(client: Connection): void {
  const socket = socketOf(client);
  socket.removeAllListeners('data');
  socket.pause();
}

function socketOf(client: Connection): Socket {
  return Reflect.get(client, '_sock') as Socket;
}

/** As in RFC 4251, section 5. */
export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export const { STATUS_CODE } = utils.sftp;
