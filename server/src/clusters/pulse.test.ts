import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pulse } from './pulse.ts';

const DOWN = 'Slurmctld(primary) at head is DOWN';
const UP = 'Slurmctld(primary) at head is UP';
const STANDBY = `${DOWN}\nSlurmctld(backup) at spare is UP`;

let pulse: Pulse;
let answer: () => Promise<string>;
const ping = vi.fn(() => answer());
const onSign = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  answer = async () => DOWN;
  pulse = new Pulse({ ping, onSign });
});
afterEach(async () => {
  await pulse.stopped();
  vi.useRealTimers();
  vi.clearAllMocks();
});

const minutes = (count: number) => vi.advanceTimersByTimeAsync(count * 60_000);

describe('the search for a Slurm that gives no answer', () => {
  it('asks nothing as long as there is no fault, nor after Slurm has answered', async () => {
    await minutes(10);
    expect(ping).not.toHaveBeenCalled();
    pulse.start();
    await minutes(1);
    const before = ping.mock.calls.length;
    pulse.stop();
    await minutes(10);
    expect(ping).toHaveBeenCalledTimes(before);
  });

  it('costs ten looks a minute, however often the fault is told, and gives no sign', async () => {
    for (let minute = 0; minute < 30; minute += 1) {
      pulse.start();
      await minutes(1);
    }
    expect(ping.mock.calls.length).toBeLessThanOrEqual(301);
    expect(onSign).not.toHaveBeenCalled();
  });

  it('gives a sign with the first look that finds the controller', async () => {
    pulse.start();
    await minutes(120);
    answer = async () => UP;
    const before = ping.mock.calls.length;
    await vi.advanceTimersToNextTimerAsync();
    expect(ping).toHaveBeenCalledTimes(before + 1);
    expect(onSign).toHaveBeenCalledOnce();
  });

  it('gives one at once where the controller is back already', async () => {
    answer = async () => UP;
    pulse.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(onSign).toHaveBeenCalledOnce();
  });

  it.each([
    ['answers pings alone', UP],
    ['stands by', STANDBY],
  ])('gives fewer and fewer for a controller that %s', async (_which, said) => {
    answer = async () => said;
    pulse.start();
    await minutes(60);
    expect(onSign.mock.calls.length).toBeGreaterThan(5);
    expect(onSign.mock.calls.length).toBeLessThan(12);
  });

  it('takes a login that fails for a controller that is away', async () => {
    answer = () => Promise.reject(new Error('no connection'));
    pulse.start();
    await minutes(1);
    expect(onSign).not.toHaveBeenCalled();
    answer = async () => UP;
    await minutes(1);
    expect(onSign).toHaveBeenCalled();
  });

  it('waits for a controller that hangs, one look at a time', async () => {
    const waiting = Promise.withResolvers<string>();
    answer = () => waiting.promise;
    pulse.start();
    await minutes(10);
    expect(ping).toHaveBeenCalledOnce();
    waiting.resolve(UP);
    await vi.advanceTimersByTimeAsync(0);
    expect(onSign).toHaveBeenCalledOnce();
  });

  it('looks at once when something moves on the cluster, and twice a minute at most', async () => {
    answer = async () => UP;
    pulse.start();
    await vi.advanceTimersByTimeAsync(13_000);
    onSign.mockClear();
    for (let move = 0; move < 100; move += 1) pulse.nudge();
    await vi.advanceTimersByTimeAsync(0);
    expect(onSign).toHaveBeenCalledOnce();
  });
});
