import { stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LocalDisk } from './local-disk.ts';

const NO_ANSWER = "can't be read: its disk has not answered for 0.05 s";

/** Questions that stay without an answer until they are let go. */
function hanging() {
  const held = Promise.withResolvers<string>();
  let begun = 0;
  return {
    ask: () => {
      begun += 1;
      return held.promise;
    },
    begun: () => begun,
    letGo: () => held.resolve('late'),
  };
}

describe('a disk', () => {
  it('is asked so many questions together, and the others in turn', async () => {
    const disk = new LocalDisk(2, 10_000);
    let running = 0;
    let most = 0;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        disk.ask(async () => {
          running += 1;
          most = Math.max(most, running);
          await pause(1);
          running -= 1;
          return index;
        }),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(most).toBe(2);
  });

  it('that hangs is given up after a while, is asked no more, and is asked again once it has answered', async () => {
    const disk = new LocalDisk(2, 50);
    const question = hanging();
    const asked = [1, 2, 3, 4, 5].map(() => disk.ask(question.ask));
    for (const answer of asked) await expect(answer).rejects.toThrow(NO_ANSWER);
    expect(question.begun()).toBe(2);
    await expect(disk.ask(async () => 'now')).rejects.toThrow(NO_ANSWER);
    question.letGo();
    await pause(1);
    expect(await disk.ask(async () => 'now')).toBe('now');
    expect(question.begun()).toBe(2);
  });

  it('of which one question hangs answers others', async () => {
    const disk = new LocalDisk(2, 50);
    const question = hanging();
    await expect(disk.ask(question.ask)).rejects.toThrow(NO_ANSWER);
    expect(await Promise.all([1, 2, 3].map((value) => disk.ask(async () => value)))).toEqual([1, 2, 3]);
  });

  it('is not blamed for a process that was busy for so long', async () => {
    const disk = new LocalDisk(2, 50);
    const answer = disk.ask(async () => {
      for (let step = 0; step < 3; step += 1) await stat('/');
      return 'now';
    });
    for (const until = performance.now() + 700; performance.now() < until; );
    expect(await answer).toBe('now');
  });

  it("passes on a question's own failure", async () => {
    await expect(new LocalDisk(1).ask(() => Promise.reject(new Error('of its own')))).rejects.toThrow('of its own');
  });
});
