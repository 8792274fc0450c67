import { describe, expect, it } from 'vitest';
import { checkCommitted, checkPacked, checkUncommitted, MAX_PACKED_BYTES } from './limits.ts';

const GIB = 1024 ** 3;
const FILES = [
  { path: 'train.py', sizeBytes: 4096 },
  { path: 'data/one.bin', sizeBytes: 2.5 * GIB },
  { path: 'data/two.bin', sizeBytes: 1.6 * GIB },
  { path: 'data/three.bin', sizeBytes: 0.1 * GIB },
];
const NAMES = 'in 4 files, the largest: data/one.bin (2.5 GiB), data/two.bin (1.6 GiB), data/three.bin (102.4 MiB)';

describe.each<[string, string, (files: typeof FILES) => void]>([
  ['of a commit', '4 GiB', checkCommitted],
  ['that are not committed', '1 GiB', checkUncommitted],
  ['when they are packed', '1 GiB', (files) => checkPacked(MAX_PACKED_BYTES + 1, files)],
])('files that are too much %s', (_what, most, check) => {
  it('are refused by the names and sizes of the largest, and with the limit', () => {
    expect(() => check(FILES)).toThrow(NAMES);
    expect(() => check(FILES)).toThrow(`at most ${most} `);
  });

  it('are refused in no more words than people read, however long their names are', () => {
    const path = 'x'.repeat(100_000);
    let message = '';
    try {
      check(FILES.map((file) => ({ ...file, path })));
    } catch (cause) {
      message = String(cause);
    }
    expect(message).toContain('(2.5 GiB)');
    expect(message.length).toBeLessThan(1500);
  });
});

it.each([
  ['of a commit', checkCommitted],
  ['that are not committed', checkUncommitted],
])('files %s that are not too much are only added up', (_what, check) => {
  let looks = 0;
  const file = (sizeBytes: number) => ({
    path: 'x',
    get sizeBytes() {
      looks += 1;
      return sizeBytes;
    },
  });
  // Each is larger than those before.
  check(Array.from({ length: 1000 }, (_, index) => file(index)));
  expect(looks).toBe(1000);
});

it.each([
  [1, 2, 3, 4, 5],
  [5, 4, 3, 2, 1],
  [3, 5, 1, 4, 2],
  [4, 1, 5, 2, 3],
  [1, 5, 2, 4, 3],
])('the largest are named in whatever order they come: %i %i %i %i %i', (...sizes) => {
  const files = sizes.map((size) => ({ path: `${size}.bin`, sizeBytes: size * GIB }));
  expect(() => checkCommitted(files)).toThrow(
    '15 GiB in 5 files, the largest: 5.bin (5 GiB), 4.bin (4 GiB), 3.bin (3 GiB)',
  );
});

it('files that are packed to as much as is sent are', () => {
  expect(() => checkPacked(MAX_PACKED_BYTES, FILES)).not.toThrow();
});
