import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { TestServer } from '../support/server.ts';
import { changed, changesWith } from './changes.ts';
import type { Fuzzed, Trial } from './fuzz.ts';
import { expectAnswer, expectNoFault, PATIENCE_MS, type Result, startServer } from './staged-server.ts';

// Messages of graphql-transport-ws in frames (RFC 6455, section 5), which come in pieces and may be broken.

const TEXT = 1;
const CLOSE = 8;
const FINAL = 0x80;
const INIT_TIMEOUT = 4408;
/** Its answer says that all before it has been read. */
const LAST = '{"type":"ping","payload":{"last":true}}';

interface Talk {
  readonly messages: readonly string[];
  /** The lengths of the frames that a message is parted into, again and again. */
  readonly frames: readonly number[];
  /** The lengths of the pieces in which all of it is sent, again and again. */
  readonly pieces: readonly number[];
  /** Bytes, one character each, that stand in it behind so many thousandths. */
  readonly broken: { readonly at: number; readonly bytes: string } | null;
}

/** What a server says: its messages as texts, and the code with which it closes. */
interface Heard {
  readonly texts: readonly string[];
  readonly code: number | null;
}

const QUERIES = [
  '{ version }',
  '{ jobs(first: 2) { nodes { id } } }',
  '{ nothing }',
  '{',
  'query A { version } query B { version }',
];
const subscribe = (id: string, query: string) => JSON.stringify({ id, type: 'subscribe', payload: { query } });
const orderly = fc.oneof(
  fc.constant('{"type":"ping"}'),
  fc.tuple(fc.uuid(), fc.constantFrom(...QUERIES)).map(([id, query]) => subscribe(id, query)),
);
const odd = fc.oneof(
  fc.constantFrom('', 'null', '[]', '1', '"x"', '{', '{"type":null}', '{"type":"next"}', '{"type":"pong","payload":1}'),
  fc.constantFrom(
    '{"type":"connection_init"}',
    '{"type":"complete","id":"a"}',
    '{"type":"complete"}',
    '[['.repeat(5_000),
  ),
  fc.constantFrom(
    ...[subscribe('a', '{ version }'), subscribe('', '{ version }'), subscribe('x'.repeat(2_000), '{ version }')],
    '{"id":"a","type":"subscribe","payload":{"query":"{ version }","variables":[1],"operationName":5,"extensions":7}}',
    '{"id":{"toString":1},"type":"subscribe","payload":{"query":{"a":1}}}',
    '{"id":"__proto__","type":"subscribe","payload":{"query":"{ version }","__proto__":{"a":1}}}',
  ),
  fc
    .tuple(orderly, changesWith(['"type":', '"payload":', '"id":', '{}', '"complete"']))
    .map(([text, steps]) => steps.reduce(changed, text)),
);
const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(100_000)), {
  minLength: 1,
  maxLength: 4,
});
const bytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 12 }).map((some) => Buffer.from(some).toString('latin1')),
  // A frame of more than there is memory, without a mask, of an opcode that there is not; a ping that is too long; a close.
  fc.constantFrom('\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff', '\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff', '\x81\x01a'),
  fc.constantFrom(
    '\x8b\x80\0\0\0\0',
    '\xf1\x80\0\0\0\0',
    '\x89\xfe\x10\0\0\0\0\0',
    '\x88\x81\0\0\0\0a',
    '\x80\x80\0\0\0\0',
  ),
);

