import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { Backlog } from './backlog.ts';

/** Takes what is written to it when it is told to. */
class Receiver extends Writable {
  #take: (() => void) | null = null;

  constructor() {
    super({ highWaterMark: 1 });
  }

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    this.#take = done;
  }

  async take(): Promise<void> {
    const drained = new Promise((resolve) => this.once('drain', resolve));
    this.#take?.();
    await drained;
  }
}

it('calls back once the receiver has taken everything', async () => {
  const receiver = new Receiver();
  const backlog = new Backlog(receiver, () => ({ [Symbol.dispose]: () => undefined }));
  receiver.write('all');
  const drained = new Promise<void>((resolve) => backlog.whenDrained(resolve));
  expect(backlog.isFull).toBe(true);
  await receiver.take();
  await drained;
});

it('calls back whoever asks when the receiver has taken everything already', async () => {
  const receiver = new Receiver();
  const backlog = new Backlog(receiver, () => ({ [Symbol.dispose]: () => undefined }));
  receiver.write('all');
  await receiver.take();
  await new Promise<void>((resolve) => backlog.whenDrained(resolve));
});
