import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decoded } from './decode.ts';

const MIB = 1024 ** 2;

it.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['characters of four bytes across all steps', Buffer.concat([Buffer.from('a'), Buffer.from('🐧'.repeat(MIB))])],
  ['half characters', Buffer.alloc(3 * MIB, Buffer.from([0xe2, 0x82]))],
  ['a half character at the end', Buffer.concat([Buffer.alloc(2 * MIB, 'a'), Buffer.from([0xf0, 0x9f])])],
  [
    'a mark of the order of bytes, twice',
    Buffer.concat([Buffer.from('\ufeff'), Buffer.alloc(MIB, 'a'), Buffer.from('\ufeffb')]),
  ],
  ['bytes that begin no character', Buffer.alloc(2 * MIB + 5, 0xff)],
])('%s are the same text in steps as at once', async (_what, bytes) => {
  expect((await decoded([bytes])) === bytes.toString('utf8')).toBe(true);
});

it('any bytes at the edge of a step are the same text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 12 }), fc.nat({ max: 8 }), async (edge, before) => {
      const bytes = Buffer.concat([Buffer.alloc(MIB - before, 'a'), edge, Buffer.alloc(20, 'b')]);
      expect((await decoded([bytes])) === bytes.toString('utf8')).toBe(true);
    }),
    { numRuns: 200 },
  );
});

it('the event loop turns after each step', async () => {
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await decoded([Buffer.alloc(20 * MIB, Buffer.from([0xe2, 0x82]))]);
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(20);
});
