import { describe, expect, it } from 'vitest';
import { cpuMs, isSlow, isTooMuch, REFUSED, SIGNS, said, sizeOf } from '../test/fuzz/measure.ts';
import { TARGETS } from '../test/fuzz/targets.ts';

const KIB = 1024;
/** Enough for what grows with the square to take a hundred times as long as it should. */
const MANY = 64 * KIB;
const VERY_MANY = 512 * KIB;
/** What is read of one answer at most. */
const MOST = 64 * 1024 * KIB;
/** For what makes hundreds of thousands of things of a few characters, in ms. */
const MAKING_MS = 10_000;

/** One piece again and again, in a frame of the target's. */
function grown(piece: string, size: number, frame: (text: string) => string = (text) => text): string {
  return frame(piece.repeat(Math.ceil(size / piece.length)));
}

/** What stands between the entries of some list. */
const SEPARATORS = ['\n', '\x1e', '\x1f', '\0', ' ', ',', ':', ';', '=', '+', '-', '/', '|', '&', '.', '\n#SBATCH --'];

/** Ever different words, each with a sign behind it: what compares each with all others takes longest with these. */
function numbered(sign: string, size: number, frame: (text: string) => string): string {
  const words = Array.from({ length: Math.ceil(size / (sign.length + 4)) }, (_, index) => index.toString(36) + sign);
  return frame(words.join(''));
}

describe.each(TARGETS)('what reads $name', (target) => {
  const { frames, pieces, rows, samples, most } = target;
  const sized = (size: number) => Math.min(size, most ?? size);

  it('takes time that grows with the length of what it is given', () => {
    const slow: string[] = [];
    for (const piece of [...SIGNS, ...pieces]) {
      for (const [index, frame] of frames.entries()) {
        const sizes = index === 0 ? [MANY, VERY_MANY] : [MANY];
        const late = sizes.find((size) => isSlow(target, grown(piece, sized(size), frame)));
        if (late !== undefined) slow.push(`${JSON.stringify(piece)} in frame ${index}, ${late} characters`);
      }
    }
    for (const sign of SEPARATORS) {
      for (const [index, frame] of frames.entries()) {
        if (!isSlow(target, numbered(sign, sized(MANY), frame))) continue;
        slow.push(`different words with ${JSON.stringify(sign)} in frame ${index}`);
      }
    }
    expect(slow).toEqual([]);
  });

  it('makes a bounded number of things', () => {
    const large: string[] = [];
    for (const piece of [...SIGNS, ...pieces, ...rows]) {
      for (const [index, frame] of (rows.includes(piece) ? [undefined] : frames).entries()) {
        const given = grown(piece, sized(MANY), frame);
        const made = sizeOf(said(target, given));
        if (isTooMuch(made, given)) large.push(`${JSON.stringify(piece)} in frame ${index}: ${made}`);
      }
    }
    expect(large).toEqual([]);
  });

  it('understands what it is for', () => {
    for (const sample of samples) expect(said(target, sample)).not.toBe(REFUSED);
  });

  if (rows.length > 0) {
    it('comes to an end with rows that each stand for many', () => {
      for (const row of rows) expect(cpuMs(() => said(target, grown(row, VERY_MANY)))).toBeLessThan(MAKING_MS);
    });
  }
});

it.each([
  ['the rows of squeue', '\x1e'],
  ['the rows of squeue', '\x1f'],
  ['the rows of sacct', '\n'],
  ['nodes', ','],
  ['the frame of output', '\n'],
])('the largest answer that is taken, for what reads %s, is nothing but %j and no trouble', (name, sign) => {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  expect(isSlow(target, grown(sign, MOST))).toBe(false);
});
