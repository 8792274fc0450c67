import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { READ_AT_ONCE, ReadingPace } from './reading-pace.ts';

const CLIENTS = 12;
const BODY = Buffer.alloc(1024 * 1024, 'x');
const HEAD = `HTTP/1.1\r\nhost: a\r\ncontent-length: ${BODY.length}\r\n\r\n`;

let server: Server;
let pace: ReadingPace;
let accepted: Socket[];
let clients: Socket[];
/** Reads of those who may wait, by turn of the event loop. */
let reads: number[];
let whole: number;
const patient = new Set<Socket>();

beforeEach(async () => {
  [accepted, clients, reads, whole] = [[], [], [0], 0];
  patient.clear();
  pace = new ReadingPace((socket) => patient.has(socket));
  server = createServer((request, response) => {
    pace.begin(request.socket);
    // Node then reads and discards the rest of the body.
    if (request.url === '/refused') response.writeHead(401).end();
    request.resume().on('end', () => {
      whole += 1;
      if (!response.writableEnded) response.end();
    });
  });
  server.on('connection', (socket: Socket) => {
    accepted.push(socket);
    patient.add(socket);
    pace.watch(socket);
    socket.on('data', () => {
      if (patient.has(socket)) reads[reads.length - 1] = (reads.at(-1) ?? 0) + 1;
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
  clients = Array.from({ length: CLIENTS }, () => connect(port, '127.0.0.1').on('error', () => undefined));
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

it.each(['/taken', '/refused'])(
  'few bodies are read in one turn if they take long, and all in the end: %s',
  async (path) => {
    await connectAll();
    readsTake(100);
    for (const client of clients) client.resume().write(`POST ${path} ${HEAD}`);
    for (const client of clients) client.write(BODY);
    await until(() => (path === '/taken' ? whole === CLIENTS : reads.length > 2000 || whole === CLIENTS));
    expect(Math.max(...reads)).toBeLessThanOrEqual(READ_AT_ONCE + 1);
    expect(whole).toBe(CLIENTS);
  },
);

it('who may not wait is read whatever the others take', async () => {
  await connectAll();
  const [first] = accepted;
  if (first === undefined) throw new Error('nobody');
  patient.delete(first);
  readsTake(100);
  const own = clients.find(({ localPort }) => localPort === first.remotePort);
  for (const client of clients) client.write(`POST / ${HEAD}`);
  for (const client of clients) client.write(BODY);
  let isAnswered = false;
  own?.on('data', () => {
    isAnswered = true;
  });
  await until(() => isAnswered);
  expect(whole).toBeLessThan(CLIENTS);
  await until(() => whole === CLIENTS);
});

it('what takes little is read as it comes', async () => {
  await connectAll();
  readsTake(0);
  for (const client of clients) client.resume().write(`POST / ${HEAD}`);
  for (const client of clients) client.write(BODY);
  await until(() => whole === CLIENTS);
  expect(Math.max(...reads)).toBeGreaterThan(READ_AT_ONCE + 1);
});

it('who leaves while waiting is forgotten, and the others are read', async () => {
  await connectAll();
  readsTake(100);
  for (const client of clients) client.resume().write(`POST / ${HEAD}`);
  for (const client of clients.slice(0, CLIENTS / 2)) client.write(BODY);
  for (const client of clients.slice(CLIENTS / 2)) client.resetAndDestroy();
  await until(() => whole === CLIENTS / 2);
  await until(() => accepted.filter(({ destroyed }) => destroyed).length === CLIENTS / 2);
});

it('an upgraded connection is its own master', async () => {
  await connectAll();
  readsTake(100);
  const upgraded = new Promise<Socket>((resolve) => {
    server.on('upgrade', (_request, socket: Socket) => {
      pace.forget(socket);
      resolve(socket);
    });
  });
  clients[0]?.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
  const socket = await upgraded;
  let bytes = 0;
  socket.on('data', ({ length }: Buffer) => {
    bytes += length;
  });
  clients[0]?.write(BODY);
  for (const client of clients.slice(1)) client.resume().write(`POST / ${HEAD}`);
  for (const client of clients.slice(1)) client.write(BODY);
  await until(() => whole === CLIENTS - 1 && bytes === BODY.length);
});
