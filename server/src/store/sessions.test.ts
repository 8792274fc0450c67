import { expect, it } from 'vitest';
import { Store } from './index.ts';

const DAY = 24 * 3600_000;
const NOW = Date.UTC(2026, 10, 24);
const inDays = (days: number) => new Date(NOW + days * DAY);

it('what was signed out stays so after a start with a clock that is ahead, and is forgotten in the end', async () => {
  const store = await Store.open(':memory:');
  await store.sessions.end('a session', inDays(30));
  expect(await store.sessions.ended(inDays(200))).toEqual(['a session']);
  expect(await store.sessions.ended(inDays(0))).toEqual(['a session']);
  expect(await store.sessions.ended(inDays(30 + 366))).toEqual([]);
  await store.close();
});
