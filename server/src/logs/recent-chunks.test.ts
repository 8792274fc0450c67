import { expect, it } from 'vitest';
import { RecentChunks, type SharedChunk } from './recent-chunks.ts';

const MIB = 1024 ** 2;

function chunk(startOffset: number, bytes: number): SharedChunk {
  const endOffset = startOffset + bytes;
  return {
    chunk: { text: 'x'.repeat(bytes), startOffset, endOffset, isReset: false, isComplete: false, absence: null },
    seam: Buffer.alloc(256),
  } as unknown as SharedChunk;
}

it.each([1, 2, 10, 100, 1000])('keeps few chunks of %i bytes, as each costs more than its bytes', (bytes) => {
  const recent = new RecentChunks();
  let kept = 0;
  for (let number = 0; number < 5000; number += 1) recent.add(chunk(number * bytes, bytes), MIB);
  for (let number = 0; number < 5000; number += 1) if (recent.at(number * bytes) !== null) kept += 1;
  expect(kept).toBeLessThanOrEqual(1024);
  expect(kept).toBeGreaterThan(400);
  expect(recent.sizeBytes).toBeLessThanOrEqual(MIB);
});
