import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesPattern, matchesPatternList } from './patterns.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '[', '*', '?', '\\') });

test.each([
  ['login.example.org', 'login.example.org', true],
  ['login.example.org', '*.example.org', true],
  ['example.org', '*.example.org', false],
  ['login1', 'login?', true],
  ['login', 'login?', false],
  ['[10.0.0.7]:2222', '[10.0.0.*]:2222', true],
  ['10.0.0.7', '10.0.0.7:2222', false],
  ['aXbXc', 'a*b*c', true],
  ['Login', 'login', false],
  ['', '*', true],
  ['x', '', false],
])('%j against %j: %j', (host, pattern, expected) => {
  expect(matchesPattern(host, pattern)).toBe(expected);
});

test('a pattern means what the regular expression made of it means', () => {
  fc.assert(
    fc.property(text, text, (subject, pattern) => {
      const source = pattern
        .replace(/[[\\.]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.');
      expect(matchesPattern(subject, pattern)).toBe(new RegExp(`^${source}$`, 's').test(subject));
    }),
  );
});

test('a pattern made to be slow is not', () => {
  expect(matchesPattern('a'.repeat(5_000), `${'*a'.repeat(500)}b`)).toBe(false);
});

test('a negated pattern wins, wherever it stands', () => {
  expect(matchesPatternList('a.example', ['*.example', '!a.example'])).toBe(false);
  expect(matchesPatternList('a.example', ['!a.example', '*.example'])).toBe(false);
  expect(matchesPatternList('b.example', ['!a.example', '*.example'])).toBe(true);
  expect(matchesPatternList('b.example', ['!a.example'])).toBe(false);
});
