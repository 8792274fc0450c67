import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MOST_UNREAD_BYTES, ReadingPace } from './reading-pace.ts';

const CLIENTS = 12;
/** One of each rank, if each takes longer than a turn. */
const MOST_READS = 3;
const BODY = Buffer.alloc(1024 * 1024, 'x');
const HEAD = `HTTP/1.1\r\nhost: a\r\ncontent-length: ${BODY.length}\r\n\r\n`;
const SMALL = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

let server: Server;
let pace: ReadingPace;
let accepted: Socket[];
let clients: Socket[];
/** By turn of the event loop. */
let reads: number[];
/** Requests that have come, by the client's port. */
let whole: (number | undefined)[];
let refused: Socket[];
const newcomers = new Set<Socket>();
/** Of the others: ada. */
const accounts = new Map<Socket, string>();

beforeEach(async () => {
  [accepted, clients, reads, whole, refused] = [[], [], [0], [], []];
  newcomers.clear();
  accounts.clear();
  pace = new ReadingPace({
    accountOf: (socket) => (newcomers.has(socket) ? null : (accounts.get(socket) ?? 'ada')),
    refuse: (socket) => {
      refused.push(socket);
      socket.destroy();
    },
  });
  server = createServer((request, response) => {
    // Node then reads and discards the rest of the body.
    if (request.url === '/refused') response.writeHead(401).end();
    request.resume().on('end', () => {
      whole.push(request.socket.remotePort);
      if (!response.writableEnded) response.end();
    });
  });
  server.on('connection', (socket: Socket) => {
    accepted.push(socket);
    pace.watch(socket);
    socket.on('data', () => {
      reads[reads.length - 1] = (reads.at(-1) ?? 0) + 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const socket of [...clients, ...accepted]) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function connectAll(): Promise<void> {
  const { port } = server.address() as AddressInfo;
  clients = Array.from({ length: CLIENTS }, () =>
    connect(port, '127.0.0.1')
      .on('error', () => undefined)
      .resume(),
  );
  await until(() => accepted.length === CLIENTS);
}

/** Counts by turns meanwhile. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await nextTurn();
    reads.push(0);
  }
}

/** By the clock, each read takes this long. */
function readsTake(milliseconds: number): void {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += milliseconds;
    return now;
  });
}

function send(message: string | Buffer): void {
  for (const client of clients) client.write(message);
}

describe.each(['newcomers', 'clients with a credential'])('of %s', (who) => {
  beforeEach(async () => {
    await connectAll();
    if (who === 'newcomers') for (const socket of accepted) newcomers.add(socket);
  });

  it.each(['/taken', '/refused'])(
    'few bodies are read in one turn if they take long, and all in the end: %s',
    async (path) => {
      readsTake(100);
      send(`POST ${path} ${HEAD}`);
      send(BODY);
      await until(() => whole.length === CLIENTS);
      expect(Math.max(...reads)).toBeLessThanOrEqual(MOST_READS);
    },
  );

  it.each([
    ['small ones', SMALL],
    ['one that comes in one piece', `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 60000\r\n\r\n${'x'.repeat(60_000)}`],
    [
      'one in chunks',
      `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(10_000)}0\r\n\r\n`,
    ],
    ['several at once', SMALL.repeat(8)],
    ['several long ones', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(12_000)}\r\n\r\n`.repeat(8)],
    ['one and the head of another', `${SMALL}POST / ${HEAD}`],
  ])('few requests behind others are read in one turn: %s', async (_what, requests) => {
    send(SMALL);
    await until(() => whole.length === CLIENTS);
    readsTake(100);
    reads = [0];
    send(requests);
    const wanted = CLIENTS + CLIENTS * (requests.match(/(GET|POST) /g)?.length ?? 0);
    await until(() => whole.length === (requests.endsWith(HEAD) ? wanted - CLIENTS : wanted));
    expect(Math.max(...reads)).toBeLessThanOrEqual(MOST_READS);
  });

  it.each(['together with the handshake', 'later'])(
    'little is read in one turn behind an upgrade: what comes %s',
    async (when) => {
      const upgraded: Socket[] = [];
      let bytes = 0;
      server.on('upgrade', (_request, socket: Socket, head: Buffer) => {
        pace.upgrade(socket, { isPaused: () => false, admits: () => true });
        upgraded.push(socket);
        socket.unshift(head);
        socket.on('data', ({ length }: Buffer) => {
          bytes += length;
        });
      });
      readsTake(100);
      send('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
      if (when === 'later') await until(() => upgraded.length === CLIENTS);
      send(BODY);
      await until(() => bytes === CLIENTS * BODY.length);
      expect(Math.max(...reads)).toBeLessThanOrEqual(MOST_READS);
    },
  );

  it('what takes little is read as it comes', async () => {
    readsTake(0);
    send(`POST / ${HEAD}`);
    send(BODY);
    await until(() => whole.length === CLIENTS);
    expect(Math.max(...reads)).toBeGreaterThan(MOST_READS);
  });

  it('who leaves while waiting is forgotten, and the others are read', async () => {
    readsTake(100);
    send(`POST / ${HEAD}`);
    for (const client of clients.slice(0, CLIENTS / 2)) client.write(BODY);
    for (const client of clients.slice(CLIENTS / 2)) client.resetAndDestroy();
    await until(() => whole.length === CLIENTS / 2);
    await until(() => accepted.filter(({ destroyed }) => destroyed).length === CLIENTS / 2);
  });

  it('who sends all and ends is answered', async () => {
    readsTake(100);
    for (const client of clients) client.end(SMALL);
    await until(() => whole.length === CLIENTS);
  });
});

it.each([
  ['a newcomer', true],
  ['a client with a credential', false],
])('a small request is read before those that take much: of %s', async (_who, isNewcomer) => {
  await connectAll();
  const [own] = clients;
  const ownSocket = accepted.find(({ remotePort }) => remotePort === own?.localPort);
  if (isNewcomer && ownSocket !== undefined) newcomers.add(ownSocket);
  readsTake(100);
  for (const client of clients.slice(1)) client.write(`POST / ${HEAD}`);
  for (const client of clients.slice(1)) client.write(BODY);
  await until(() => reads.reduce((left, right) => left + right) > CLIENTS);
  own?.write(SMALL);
  await until(() => whole.includes(own?.localPort));
  expect(whole.length).toBeLessThan(CLIENTS / 2);
  await until(() => whole.length === CLIENTS);
});

describe('an upgraded connection', () => {
  /** Another one has used up the turn, so what it gets waits. */
  async function waiting(reader: { isPaused: () => boolean; admits: (bytes: number) => boolean }) {
    const sockets = [1, 2].map(() => {
      const socket = new Duplex({ read: () => undefined }) as Socket;
      pace.watch(socket);
      return socket;
    });
    const [first, second] = sockets as [Socket, Socket];
    await nextTurn();
    pace.upgrade(second, reader);
    const pieces: number[] = [];
    second.on('data', ({ length }: Buffer) => pieces.push(length));
    readsTake(100);
    first.push(Buffer.alloc(10));
    second.push(Buffer.alloc(20));
    return { socket: second, pieces };
  }

  it('that is paused is read once it is resumed', async () => {
    let isPaused = true;
    const { socket, pieces } = await waiting({ isPaused: () => isPaused, admits: () => true });
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    expect(pieces).toEqual([]);
    isPaused = false;
    socket.resume();
    await until(() => pieces.length > 0);
    expect(pieces).toEqual([20]);
  });

  it('may be resumed early, and is still read in its turn', async () => {
    const { socket, pieces } = await waiting({ isPaused: () => false, admits: () => true });
    socket.resume();
    await Promise.resolve();
    expect(pieces).toEqual([]);
    await until(() => pieces.length > 0);
    expect(pieces).toEqual([20]);
  });

  it('is given no more than its reader admits', async () => {
    let left = 30;
    const admits = (bytes: number) => {
      left -= bytes;
      return left >= 0;
    };
    const { socket, pieces } = await waiting({ isPaused: () => false, admits });
    await until(() => pieces.length > 0);
    socket.push(Buffer.alloc(20));
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    expect(pieces).toEqual([20]);
  });

  it('is not read any more once it is closed', async () => {
    const { socket, pieces } = await waiting({ isPaused: () => false, admits: () => true });
    let rest: Buffer | null = null;
    socket.on('close', () => {
      rest = socket.read();
    });
    socket.destroy();
    await until(() => socket.closed);
    expect([pieces, rest]).toEqual([[], null]);
  });
});

it('a connection is closed if too much waits already, unless it has sent little', async () => {
  readsTake(100);
  const piece = Buffer.alloc(64 * 1024);
  const opened = Array.from({ length: MOST_UNREAD_BYTES / piece.length + 4 }, () => {
    const socket = new Duplex({ read: () => undefined }) as Socket;
    pace.watch(socket);
    return socket;
  });
  await nextTurn();
  for (const socket of opened.slice(0, -1)) socket.push(piece);
  opened.at(-1)?.push(Buffer.alloc(100));
  // The first one was read at once.
  expect(refused).toEqual(opened.slice(-3, -1));
});

describe('accounts take turns with what is large', () => {
  /** Of which account each of the first connections is; null: of none. */
  it.each<[string, readonly (string | null)[], string | null]>([
    ['one of another account', ['ben'], 'ada'],
    ['one of another account, beside newcomers', ['ben'], null],
    ['a newcomer', [null], 'ada'],
    ['some of another account', ['ben', 'ben'], 'ada'],
    ['those of several accounts', ['ben', 'cleo'], 'ada'],
    ['one of another account and a newcomer', ['ben', null], 'ada'],
  ])('%s: read before most of the one that has many connections', async (_who, own, many) => {
    await connectAll();
    const late = clients.slice(0, own.length).map(({ localPort }) => localPort);
    for (const socket of accepted) {
      const account = own[late.indexOf(socket.remotePort)];
      const name = account === undefined ? many : account;
      if (name === null) newcomers.add(socket);
      else accounts.set(socket, name);
    }
    readsTake(100);
    for (const client of clients.slice(own.length)) {
      client.write(`POST / ${HEAD}`);
      client.write(BODY);
    }
    await until(() => reads.reduce((left, right) => left + right) > CLIENTS);
    for (const client of clients.slice(0, own.length)) {
      client.write(`POST / ${HEAD}`);
      client.write(BODY);
    }
    await until(() => late.every((port) => whole.includes(port)));
    expect(whole.length).toBeLessThan(CLIENTS / 2);
    await until(() => whole.length === CLIENTS);
    expect(Math.max(...reads)).toBeLessThanOrEqual(MOST_READS);
  });

  it.each<[string, string | null, string | null]>([
    ['an account', 'ada', 'ben'],
    ['newcomers', null, 'ben'],
    ['an account, beside newcomers', 'ada', null],
  ])('if too much waits of %s, others stay, and its largest connection is closed', async (_who, many, one) => {
    readsTake(100);
    const piece = Buffer.alloc(64 * 1024);
    const open = (account: string | null) => {
      const socket = new Duplex({ read: () => undefined }) as Socket;
      pace.watch(socket);
      if (account === null) newcomers.add(socket);
      else accounts.set(socket, account);
      return socket;
    };
    const [other, ...opened] = [one, ...Array<typeof many>(MOST_UNREAD_BYTES / piece.length + 1).fill(many)].map(open);
    await nextTurn();
    for (const socket of opened.slice(0, -1)) socket.push(piece);
    // Less than what waits already, so a further one is too much.
    const largest = opened[7];
    opened.at(-1)?.push(piece.subarray(0, 8 * 1024));
    largest?.push(piece.subarray(0, 8 * 1024));
    expect(refused).toEqual([]);
    other?.push(piece);
    expect(refused).toEqual([largest]);
  });
});
