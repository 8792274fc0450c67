import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { type RemoteFiles, SshUnavailable } from '../ssh/index.ts';
import { FileWatches, type Followed, type Place } from './file-watch.ts';

/** A file in memory that counts what is asked of it. */
class MemoryFile {
  content = Buffer.alloc(0);
  modifiedAt = new Date(0);
  reads: string[] = [];
  readonly files: RemoteFiles = {
    transport: 'sftp',
    stat: async () => ({ sizeBytes: this.content.length, modifiedAt: this.modifiedAt }),
    isDirectory: async () => true,
    read: async (_path, offset, length) => {
      this.reads.push(`${offset}+${length}`);
      await pause(1);
      return Buffer.from(this.content.subarray(offset, offset + length));
    },
    write: () => Promise.reject(new SshUnavailable('never')),
    search: () => Promise.reject(new SshUnavailable('never')),
  };

  append(text: string): void {
    this.content = Buffer.concat([this.content, Buffer.from(text)]);
  }
}

const MIB = 1024 ** 2;
const stack = new DisposableStack();
afterAll(() => stack.dispose());

function watchOf(file: MemoryFile, watches = new FileWatches(pino({ level: 'silent' })), path = '/log') {
  return stack.use(watches.open('alpha', file.files, path));
}

const seen = async (watch: ReturnType<typeof watchOf>, size: number) => {
  const { signal } = new AbortController();
  while (watch.status?.sizeBytes !== size) await watch.nextLook(signal);
};

function chunkOf(followed: Followed): { text: string; next: Place } {
  if (followed.kind !== 'chunk') throw new Error(`no chunk but ${followed.kind}`);
  return { text: followed.chunk.text, next: followed.next };
}

describe('a file that many follow', () => {
  it('is read once for all who are at the same place, at the same time or a little later', async () => {
    const file = new MemoryFile();
    file.append('one\n');
    const watch = watchOf(file);
    await seen(watch, 4);
    const first = await Promise.all([1, 2, 3].map(() => watch.read(watch.place(0), 'grown')));
    const late = await watch.read(watch.place(0), 'grown');
    expect([...first, late].map((followed) => chunkOf(followed).text)).toEqual(Array(4).fill('one\n'));
    expect(file.reads).toEqual(['0+4']);
    // All hold the same text, not copies of it.
    expect(late).toEqual(first[0]);
    file.append('two\n');
    await seen(watch, 8);
    const [next] = first;
    if (next?.kind !== 'chunk') throw new Error('no chunk');
    await Promise.all([1, 2, 3].map(() => watch.read(next.next, 'grown')));
    // From the bytes before it on, by which the file is known to be the same.
    expect(file.reads.slice(1)).toEqual(['0+8']);
  });

  it('is read on its own by one who is behind, up to what is kept, and then shared with that one again', async () => {
    const file = new MemoryFile();
    file.append('0123456789\n');
    const watch = watchOf(file);
    await seen(watch, 11);
    const ahead = chunkOf(await watch.read(watch.place(6), 'grown'));
    expect(ahead.text).toBe('6789\n');
    const behind = chunkOf(await watch.read(watch.place(0), 'grown'));
    expect(behind.text).toBe('012345');
    const reads = file.reads.length;
    expect(chunkOf(await watch.read(behind.next, 'grown'))).toEqual(ahead);
    expect(file.reads).toHaveLength(reads);
  });

  it('keeps a bounded part of it, of one file and of all', async () => {
    const watches = new FileWatches(pino({ level: 'silent' }));
    const file = new MemoryFile();
    file.content = Buffer.alloc(3 * MIB, 'a');
    const many = Array.from({ length: 64 }, (_, index) => watchOf(file, watches, `/log-${index}`));
    await Promise.all(many.map((watch) => seen(watch, 3 * MIB)));
    for (const watch of many) {
      let place = watch.place(0);
      for (let followed = await watch.read(place, 'grown'); followed.kind === 'chunk'; ) {
        place = followed.next;
        followed = await watch.read(place, 'grown');
      }
      expect(place.offset).toBe(3 * MIB);
    }
    expect(watches.keptBytes).toBeLessThanOrEqual(32 * MIB);
  });

  it('is another file where the bytes before the place have changed, though it has only grown', async () => {
    const file = new MemoryFile();
    file.append('one\n');
    const watch = watchOf(file);
    await seen(watch, 4);
    const { next } = chunkOf(await watch.read(watch.place(0), 'grown'));
    const other = watch.place(0);
    file.content = Buffer.from('another file\n');
    await seen(watch, 13);
    expect(await watch.read(next, 'grown')).toEqual({ kind: 'replaced' });
    // For everybody.
    expect(await watch.read(other, 'grown')).toEqual({ kind: 'replaced' });
    expect(chunkOf(await watch.read(watch.place(0), 'grown')).text).toBe('another file\n');
  });

  it('is not taken for another one by those who are in it, when somebody asks for what is behind its end', async () => {
    const file = new MemoryFile();
    file.append('one\n');
    const watch = watchOf(file);
    await seen(watch, 4);
    const { next } = chunkOf(await watch.read(watch.place(0), 'grown'));
    expect(await watch.read(watch.place(100), 'grown')).toEqual({ kind: 'replaced' });
    expect(await watch.read(next, 'grown')).toEqual({ kind: 'end' });
  });

  it('is looked at no more once nobody follows it', async () => {
    const watches = new FileWatches(pino({ level: 'silent' }));
    const file = new MemoryFile();
    const first = watches.open('alpha', file.files, '/log');
    const second = watches.open('alpha', file.files, '/log');
    expect(watches.size).toBe(1);
    first[Symbol.dispose]();
    await second.nextLook(new AbortController().signal);
    second[Symbol.dispose]();
    expect(watches.size).toBe(0);
    const { looks } = second;
    await pause(500);
    expect(second.looks - looks).toBeLessThanOrEqual(1);
  });
});
