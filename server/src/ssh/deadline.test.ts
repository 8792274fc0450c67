import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { abortable, Deadline, DeadlinePassed } from './deadline.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a deadline aborts once its time has passed, and says so', () => {
  using deadline = new Deadline({ timeoutMs: 300 });
  vi.advanceTimersByTime(299);
  expect(deadline.signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(deadline.signal.reason).toEqual(new DeadlinePassed('the deadline of 300 ms passed'));
});

test("a deadline aborts with its caller's signal, even one that has aborted before", () => {
  const controller = new AbortController();
  using before = new Deadline({ timeoutMs: 300, signal: controller.signal });
  controller.abort('enough');
  using after = new Deadline({ timeoutMs: 300, signal: controller.signal });
  for (const { signal } of [before, after]) {
    expect(signal.reason).toMatchObject({ message: 'it was cancelled', cause: 'enough' });
  }
});

test('a deadline that is disposed of leaves no timer', () => {
  {
    using deadline = new Deadline({ timeoutMs: 300 });
    expect(vi.getTimerCount()).toBe(1);
    expect(deadline.signal.aborted).toBe(false);
  }
  expect(vi.getTimerCount()).toBe(0);
});

test('an abortable promise rejects when the signal aborts, before or while it is waited for', async () => {
  const controller = new AbortController();
  const failure = (reason: Error) => new Error(`not done: ${reason.message}`);
  const waiting = abortable(new Promise(() => {}), controller.signal, failure);
  controller.abort(new Error('too late'));
  await expect(waiting).rejects.toThrow('not done: too late');
  await expect(abortable(new Promise(() => {}), controller.signal, failure)).rejects.toThrow('not done: too late');
});

test('an abortable promise passes on what it settles to', async () => {
  const { signal } = new AbortController();
  const failure = (reason: Error) => reason;
  await expect(abortable(Promise.resolve(7), signal, failure)).resolves.toBe(7);
  await expect(abortable(Promise.reject(new Error('its own')), signal, failure)).rejects.toThrow('its own');
});
