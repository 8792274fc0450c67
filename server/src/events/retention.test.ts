import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { aJob } from '../domain/testing.ts';
import { Store } from '../store/index.ts';
import { createLogger } from '../telemetry/index.ts';
import { Journal } from './journal.ts';
import { EventRetention, KEPT_DAYS } from './retention.ts';

const HOUR = 3600_000;
const DAY = 24 * HOUR;
const BEGINNING = Date.UTC(2026, 0, 1);
/** More than are kept. */
const DAYS = KEPT_DAYS + 10;

let store: Store;
let journal: Journal;
let job: Job;
let retention: EventRetention;
beforeEach(async () => {
  vi.useFakeTimers({ now: BEGINNING, toFake: ['Date', 'setInterval', 'clearInterval', 'performance'] });
  store = await Store.open(':memory:');
  journal = new Journal(store);
  await journal.start();
  job = aJob();
  await journal.write(SYSTEM, (writer) => writer.create([{ job, idempotencyKey: null, submission: null }]));
  for (let day = 1; day <= DAYS; day += 1) {
    vi.setSystemTime(BEGINNING + day * DAY);
    await happen(`day ${day}`);
  }
  retention = new EventRetention(journal, createLogger({ level: 'silent', format: 'json' }));
});
afterEach(async () => {
  await retention.stop();
  await store.close();
  vi.useRealTimers();
});

const happen = (reason: string) =>
  journal.write(SYSTEM, (writer) => writer.update(job.id, (one) => ({ ...one, reason })));

async function run(hours: number): Promise<void> {
  for (let hour = 0; hour <= hours; hour += 1) {
    if (hour > 0) vi.advanceTimersByTime(HOUR);
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

it('removes what is older than is kept, at twice the pace at which the server runs', async () => {
  retention.start();
  await run(5 * 24);
  const halfway = await store.events.count(job.id);
  expect(halfway).toBeLessThan(DAYS);
  expect(halfway).toBeGreaterThanOrEqual(DAYS - 10);
  await run(7 * 24);
  expect((await journal.oldestAt())?.getTime()).toBeGreaterThanOrEqual(Date.now() - (KEPT_DAYS + 1) * DAY);
});

it.each([1, 30])('keeps the log while the clock is %i years ahead, over restarts and new events', async (years) => {
  for (let start = 0; start < 3; start += 1) {
    vi.setSystemTime(BEGINNING + (DAYS + 365 * years) * DAY);
    retention.start();
    await run(8);
    await happen(`start ${start}`);
    await run(8);
    await retention.stop();
    retention = new EventRetention(journal, createLogger({ level: 'silent', format: 'json' }));
  }
  expect(await store.events.count(job.id)).toBeGreaterThanOrEqual(DAYS - 2);
});
