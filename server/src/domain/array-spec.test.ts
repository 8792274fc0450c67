import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayTaskIds, MAX_ARRAY_TASKS } from './array-spec.ts';

describe("an array's index list", () => {
  it.each<[string, readonly number[]]>([
    ['0', [0]],
    ['0-3', [0, 1, 2, 3]],
    ['1,3,7', [1, 3, 7]],
    ['7,1,3', [1, 3, 7]],
    ['1-7:3', [1, 4, 7]],
    ['1-8:3', [1, 4, 7]],
    ['5-5', [5]],
    ['5-6:9', [5]],
    ['0-2,2-4,1', [0, 1, 2, 3, 4]],
    ['0-3%2', [0, 1, 2, 3]],
    // Tried on 22.05.8: no limit.
    ['0-3%0', [0, 1, 2, 3]],
    ['0-3,9,12-16:2%4', [0, 1, 2, 3, 9, 12, 14, 16]],
    ['007', [7]],
  ])('%j names %j', (spec, ids) => {
    expect(arrayTaskIds(spec)).toEqual(ids);
  });

  it.each([
    '',
    ' ',
    'x',
    '-1',
    '1-',
    '-3',
    '3-1',
    '1-5:0',
    '1:2',
    '1,,2',
    ',1',
    '1,',
    '1-2-3',
    '1%',
    '%2',
    '1%2%3',
    '1 - 3',
    '1;2',
    '0-3\n',
    '1e3',
    '0x10',
    '1.5',
    '...',
    '0-3,...',
    '9999999999',
  ])('%j is none', (spec) => {
    expect(arrayTaskIds(spec)).toBeNull();
  });

  it.each([`0-${MAX_ARRAY_TASKS}`, '0-999999999', '0-49999,50000', '0-40000,100000-140000', '0-999999999:1'])(
    '%j names too many tasks',
    (spec) => {
      expect(arrayTaskIds(spec)).toBeNull();
    },
  );

  it('may name as many tasks as are taken, and no more', () => {
    expect(arrayTaskIds(`0-${MAX_ARRAY_TASKS - 1}`)).toHaveLength(MAX_ARRAY_TASKS);
    expect(arrayTaskIds('0-999999999:100000')).toHaveLength(10_000);
  });

  it('names each index once and in order, however it is written', () => {
    const part = fc.oneof(
      fc.nat(500).map((id) => ({ text: `${id}`, ids: [id] })),
      fc.tuple(fc.nat(500), fc.nat(50), fc.integer({ min: 1, max: 7 })).map(([first, length, step]) => ({
        text: `${first}-${first + length}${step === 1 ? '' : `:${step}`}`,
        ids: Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => first + index * step),
      })),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.option(fc.nat(9)), (parts, limit) => {
        const spec = parts.map(({ text }) => text).join(',') + (limit === null ? '' : `%${limit}`);
        const expected = [...new Set(parts.flatMap(({ ids }) => ids))].sort((left, right) => left - right);
        expect(arrayTaskIds(spec)).toEqual(expected);
      }),
    );
  });
});
