import { EventEmitter } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DirectoryWatches } from './directory-watches.ts';
import type { WatchRequest } from './watch-worker.ts';

let top: string;
let changed: string[];
let watches: DirectoryWatches;

beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'slurmql-watched-'));
  await mkdir(join(top, 'below'));
  changed = [];
  watches = new DirectoryWatches((owner) => changed.push(owner));
});
afterEach(async () => {
  vi.useRealTimers();
  watches.stop();
  await rm(top, { recursive: true });
});

const places = (...names: readonly string[]): WatchRequest['directories'] => names.map((name) => [top, name]);

describe('watched directories', () => {
  it('tell their owner of changes, whatever they are, once for those that come together', async () => {
    expect(await watches.watch('one', places('', 'below'))).toEqual({ isComplete: true, isNew: true });
    const changes = [
      () => writeFile(join(top, 'below/new'), 'x'),
      () => writeFile(join(top, 'below/new'), 'more'),
      () => rm(join(top, 'below/new')),
      () => mkdir(join(top, 'third')),
      () => rm(join(top, 'third'), { recursive: true }),
    ];
    for (const [index, change] of changes.entries()) {
      await change();
      await expect.poll(() => changed.length).toBeGreaterThan(index);
    }
    expect(new Set(changed)).toEqual(new Set(['one']));
  });

  it('are those that were asked for last, and what is watched already is no news', async () => {
    await watches.watch('one', places('below'));
    expect(await watches.watch('one', places('below'))).toEqual({ isComplete: true, isNew: false });
    await mkdir(join(top, 'other'));
    await watches.watch('two', places('other'));
    expect(await watches.watch('one', places(''))).toEqual({ isComplete: true, isNew: true });
    await writeFile(join(top, 'below/new'), 'x');
    await writeFile(join(top, 'other/new'), 'x');
    await expect.poll(() => changed).toContain('two');
    expect(changed).not.toContain('one');
    watches.forget('two');
    await watches.watch('three', places('other'));
    changed = [];
    await writeFile(join(top, 'other/third'), 'x');
    await expect.poll(() => changed).toContain('three');
    expect(changed).not.toContain('two');
  });

  it.each([['nowhere'], ['file'], ['not \xff there']])('may be none: %j', async (name) => {
    await writeFile(join(top, 'file'), '');
    expect(await watches.watch('one', places(name, 'below'))).toMatchObject({ isComplete: true });
    await writeFile(join(top, 'below/new'), 'x');
    await expect.poll(() => changed).toContain('one');
  });

  it('are no more than a number, for each owner and for all', async () => {
    const many = (count: number, name: string) => places(...Array.from({ length: count }, (_, at) => `${name}${at}`));
    expect(await watches.watch('one', many(20_001, 'a'))).toMatchObject({ isComplete: false });
    expect(await watches.watch('one', many(20_000, 'a'))).toMatchObject({ isComplete: true });
    await watches.watch('two', many(20_000, 'b'));
    expect(await watches.watch('three', many(10_001, 'c'))).toMatchObject({ isComplete: false });
    watches.forget('one');
    expect(await watches.watch('three', many(10_001, 'c'))).toMatchObject({ isComplete: true });
  });

  it('on a disk that hangs are given up, and the others are to be watched anew', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const ended: string[] = [];
    const workers: EventEmitter[] = [];
    const hangs = (name: string) => {
      const worker = Object.assign(new EventEmitter(), {
        unref: () => undefined,
        terminate: async () => ended.push(name),
        postMessage: ({ owner }: WatchRequest) => {
          if (owner !== 'dead')
            queueMicrotask(() => worker.emit('message', { kind: 'watched', isComplete: true, isNew: true }));
        },
      });
      workers.push(worker);
      return worker as unknown as Worker;
    };
    const some = new DirectoryWatches(
      (owner) => changed.push(owner),
      () => hangs(`worker ${workers.length}`),
    );
    expect(await some.watch('one', places('below'))).toMatchObject({ isComplete: true });
    const dead = some.watch('dead', places('below'));
    const behind = some.watch('two', places('below'));
    await vi.advanceTimersByTimeAsync(31_000);
    expect(await dead).toEqual({ isComplete: false, isNew: false });
    expect(await behind).toMatchObject({ isComplete: true });
    expect(ended).toEqual(['worker 0']);
    // They are read again, and watched then.
    expect(changed.toSorted()).toEqual(['dead', 'one', 'two']);
    some.stop();
    expect(ended).toEqual(['worker 0', 'worker 1']);
  });
});
