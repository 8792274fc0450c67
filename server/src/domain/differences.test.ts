import { expect, it } from 'vitest';
import { differences, fieldsOf } from './differences.ts';

it.each([
  ['nothing', [{ a: 1 }, { a: 1 }], []],
  [
    'a value',
    [
      { a: 1, b: 2 },
      { a: 1, b: 3 },
    ],
    [{ field: 'b', values: ['2', '3'] }],
  ],
  ['a field of a part', [{ a: { b: 'x' } }, { a: { b: 'y' } }], [{ field: 'a.b', values: ['x', 'y'] }]],
  ['what one lacks', [{ a: null }, { a: 'x' }, {}], [{ field: 'a', values: [null, 'x', null] }]],
  ['a list as a whole', [{ a: ['x', 'y'] }, { a: ['x'] }], [{ field: 'a', values: ['["x","y"]', '["x"]'] }]],
  ['an empty text and none', [{ a: '' }, { a: null }], [{ field: 'a', values: ['', null] }]],
  ['a part that one lacks', [{ a: { b: 1 } }, { a: null }], [{ field: 'a.b', values: ['1', null] }]],
])('of several objects are told: %s', (_what, objects, expected) => {
  expect(differences(objects.map(fieldsOf))).toEqual(expected);
});
