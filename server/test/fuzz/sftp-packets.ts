import fc from 'fast-check';

// What a server may answer to a request over SFTP, version 3 (draft-ietf-secsh-filexfer-02), and what it may not.

const VERSION = 2;
const STATUS = 101;
const HANDLE = 102;
const DATA = 103;
const NAME = 104;
const ATTRS = 105;
const FILE = 0o100600;
const DIRECTORY = 0o040700;
/** Size, permissions and times. */
const KNOWN = 1 | 4 | 8;

/** One character a byte in `text`. `length`: what it says of itself, where that is a lie. */
type Field = { readonly uint: number } | { readonly text: string; readonly length: number | null };

export type Reply =
  /** As it should be; `held`: behind the next one; `twice`: once more than that. */
  | { readonly kind: 'right' | 'held' | 'twice' | 'silence' | 'end' }
  /** `id`: of the request that is answered, shifted. `length`: what it says of itself. `cut`: so many bytes of it come. */
  | {
      readonly kind: 'packet';
      readonly type: number;
      readonly id: number | null;
      readonly fields: readonly Field[];
      readonly length: number | null;
      readonly cut: number | null;
    };

const uint = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 8, 255, FILE, DIRECTORY, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
  fc.nat({ max: 0xffff_ffff }),
);
const lie = fc.oneof(
  { weight: 6, arbitrary: fc.constant(null) },
  fc.constantFrom(0, 1, 4, 5, 9, 260_000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffb, 0xffff_ffff),
);
const word = fc.oneof(
  fc.constantFrom('', 'h', '/a', '\xff\xfe', '\0'),
  fc.constantFrom(1_000, 40_000).map((length) => 'x'.repeat(length)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);
const number: fc.Arbitrary<Field> = uint.map((value) => ({ uint: value }));
const text: fc.Arbitrary<Field> = fc.record({ text: word, length: lie });

const attributes = fc.tuple(number, fc.array(number, { maxLength: 9 })).map(([flags, rest]) => [flags, ...rest]);
const names = fc
  .tuple(number, fc.array(fc.tuple(text, text, attributes), { maxLength: 3 }))
  .map(([count, entries]) => [count, ...entries.flatMap(([name, long, rest]) => [name, long, ...rest])]);
const body = fc.oneof(
  fc.record({ type: fc.constant(STATUS), fields: fc.tuple(number, text, text) }),
  fc.record({ type: fc.constant(HANDLE), fields: fc.tuple(text) }),
  fc.record({ type: fc.constant(DATA), fields: fc.tuple(text) }),
  fc.record({ type: fc.constant(NAME), fields: names }),
  fc.record({ type: fc.constant(ATTRS), fields: attributes }),
  fc.record({
    type: fc.oneof(fc.constantFrom(1, VERSION, 3, 5, 14, 20, 106, 200, 201), fc.nat({ max: 255 })),
    fields: fc.array(fc.oneof(number, text), { maxLength: 5 }),
  }),
);
const packet: fc.Arbitrary<Reply> = fc
  .record({
    body,
    id: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.constantFrom(null, 1, -1, 1000, 0x8000_0000)),
    length: lie,
    cut: fc.oneof({ weight: 8, arbitrary: fc.constant(null) }, fc.nat({ max: 30 })),
  })
  .map(({ body: { type, fields }, ...rest }) => ({ kind: 'packet', type, fields, ...rest }));

export const reply: fc.Arbitrary<Reply> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Reply>({ kind: 'right' }) },
  { weight: 12, arbitrary: packet },
  { weight: 3, arbitrary: fc.constantFrom<Reply>({ kind: 'held' }, { kind: 'twice' }) },
  { weight: 1, arbitrary: fc.constantFrom<Reply>({ kind: 'silence' }, { kind: 'end' }) },
);

/** What lies on this server: every path is this file. */
export const CONTENT = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));
const EOF = 1;

function encoded(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map((field) => {
      const head = Buffer.alloc(4);
      if ('uint' in field) {
        head.writeUInt32BE(field.uint);
        return head;
      }
      const bytes = Buffer.from(field.text, 'latin1');
      head.writeUInt32BE(field.length ?? bytes.length);
      return Buffer.concat([head, bytes]);
    }),
  );
}

function framed(type: number, payload: Buffer, length: number | null = null): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length ?? payload.length + 1);
  head[4] = type;
  return Buffer.concat([head, payload]);
}

const honest = (value: string): Field => ({ text: value, length: null });

/** A request as it came, from its type on. */
function rightReply(request: Buffer): Buffer {
  const type = request[0];
  if (type === 1) return framed(VERSION, encoded([{ uint: 3 }]));
  const id: Field = { uint: request.readUInt32BE(1) };
  // LSTAT, FSTAT, STAT: the last one is asked of directories alone.
  if (type === 7 || type === 8 || type === 17) {
    const mode = type === 17 ? DIRECTORY : FILE;
    const fields = [KNOWN, 0, CONTENT.length, mode, 1_795_494_207, 1_795_494_207];
    return framed(ATTRS, encoded([id, ...fields.map((value) => ({ uint: value }))]));
  }
  if (type === 3) return framed(HANDLE, encoded([id, honest('h')]));
  if (type === 5) {
    const at = 9 + request.readUInt32BE(5);
    const start = Number(request.readBigUInt64BE(at));
    const bytes = CONTENT.subarray(start, start + request.readUInt32BE(at + 8));
    if (bytes.length > 0) return framed(DATA, encoded([id, honest(bytes.toString('latin1'))]));
    return framed(STATUS, encoded([id, { uint: EOF }, honest(''), honest('')]));
  }
  return framed(STATUS, encoded([id, { uint: 0 }, honest(''), honest('')]));
}

/** Answers requests with these replies, and as it should behind them. */
export class Answering {
  readonly #replies: Iterator<Reply>;
  #received = Buffer.alloc(0);
  #held: Buffer[] = [];

  constructor(replies: readonly Reply[]) {
    this.#replies = replies.values();
  }

  /** What is to be sent upon some bytes of requests; null: it ends. */
  answer(bytes: Buffer): Buffer | null {
    this.#received = Buffer.concat([this.#received, bytes]);
    const sent: Buffer[] = [];
    while (this.#received.length >= 4) {
      const length = this.#received.readUInt32BE(0);
      if (this.#received.length < 4 + length) break;
      const answer = this.#replyTo(this.#received.subarray(4, 4 + length));
      this.#received = this.#received.subarray(4 + length);
      if (answer === null) return null;
      sent.push(answer);
    }
    return Buffer.concat(sent);
  }

  #replyTo(request: Buffer): Buffer | null {
    const next: Reply = this.#replies.next().value ?? { kind: 'right' };
    if (next.kind === 'end') return null;
    if (next.kind === 'silence') return Buffer.alloc(0);
    if (next.kind === 'held') {
      this.#held.push(rightReply(request));
      return Buffer.alloc(0);
    }
    const held = this.#held;
    this.#held = [];
    const right = rightReply(request);
    if (next.kind !== 'packet') return Buffer.concat([right, ...(next.kind === 'twice' ? [right] : []), ...held]);
    const id: Field[] = next.id === null ? [] : [{ uint: (request.readUInt32BE(1) + next.id) >>> 0 }];
    const whole = framed(next.type, encoded([...id, ...next.fields]), next.length);
    return Buffer.concat([whole.subarray(0, next.cut ?? undefined), ...held]);
  }
}
