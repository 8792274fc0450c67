import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bounded, linesOf, ownText, partsOf } from './text.ts';

describe('a text that is too long', () => {
  it.each([
    ['short', 100, 'start', 'short'],
    ['x'.repeat(8_000_100), 1000, 'start', `${'x'.repeat(970)}… (7,999,130 characters cut)`],
    [`${'x'.repeat(200)}end`, 60, 'end', `… (167 characters cut) …${'x'.repeat(33)}end`],
    [`start${'x'.repeat(200)}end`, 60, 'both', `start${'x'.repeat(22)}… (172 characters cut) …${'x'.repeat(6)}end`],
  ] as const)('says how much of it was cut', (text, most, keep, kept) => {
    expect(bounded(text, most, { keep })).toBe(kept);
  });

  it('is never longer than it may be, is whole in its characters, and is the same when it is cut again', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 300 });
    const keeps = fc.constantFrom('start', 'end', 'both');
    fc.assert(
      fc.property(texts, fc.integer({ min: 60, max: 200 }), keeps, fc.nat(1000), (text, most, keep, beyond) => {
        const kept = bounded(text, most, { keep, beyond });
        expect(kept.length).toBeLessThanOrEqual(most);
        expect(kept.isWellFormed()).toBe(true);
        expect(bounded(kept, most, { keep })).toBe(kept);
      }),
    );
  });

  it('counts what was left out before', () => {
    expect(bounded('abc', 100, { beyond: 5 })).toBe('abc… (5 characters cut)');
  });
});

it('a text of its own is the same text, halves of characters too', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(ownText(`${text}\ud800`)).toBe(`${text}\ud800`);
    }),
  );
});

it('lines are those of split', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '\n', '\r') }), (text) => {
      expect([...linesOf(text)]).toEqual(text.split('\n'));
    }),
  );
});

it.each([
  ['a,b(c,d),e', ['a', 'b(c,d)', 'e']],
  ['', ['']],
  [',', ['', '']],
  ['a(,', ['a(,']],
  ['a),b', ['a)', 'b']],
])('the parts of %j are %j', (text, parts) => {
  expect([...partsOf(text, ',', '()')]).toEqual(parts);
});
