import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayTaskIds, MAX_ARRAY_TASKS } from './array-spec.ts';
import { TaskList } from './task-list.ts';

describe('a list of tasks as Slurm writes it', () => {
  it.each(['0', '5-5', '0-49999', '0-3,9,12-16:2%4', '0-998:2', '1,3,7', '0-999999999:100000'])('%s is one', (text) => {
    expect([...(TaskList.read(text)?.indexes() ?? [])]).toEqual(arrayTaskIds(text));
  });

  it.each([
    '',
    '3,1',
    '0-2,2-4',
    '0-8:2,1-9:2',
    '0,0',
    'x',
    '0-3,9,...',
    `0-${MAX_ARRAY_TASKS}`,
    '0-29999,30000-59999',
  ])('%j is none', (text) => {
    expect(TaskList.read(text)).toBeNull();
  });

  it('has each of its tasks at its position, and no other', () => {
    const part = fc.tuple(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 1, max: 4 }),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        let next = 0;
        const words = parts.map(([gap, more, step]) => {
          const first = next + gap;
          next = first + more * step;
          return more === 0 ? `${first}` : `${first}-${next}:${step}`;
        });
        const list = TaskList.read(words.join(','));
        const expected = arrayTaskIds(words.join(',')) ?? [];
        expect(list?.size).toBe(expected.length);
        expect(expected.map((_index, position) => list?.at(position))).toEqual(expected);
        const known = new Set(expected);
        for (let index = 0; index <= next + 1; index += 1) expect(list?.has(index)).toBe(known.has(index));
      }),
    );
  });
});
