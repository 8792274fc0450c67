import { describe, expect, it } from 'vitest';
import { WakeUp } from './wake-up.ts';

const settled = async (promise: Promise<void>) => {
  let isSettled = false;
  void promise.then(() => {
    isSettled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return isSettled;
};

describe('a wake-up', () => {
  it('wakes everybody who waits, once', async () => {
    const news = new WakeUp();
    const { signal } = new AbortController();
    const waiting = [news.wait(signal), news.wait(signal)];
    expect(await settled(Promise.race(waiting))).toBe(false);
    news.notify();
    await Promise.all(waiting);
    expect(await settled(news.wait(signal))).toBe(false);
  });

  it('is not kept for those who come later', async () => {
    const news = new WakeUp();
    news.notify();
    expect(await settled(news.wait(new AbortController().signal))).toBe(false);
  });

  it('lets go of whoever gives up, and of that one alone', async () => {
    const news = new WakeUp();
    const [impatient, patient] = [new AbortController(), new AbortController()];
    const [first, second] = [news.wait(impatient.signal), news.wait(patient.signal)];
    impatient.abort();
    await first;
    expect(await settled(second)).toBe(false);
    news.notify();
    await second;
  });

  it('does not keep those waiting who have given up before', async () => {
    await new WakeUp().wait(AbortSignal.abort());
  });
});
