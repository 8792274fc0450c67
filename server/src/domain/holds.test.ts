import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holds, SHORT_WORD } from './holds.ts';

const TEXT = 32 * 1024;
const a = (count: number) => 'a'.repeat(count);

describe('whether a text holds a word', () => {
  it('is what `includes` says, of words of any length', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    // What is repeated is found and missed at many places, and long enough.
    const repeated = fc.tuple(letters, fc.integer({ min: 1, max: 40 })).map(([part, times]) => part.repeat(times));
    const mixed = fc.array(repeated, { maxLength: 4 }).map((parts) => parts.join(''));
    const found = { yes: 0, no: 0 };
    fc.assert(
      fc.property(mixed, mixed, fc.nat(200), (text, other, cut) => {
        for (const word of [other, text.slice(cut), text.slice(cut, cut + SHORT_WORD + 1), `${text.slice(cut)}a`]) {
          const isIn = holds(text, word);
          expect(isIn).toBe(text.includes(word));
          if (word.length > SHORT_WORD) found[isIn ? 'yes' : 'no'] += 1;
        }
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(found.yes, found.no)).toBeGreaterThan(50);
  });

  it.each([
    ['ends otherwise', a(TEXT), `${a(999)}b`],
    ['begins otherwise', a(TEXT), `b${a(999)}`],
    ['is otherwise in its middle', a(TEXT), `${a(499)}b${a(500)}`],
    ['is repeated in pairs', 'ab'.repeat(TEXT / 2), `bb${'ab'.repeat(499)}`],
    ['has letters beyond ASCII', '训'.repeat(TEXT), `${'训'.repeat(500)}练${'训'.repeat(499)}`],
    ['is nearly there again and again', `${a(998)}b`.repeat(TEXT / 999), `${a(998)}b${a(998)}c`.slice(-1000)],
  ])('takes no longer for a long word that %s', (_how, text, word) => {
    const took = (work: () => boolean) => {
      const times = Array.from({ length: 7 }, () => {
        const before = process.threadCpuUsage();
        expect(work()).toBe(false);
        const { user, system } = process.threadCpuUsage(before);
        return user + system;
      });
      return Math.min(...times);
    };
    // One step a letter, and one for each letter that is taken back.
    const reference = took(() => {
      let sum = 0;
      for (let pass = 0; pass < 4; pass += 1) for (let at = 0; at < text.length; at += 1) sum += text.charCodeAt(at);
      return sum === 0;
    });
    expect(took(() => holds(text, word))).toBeLessThan(8 * reference + 500);
  });
});
