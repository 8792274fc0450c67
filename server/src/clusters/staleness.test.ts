import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Job } from '../domain/job.ts';
import { aJob } from '../domain/testing.ts';
import { Staleness } from './staleness.ts';

const INTERVAL_MS = 5000;
const START = Date.parse('2026-11-24T12:00:00Z');

let active: Map<string, Job>;
let lastHeardAt: Date | null;
/** What was told, in its order. */
let told: boolean[];
let staleness: Staleness;

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  active = new Map();
  lastHeardAt = null;
  told = [];
  staleness = new Staleness({
    pollIntervalSeconds: INTERVAL_MS / 1000,
    lastHeardAt: () => lastHeardAt,
    active: () => active,
    onChange: () => told.push(staleness.isStale),
  });
  staleness.start();
});
afterEach(() => {
  staleness.stop();
  vi.useRealTimers();
});

function begin(): void {
  const job = aJob({ state: 'RUNNING', submittedAt: new Date() });
  active.set(job.id, job);
}
const pass = (intervals: number) => vi.advanceTimersByTime(intervals * INTERVAL_MS);

it('begins after three poll intervals without an answer, and is told by itself, once', () => {
  begin();
  lastHeardAt = new Date();
  pass(3);
  expect(staleness.isStale).toBe(false);
  vi.advanceTimersByTime(1);
  expect(staleness.isStale).toBe(true);
  pass(10);
  expect(told).toEqual([true]);
});

it('ends with the first answer, and is told of at the next poll interval at the latest', () => {
  begin();
  pass(4);
  lastHeardAt = new Date();
  expect(staleness.isStale).toBe(false);
  pass(1);
  expect(told).toEqual([true, false]);
});

it('does not begin while no job is active, when nothing is asked, nor at once when one becomes so', () => {
  lastHeardAt = new Date();
  pass(1000);
  expect(staleness.isStale).toBe(false);
  begin();
  pass(3);
  expect(staleness.isStale).toBe(false);
  pass(1);
  expect(told).toEqual([true]);
});

it('counts from the job that has been active for the longest', () => {
  begin();
  pass(2);
  begin();
  pass(2);
  expect(staleness.isStale).toBe(true);
});

it('counts from the submission of jobs that are older than the server', () => {
  active.set('old', aJob({ state: 'RUNNING', submittedAt: new Date(START - 60 * 60_000) }));
  expect(staleness.isStale).toBe(true);
  lastHeardAt = new Date();
  expect(staleness.isStale).toBe(false);
});

it('is no longer looked for after the stop', () => {
  staleness.stop();
  begin();
  pass(10);
  expect(told).toEqual([]);
});
