import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBytes, LOOK_BACK_BYTES } from './utf8.ts';

const NOTHING = Buffer.alloc(0);
const whole = (bytes: Buffer) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

/** Reads as a follower does: each read goes on where the one before it ended. */
function readInPieces(bytes: Buffer, sizes: readonly number[]): { text: string; offsets: number[] } {
  let text = '';
  let offset = 0;
  const offsets = [0];
  for (let turn = 0; offset < bytes.length; turn += 1) {
    const end = Math.min(bytes.length, offset + (sizes[turn % sizes.length] ?? 4));
    const decoded = decodeBytes(bytes.subarray(offset, end), { before: NOTHING, isEnd: end === bytes.length });
    text += decoded.text;
    offset += decoded.consumed;
    offsets.push(offset);
    expect(decoded.consumed).toBeGreaterThan(0);
    expect(decoded.skipped).toBe(0);
  }
  return { text, offsets };
}

// The longest character has four bytes: smaller reads might not get past one.
const sizes = fc.array(fc.integer({ min: 4, max: 9 }), { minLength: 1, maxLength: 8 });
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('a', '\n', 'ü', '训', '🐧', '\ufeff', '\0', '\r'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
});
/** Bytes that are often nearly UTF-8. */
const bytes = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        [0x61],
        [0x80],
        [0xbf],
        [0xc3],
        [0xc3, 0xbc],
        [0xe8, 0xae],
        [0xf0, 0x9f, 0x90],
        [0xf0, 0x9f, 0x90, 0xa7],
      ),
      fc.constantFrom(
        [0xc0],
        [0xe0, 0x80],
        [0xed, 0xa0, 0x80],
        [0xf4, 0x90],
        [0xf5],
        [0xff],
        [0xfe],
        [0xef, 0xbb, 0xbf],
      ),
      fc.uint8Array({ maxLength: 3 }).map((array) => [...array]),
    ),
    { maxLength: 20 },
  )
  .map((pieces) => Buffer.from(pieces.flat()));

describe('text that is read in pieces', () => {
  it('is the text that is read at once', () => {
    fc.assert(
      fc.property(text, sizes, (original, pieces) => {
        const encoded = Buffer.from(original);
        expect(readInPieces(encoded, pieces).text).toBe(whole(encoded));
      }),
      { numRuns: 500 },
    );
  });

  it('is the text that is read at once, also where the bytes are no text', () => {
    fc.assert(
      fc.property(bytes, sizes, (encoded, pieces) => {
        expect(readInPieces(encoded, pieces).text).toBe(whole(encoded));
      }),
      { numRuns: 2000 },
    );
  });

  it('is never cut inside a character', () => {
    fc.assert(
      fc.property(text, sizes, (original, pieces) => {
        const encoded = Buffer.from(original);
        for (const offset of readInPieces(encoded, pieces).offsets) {
          expect((encoded[offset] ?? 0) & 0xc0).not.toBe(0x80);
        }
      }),
    );
  });
});

describe('a read from the middle of a file', () => {
  it('begins with the first whole character, and says where that is', () => {
    const encoded = Buffer.from('a🐧b');
    for (const [start, skipped, rest] of [
      [0, 0, 'a🐧b'],
      [1, 0, '🐧b'],
      [2, 3, 'b'],
      [3, 2, 'b'],
      [4, 1, 'b'],
      [5, 0, 'b'],
    ] as const) {
      const before = encoded.subarray(Math.max(0, start - LOOK_BACK_BYTES), start);
      const decoded = decodeBytes(encoded.subarray(start), { before, isEnd: true });
      expect(decoded).toEqual({ text: rest, skipped, consumed: encoded.length - start });
    }
  });

  it('skips nothing that is no part of a character that began before', () => {
    for (const before of [[0x61], [0x80, 0x80, 0x80], [0xc3, 0xbc], [0xff]]) {
      const decoded = decodeBytes(Buffer.from([0x80, 0x61]), { before: Buffer.from(before), isEnd: true });
      expect(decoded).toEqual({ text: '\ufffda', skipped: 0, consumed: 2 });
    }
  });

  it('begins at the beginning of the file with whatever is there', () => {
    expect(decodeBytes(Buffer.from([0x80, 0x61]), { before: NOTHING, isEnd: true })).toEqual({
      text: '\ufffda',
      skipped: 0,
      consumed: 2,
    });
  });
});

describe('the end of what was read', () => {
  it.each([
    [[0x61, 0xc3], 1],
    [[0x61, 0xe8, 0xae], 1],
    [[0x61, 0xf0, 0x9f, 0x90], 1],
    [[0x61, 0xc3, 0xbc], 3],
    [[0x61, 0xff], 2],
    [[0x61, 0x80], 2],
    [[0xf0], 0],
    [[], 0],
  ])('of %j is kept for the next read from byte %i on', (encoded, consumed) => {
    expect(decodeBytes(Buffer.from(encoded), { before: NOTHING, isEnd: false }).consumed).toBe(consumed);
  });

  it('is told as it is when no more will come', () => {
    expect(decodeBytes(Buffer.from([0x61, 0xf0, 0x9f]), { before: NOTHING, isEnd: true })).toEqual({
      text: 'a\ufffd',
      skipped: 0,
      consumed: 3,
    });
  });
});