async function open(): Promise<Trial<Talk>> {
  const server = await startServer();
  const init = JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${server.token}` } });
  const begin = fc.oneof({ weight: 9, arbitrary: fc.constant([init]) }, fc.constant([]));
  const rest = fc.oneof(fc.array(orderly, { maxLength: 6 }), fc.array(fc.oneof(orderly, odd), { maxLength: 6 }));
  return {
    inputs: fc.record({
      messages: fc.tuple(begin, rest).map((parts) => parts.flat()),
      ...{ frames: lengths, pieces: lengths },
      broken: fc.oneof(
        { weight: 2, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.record({ at: fc.nat(999), bytes }) },
      ),
    }),
    check: (talk) => check(server, talk),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** All is heard to the end or the connection closed; in whatever pieces it comes, it is answered alike. */
async function check(server: TestServer, talk: Talk): Promise<void> {
  const logged = server.errors.length;
  const heard = await speak(server, talk);
  for (const text of heard.texts) {
    const { type, payload } = JSON.parse(text) as { type: string; payload?: unknown };
    if (type === 'error') expectAnswer({ errors: payload as NonNullable<Result['errors']> });
    if (type === 'next') expectAnswer(payload as Result);
  }
  if (heard.code === 1011 || heard.code === 4500) throw new Error(`it closes with ${heard.code}`);
  if (talk.broken === null && talk.messages.every(isOrderly)) {
    const whole = await speak(server, {
      ...talk,
      frames: [Number.MAX_SAFE_INTEGER],
      pieces: [Number.MAX_SAFE_INTEGER],
    });
    if (!isTooLate(heard) && !isTooLate(whole) && !isDeepStrictEqual(sorted(heard), sorted(whole))) {
      throw new Error(`it says ${JSON.stringify(heard)}, at once ${JSON.stringify(whole)}`);
    }
  }
  expectNoFault(server, logged);
}

/** On a busy machine it may have come too late with its credential: then it is cut off, before anything is said. */
function isTooLate({ texts, code }: Heard): boolean {
  return texts.length === 0 && (code === null || code === INIT_TIMEOUT);
}

/** Operations have their answers in any order. */
function sorted({ texts, code }: Heard): Heard {
  return { texts: texts.toSorted(), code };
}

/** What is answered the same however fast it comes. */
function isOrderly(message: string, index: number): boolean {
  if (index === 0) return message.startsWith('{"type":"connection_init","payload":{"authorization":');
  return message === '{"type":"ping"}' || /^\{"id":"[0-9a-f-]{36}","type":"subscribe"/.test(message);
}

async function speak(server: TestServer, talk: Talk): Promise<Heard> {
  const { hostname, port } = new URL(server.address);
  const socket = connect(Number(port), hostname);
  // What a server that has closed is still sent breaks.
  socket.on('error', () => {});
  const awaited = new Set([...talk.messages].filter((text, at) => at > 0 && isOrderly(text, at)).flatMap(idOf));
  const isWhole = talk.broken === null && talk.messages.every(isOrderly);
  const { promise, resolve, reject } = Promise.withResolvers<Heard>();
  const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<void>();
  const texts: string[] = [];
  let code: number | null = null;
  let isHeard = false;
  const timer = setTimeout(() => reject(new Error(`it hangs: ${JSON.stringify(texts)}`)), PATIENCE_MS);
  const frames = new Frames((opcode, payload) => {
    if (opcode === CLOSE) code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    if (opcode === CLOSE) socket.end();
    if (opcode !== TEXT) return;
    const text = payload.toString();
    texts.push(text);
    const { type, id, payload: said } = JSON.parse(text) as { type: string; id?: string; payload?: { last?: boolean } };
    if (type === 'connection_ack') acknowledge();
    if (type === 'complete' || type === 'error') awaited.delete(id ?? '');
    if (type === 'pong' && said?.last === true) isHeard = true;
    if (isHeard && (awaited.size === 0 || !isWhole)) resolve({ texts, code });
  });
  socket.on('data', (data) => frames.take(data));
  socket.once('close', () => resolve({ texts, code }));
  try {
    socket.write(
      `GET /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    );
    const [init = '', ...rest] = talk.messages;
    const isLetIn = talk.broken === null && isOrderly(init, 0);
    if (isLetIn) {
      await send(socket, streamOf({ ...talk, messages: [init] }), talk.pieces);
      // Who asks before is closed.
      await Promise.race([acknowledged, promise]);
    }
    await send(socket, streamOf({ ...talk, messages: [...(isLetIn ? rest : talk.messages), LAST] }), talk.pieces);
    // What is broken may take all that follows for its own: then it has an end at least.
    if (talk.broken !== null) socket.end();
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function idOf(message: string): string[] {
  const id = /^\{"id":"([0-9a-f-]{36})"/.exec(message)?.[1];
  return id === undefined ? [] : [id];
}

function streamOf({ messages, frames, broken }: Talk): Buffer {
  const whole = Buffer.concat(messages.flatMap((text) => framesOf(Buffer.from(text), frames)));
  if (broken === null) return whole;
  const at = Math.floor((whole.length * broken.at) / 1000);
  return Buffer.concat([whole.subarray(0, at), Buffer.from(broken.bytes, 'latin1'), whole.subarray(at)]);
}

/** A text message as a client sends it, in several frames. */
function framesOf(message: Buffer, sizes: readonly number[]): Buffer[] {
  const frames: Buffer[] = [];
  for (let start = 0, turns = 0; start < message.length || turns === 0; turns += 1) {
    const end = start + (sizes[turns % sizes.length] ?? 1);
    const payload = message.subarray(start, end);
    const mask = randomBytes(4);
    const long = payload.length > 125;
    const head = Buffer.alloc(long ? 10 : 2);
    head[0] = (turns === 0 ? TEXT : 0) | (end >= message.length ? FINAL : 0);
    head[1] = FINAL | (long ? 127 : payload.length);
    if (long) head.writeBigUInt64BE(BigInt(payload.length), 2);
    frames.push(head, mask, Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0))));
    start = end;
  }
  return frames;
}

async function send(socket: Socket, bytes: Buffer, sizes: readonly number[]): Promise<void> {
  for (let start = 0, turns = 0; start < bytes.length && socket.writable; turns += 1) {
    // Not more pieces than a busy machine sends in time.
    const length = Math.max(sizes[turns % sizes.length] ?? 1, Math.ceil(bytes.length / 200));
    socket.write(bytes.subarray(start, start + length));
    start += length;
    await turn();
  }
}

/** Takes apart what a server sends: the head of its answer, then frames, none of them masked. */
class Frames {
  readonly #onFrame: (opcode: number, payload: Buffer) => void;
  #received = Buffer.alloc(0);
  #isOpen = false;

  constructor(onFrame: (opcode: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    if (!this.#isOpen) {
      const end = this.#received.indexOf('\r\n\r\n');
      if (end === -1) return;
      this.#isOpen = true;
      this.#received = this.#received.subarray(end + 4);
    }
    for (;;) {
      const all = this.#received;
      const short = (all[1] ?? 0) & 0x7f;
      const headLength = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (all.length < headLength) return;
      const length = short === 126 ? all.readUInt16BE(2) : short === 127 ? Number(all.readBigUInt64BE(2)) : short;
      if (all.length < headLength + length) return;
      this.#received = all.subarray(headLength + length);
      this.#onFrame((all[0] ?? 0) & 0x0f, all.subarray(headLength, headLength + length));
    }
  }
}

export const MESSAGES: Fuzzed<Talk> = { name: 'messages over WebSocket', share: 10, batch: 20, open };
