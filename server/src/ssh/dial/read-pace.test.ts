import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ReadPace } from './read-pace.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const CHACHA = 'chacha20-poly1305@openssh.com';

/** Counts packets of a server that sends as many as are read, in chunks of a thousand, for some seconds. */
async function readFor(seconds: number, cipher: string, bytes: number): Promise<number> {
  const socket = new PassThrough();
  socket.resume();
  const pace = new ReadPace(socket);
  pace.cipher = cipher;
  let read = 0;
  for (let now = 0; now < seconds * 1000; now += 10) {
    for (let chunk = 0; chunk < 20 && !socket.isPaused(); chunk += 1) {
      for (let packet = 0; packet < 1_000; packet += 1) pace.count(bytes);
      read += 1_000;
    }
    await vi.advanceTimersByTimeAsync(10);
  }
  return read;
}

test.each([
  ['aes128-gcm@openssh.com', 1, 240_000],
  ['aes256-ctr', 1, 240_000],
  [CHACHA, 1, 24_000],
  [CHACHA, 64, 27_000],
  [CHACHA, 320, 48_000],
])(
  'of tiny packets, no more are read than a tenth of the time takes: %s, %i bytes each',
  async (cipher, bytes, most) => {
    const read = await readFor(10, cipher, bytes);
    expect(read).toBeGreaterThan(0.8 * most);
    expect(read).toBeLessThan(1.1 * most);
  },
);

test.each([
  ['aes128-gcm@openssh.com', 64],
  ['aes128-gcm@openssh.com', 4_096],
  [CHACHA, 640],
  [CHACHA, 4_096],
  [CHACHA, 32_768],
])('packets as real servers fill them are never waited for: %s, %i bytes each', async (cipher, bytes) => {
  expect(await readFor(1, cipher, bytes)).toBe(100 * 20_000);
});

test('what was paid for by waiting may come at once', async () => {
  const socket = new PassThrough();
  socket.resume();
  const pace = new ReadPace(socket);
  for (let burst = 0; burst < 5; burst += 1) {
    for (let packet = 0; packet < 19_000; packet += 1) pace.count(1);
    expect(socket.isPaused()).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
  }
});
