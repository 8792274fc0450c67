import { afterEach, beforeEach, expect, it } from 'vitest';
import { Store } from './index.ts';
import { KEPT_ENDED_SESSIONS } from './sessions.ts';

const DAY = 24 * 3600_000;
const NOW = Date.UTC(2026, 10, 24);
const inDays = (days: number) => new Date(NOW + days * DAY);

let store: Store;
beforeEach(async () => {
  store = await Store.open(':memory:');
});
afterEach(() => store.close());

it.each([200, 30 + 366, 10_000, 100 * 365])(
  'what was signed out stays so after a start %i days ahead',
  async (days) => {
    await store.sessions.end('a session', inDays(30));
    expect(await store.sessions.ended(inDays(days))).toEqual(['a session']);
    expect(await store.sessions.ended(inDays(0))).toEqual(['a session']);
  },
);

it('of more sign-outs than are kept, the oldest are forgotten once they have been over for a year', async () => {
  await store.sessions.end('the oldest', inDays(1));
  for (let index = 0; index < KEPT_ENDED_SESSIONS - 1; index += 1) await store.sessions.end(`${index}`, inDays(30));
  expect(await store.sessions.ended(inDays(1000))).toContain('the oldest');
  await store.sessions.end('the latest', inDays(40));
  expect(await store.sessions.ended(inDays(200))).toContain('the oldest');
  const ended = await store.sessions.ended(inDays(1000));
  expect(ended).toHaveLength(KEPT_ENDED_SESSIONS);
  expect(ended).not.toContain('the oldest');
}, 60_000);
