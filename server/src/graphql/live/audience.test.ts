import { expect, it } from 'vitest';
import { Audiences } from './audience.ts';

it('a tape takes the turns of the account that has the fewest tapes, also when that changes', () => {
  const audiences = new Audiences();
  const shared = audiences.create();
  shared.add('ada');
  shared.add('ben');
  expect(shared.account()).toBe('ada');
  audiences.create().add('ada');
  expect(shared.account()).toBe('ben');
  for (let count = 0; count < 2; count += 1) audiences.create().add('ben');
  expect(shared.account()).toBe('ada');
});

it('an account with many subscribers of one tape has one tape', () => {
  const audiences = new Audiences();
  const shared = audiences.create();
  for (let count = 0; count < 10; count += 1) shared.add('ada');
  shared.add('ben');
  audiences.create().add('ben');
  expect(shared.account()).toBe('ada');
});

it('an account is chosen anew once the last of its subscribers has left, and no tape is without one', () => {
  const audiences = new Audiences();
  const shared = audiences.create();
  const [first, second] = [shared.add('ada'), shared.add('ada')];
  const other = shared.add('ben');
  audiences.create().add('ben');
  first[Symbol.dispose]();
  expect(shared.account()).toBe('ada');
  second[Symbol.dispose]();
  expect(shared.account()).toBe('ben');
  other[Symbol.dispose]();
  expect(shared.account()).toBe('ben');
});

it('those who have left count no longer', () => {
  const audiences = new Audiences();
  const shared = audiences.create();
  shared.add('ben');
  const left = Array.from({ length: 3 }, () => audiences.create().add('ada'));
  shared.add('ada');
  for (const place of left) place[Symbol.dispose]();
  audiences.create().add('ben');
  expect(shared.account()).toBe('ada');
});
