import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { type Chunk, LogBuffer } from '../../../web/src/features/logs/log-buffer.ts';
import { decodeBytes } from '../../src/logs/utf8.ts';
import { script } from '../../src/slurm/shell.ts';
import { Output } from '../../src/ssh/session/output.ts';
import { OwnShell } from '../../src/ssh/session/own-shell.ts';
import { type Fuzzed, trial } from './fuzz.ts';

// What comes in pieces says the same wherever these begin and end.

/** The lengths of pieces, again and again. */
const sizes = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 });

function* inPieces(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
    const end = start + (lengths[turn % lengths.length] ?? 1);
    yield bytes.subarray(start, end);
    start = end;
  }
}

/** Bytes as they stand in logs, one character a byte: text, what moves a terminal's cursor, and what is no UTF-8. */
const logBytes = fc
  .array(
    fc.oneof(
      fc.constantFrom('\n', '\r', '\r\n', '\x1b[31m', '\x1b[', '\x1b]0;a\x07', '\x1b', 'a', ' 10%', '\t', '\0'),
      fc.constantFrom('ü', '训', '🐧', '\ufeff').map((sign) => Buffer.from(sign).toString('latin1')),
      fc.constantFrom(
        '\xc3',
        '\xe8\xae',
        '\xf0\x9f\x90',
        '\x80',
        '\xbf',
        '\xff',
        '\xc0\x80',
        '\xed\xa0\x80',
        '\xf4\x90',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }).map((text) => Buffer.from(text).toString('latin1')),
      fc
        .constantFrom('x', '\x1b[1m', '训')
        .chain((sign) =>
          fc
            .constantFrom(2_000, 8_000)
            .map((length) => Buffer.from(sign.repeat(length / sign.length)).toString('latin1')),
        ),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

/** As a follower reads a log, which goes on where it was. */
function chunksOf(bytes: Buffer, lengths: readonly number[]): Chunk[] {
  const chunks: Chunk[] = [];
  for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
    // The longest character has four bytes: shorter reads might not get past one.
    const end = Math.min(bytes.length, offset + 4 + (lengths[turn % lengths.length] ?? 0));
    const isEnd = end === bytes.length;
    const { text, skipped, consumed } = decodeBytes(bytes.subarray(offset, end), { before: Buffer.alloc(0), isEnd });
    if (consumed === 0 || skipped !== 0) throw new Error(`at byte ${offset} it takes ${consumed} and skips ${skipped}`);
    chunks.push({ startOffset: offset, endOffset: offset + consumed, text });
    offset += consumed;
  }
  return chunks;
}

const decoding = trial(fc.record({ log: logBytes, lengths: sizes }), ({ log, lengths }) => {
  const bytes = Buffer.from(log, 'latin1');
  const text = chunksOf(bytes, lengths)
    .map((chunk) => chunk.text)
    .join('');
  const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  if (text !== whole) throw new Error(`in pieces it is ${JSON.stringify(text)}, at once ${JSON.stringify(whole)}`);
});

/** `hasOffsets`: what is no UTF-8 is told as U+FFFD, of which nobody knows for how many bytes it stands. */
function linesOf(chunks: readonly Chunk[], hasOffsets: boolean) {
  const buffer = new LogBuffer();
  for (const chunk of chunks) buffer.append(chunk);
  return buffer.lines.map((line) => (hasOffsets ? line : { ...line, offset: null }));
}

const browser = trial(fc.record({ log: logBytes, lengths: sizes }), ({ log, lengths }) => {
  const bytes = Buffer.from(log, 'latin1');
  const inMany = linesOf(chunksOf(bytes, lengths), isUtf8(bytes));
  const atOnce = linesOf(chunksOf(bytes, [bytes.length]), isUtf8(bytes));
  if (isDeepStrictEqual(inMany, atOnce)) return;
  const index = inMany.findIndex((line, at) => !isDeepStrictEqual(line, atOnce[at]));
  throw new Error(`line ${index} is ${JSON.stringify(inMany[index])}, at once ${JSON.stringify(atOnce[index])}`);
});

const output = fc
  .array(
    fc.oneof(
      fc.constantFrom('\n', 'begin ', 'end ', 'first ', 'second ', ' 0', '\nend first 0\n', 'shell ', '\0', 'é'),
      fc.string({ maxLength: 8 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const exitCode = fc.constantFrom(0, 1, 127, 255);

/** Whatever the login prints before and behind, a section is whole and the one that was printed, or isn't there. */
const sections = trial(
  fc.record({
    ...{ banner: output, first: output, second: output, after: output, codes: fc.tuple(exitCode, exitCode) },
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  ({ banner, first, second, after, codes, cut }) => {
    const { text, read } = script(null, '', [
      { name: 'first', command: ':' },
      { name: 'second', command: ':' },
    ]);
    const nonce = /'begin first ([0-9a-f]+)'/.exec(text)?.[1];
    const section = (name: string, content: string, code: number) =>
      `\nbegin ${name} ${nonce}\n${content}\nend ${name} ${nonce} ${code}\n`;
    const whole = banner + section('first', first, codes[0]) + section('second', second, codes[1]);
    const said = (printed: string) => [read(printed, 'first'), read(printed, 'second')];
    const right = [
      { exitCode: codes[0], output: first },
      { exitCode: codes[1], output: second },
    ];
    if (!isDeepStrictEqual(said(whole + after), right))
      throw new Error(`it reads ${JSON.stringify(said(whole + after))}`);
    const part = whole.slice(0, Math.floor(whole.length * cut));
    for (const [index, one] of said(part).entries()) {
      if (one !== null && !isDeepStrictEqual(one, right[index]))
        throw new Error(`cut off, it reads ${JSON.stringify(one)}`);
    }
  },
);

/** The answer of a shell is heard with the piece that completes it, and taken out of what is printed. */
const shells = trial(
  fc.record({ before: output, between: output, after: output, lengths: sizes }),
  ({ before, between, after, lengths }) => {
    const shell = new OwnShell();
    const printed = Buffer.concat([Buffer.from(before), shell.answer, Buffer.from(`${between}${after}`)]);
    const heard = new Output();
    for (const piece of inPieces(printed, lengths)) {
      const wasIn = heard.bytes.includes(shell.answer);
      heard.append(piece);
      if (!wasIn && shell.isIn(heard) !== heard.bytes.includes(shell.answer))
        throw new Error('it is not heard in time');
    }
    if (!heard.bytes.equals(printed)) throw new Error('what was printed is changed');
    const twice = Buffer.concat([printed, shell.answer, Buffer.from(after)]);
    if (!Buffer.concat(shell.without([twice])).equals(Buffer.from(before + after)))
      throw new Error('more or less than the answers is taken out');
  },
);

export const PIECES: readonly Fuzzed[] = [
  { name: 'a log in pieces', share: 4, batch: 100, open: decoding },
  { name: 'a log in the browser', share: 4, batch: 100, open: browser },
  { name: 'sections of output', share: 4, batch: 100, open: sections },
  { name: 'the answer of a shell in pieces', share: 4, batch: 100, open: shells },
];
