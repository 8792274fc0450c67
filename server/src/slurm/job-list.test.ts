import fc from 'fast-check';
import { expect, it } from 'vitest';
import { arrayTaskIds } from '../domain/array-spec.ts';
import { jobLists } from './job-list.ts';

it.each([
  [[], []],
  [
    ['7', '8_3'],
    ['7', '8_3'],
  ],
  [['7', '7'], ['7']],
  [
    ['8_2', '7', '8_0', '8_1', '8_9', '9_4'],
    ['8_[0-2,9]', '7', '9_4'],
  ],
  [
    ['8', '8_1'],
    ['8', '8_1'],
  ],
])('%j are written %j', (ids, lists) => {
  expect(jobLists(ids)).toEqual(lists);
});

it('every task is named once, whatever the tasks are, and no list is too long for an argument', () => {
  const tasks = fc.uniqueArray(fc.nat(100_000), { minLength: 2, maxLength: 6000 });
  fc.assert(
    fc.property(tasks, (ids) => {
      const lists = jobLists(ids.map((id) => `8_${id}`));
      expect(lists.every((list) => list.length < 100_000)).toBe(true);
      const named = lists.flatMap((list) => arrayTaskIds(list.replace(/^8_\[?|\]$/g, '')) ?? []);
      expect(named).toEqual([...ids].sort((left, right) => left - right));
    }),
    { numRuns: 50 },
  );
});
