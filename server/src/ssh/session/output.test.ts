import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decoded } from './decode.ts';
import { Output } from './output.ts';

const MIB = 1024 ** 2;

it('has all that was appended, and its end, whatever the sizes of the chunks', () => {
  const sizes = fc.array(fc.oneof(fc.nat(40), fc.nat(5000), fc.nat(MIB), fc.constant(2 * MIB)), { maxLength: 12 });
  fc.assert(
    fc.property(sizes, fc.nat(100), (lengths, before) => {
      const [output, chunks] = [new Output(), [] as Buffer[]];
      for (const [index, length] of lengths.entries()) {
        const chunk = Buffer.alloc(length, `${index}abc`);
        chunks.push(chunk);
        output.append(chunk);
        const all = Buffer.concat(chunks);
        expect(output.last(before).equals(all.subarray(Math.max(0, all.length - chunk.length - before)))).toBe(true);
      }
      expect(output.bytes.equals(Buffer.concat(chunks))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

it('holds little more than it has, also while it grows', () => {
  const output = new Output();
  const chunk = Buffer.alloc(32 * 1024, 'x');
  for (let size = chunk.length; size <= 64 * MIB; size += chunk.length) {
    output.append(chunk);
    if (size % MIB !== 0) continue;
    const held = new Set(output.pieces.map((piece) => piece.buffer));
    const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBeLessThanOrEqual(size + 2 * MIB);
  }
});

it('is let go of piece by piece while it is decoded', async () => {
  const output = new Output();
  for (let index = 0; index < 20; index += 1) output.append(Buffer.alloc(MIB, 'x'));
  const pieces = [...output.pieces];
  const counts = new Set<number>();
  const count = () => {
    counts.add(pieces.length);
    if (pieces.length > 0) setImmediate(count);
  };
  count();
  expect(await decoded(pieces)).toHaveLength(20 * MIB);
  expect(counts.size).toBeGreaterThanOrEqual(10);
});
