import { expect, it } from 'vitest';
import { nearest } from './nearest.ts';

const KEYS = ['host', 'port', 'user', 'identity_file', 'workspace'];

it.each([
  ['hots', 'host'],
  ['Port', 'port'],
  ['identityfile', 'identity_file'],
  ['workspaces', 'workspace'],
  ['usr', 'user'],
  ['nothing_like_it', null],
  ['x', null],
])('for %j the nearest key is %j', (word, key) => {
  expect(nearest(word, KEYS)).toBe(key);
});
