import { expect, it } from 'vitest';
import { countNodes } from './node-count.ts';

it.each([
  ['gpu01', 1],
  ['gpu01,login', 2],
  ['gpu[01-03,07],login', 5],
  ['rack[1-2]n[0-3]', 8],
  ['a[1-2]b,c[10-19]', 12],
  ['n[1-', null],
  ['n[a-b]', null],
  ['', null],
])('%j are %j nodes', (list, count) => {
  expect(countNodes(list)).toBe(count);
});
