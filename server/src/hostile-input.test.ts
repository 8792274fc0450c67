import { describe, expect, it } from 'vitest';
import { TARGETS, type Target } from '../test/fuzz/targets.ts';

/** What separates, quotes, nests or counts somewhere, and what is half of a character. */
const SIGNS = [
  ...['\n', '\r', '\t', '\0', '\x1b', '\x1e', '\x1f', ' ', ',', ':', ';', '=', '(', ')', '[', ']', '{', '<', '+', '-'],
  ...['%', '/', '\\', '"', "'", '#', '!', '@', '.', '_', '*', '&', '|', '$', '0', '9', 'a', 'é', '\ud800', '\u2028'],
];

const KIB = 1024;
/** Enough for what grows with the square to take a hundred times as long as it should. */
const MANY = 64 * KIB;
const VERY_MANY = 512 * KIB;
/** What is read of one answer at most. */
const MOST = 64 * 1024 * KIB;
/** By so much a reader may be slower than a plain walk over the same text. */
const SLOWER = 300;
/** What the engine compiles and collects meanwhile, in ms. */
const SLACK_MS = 60;
/** For what makes hundreds of thousands of things of a few characters, in ms. */
const MAKING_MS = 10_000;
/** What the tasks of the largest arrays, or the names of all nodes, come to. */
const MOST_MADE = 16 * 1024 * KIB;

/** This thread's own time: what else the machine does makes no difference. */
function cpuMs(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** What a plain walk takes for so many characters. */
function walkMs(text: string): number {
  return cpuMs(() => {
    let sum = 0;
    for (let index = 0; index < text.length; index += 1) sum += text.charCodeAt(index);
    return sum;
  });
}

const REFUSED = Symbol('refused in its own way');

/** What a reader says of a text. */
function said({ read, refuses }: Target, text: string): unknown {
  try {
    return read(text);
  } catch (cause) {
    if (refuses.some((kind) => cause instanceof kind)) return REFUSED;
    throw cause;
  }
}

/** How much has been made: each value, each entry, each character of a text. */
function sizeOf(value: unknown): number {
  const open: unknown[] = [value];
  const seen = new Set<unknown>();
  let size = 0;
  for (let next = open.pop(); open.length > 0 || next !== undefined; next = open.pop()) {
    size += typeof next === 'string' ? next.length : 1;
    if (typeof next !== 'object' || next === null || seen.has(next) || Buffer.isBuffer(next)) continue;
    seen.add(next);
    const parts =
      next instanceof Map ? [...next.keys(), ...next.values()] : next instanceof Set ? next : Object.values(next);
    for (const part of parts) if (part !== undefined) open.push(part);
  }
  return size;
}

/** One piece again and again, in a frame of the target's. */
function grown(piece: string, size: number, frame: (text: string) => string = (text) => text): string {
  return frame(piece.repeat(Math.ceil(size / piece.length)));
}

/** Whether a reader takes longer than it may; what else the engine had to do meanwhile, it has not twice. */
function isSlow(target: Target, given: string): boolean {
  const isLate = () => cpuMs(() => said(target, given)) > SLOWER * walkMs(given) + SLACK_MS;
  return isLate() && isLate();
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
    expect(slow).toEqual([]);
  });

  it('makes a bounded number of things', () => {
    const large: string[] = [];
    for (const piece of [...SIGNS, ...pieces, ...rows]) {
      for (const [index, frame] of (rows.includes(piece) ? [undefined] : frames).entries()) {
        const given = grown(piece, sized(MANY), frame);
        const made = sizeOf(said(target, given));
        if (made > MOST_MADE && made > 40 * given.length)
          large.push(`${JSON.stringify(piece)} in frame ${index}: ${made}`);
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
