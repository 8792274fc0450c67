import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GitError } from './git-error.ts';
import { HeldFiles } from './held-files.ts';
import { Staging } from './staging.ts';
import { Repository } from './testing.ts';

let root: string;
let directory: string;
let staging: Staging;
/** The jobs that the store knows to be on their way. */
let recorded: Set<string>;
let isStoreThere: boolean;
let faults: unknown[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'slurmql-staging-'));
  directory = join(root, 'staging');
  await mkdir(directory);
  recorded = new Set();
  isStoreThere = true;
  faults = [];
  staging = new Staging({
    directory,
    needFiles: async (jobIds) => {
      if (!isStoreThere) throw new Error('disk I/O error');
      return new Set(jobIds.filter((id) => recorded.has(id)));
    },
    onFault: (cause) => faults.push(cause),
  });
});
afterEach(async () => {
  await staging.stop();
  await rm(root, { recursive: true, force: true });
});

const openFiles = async () => (await readdir('/proc/self/fd')).length;

describe("a job's packed files", () => {
  it.each([
    ['asked for and never read', () => undefined],
    [
      'left after the first piece',
      async (files: AsyncIterable<Buffer>) => void (await files[Symbol.asyncIterator]().next()),
    ],
    [
      'left in the middle',
      async (files: AsyncIterable<Buffer>) => {
        for await (const _ of files) break;
      },
    ],
    [
      'given up by a fault of the reader',
      async (files: AsyncIterable<Buffer>) => {
        const failed = (async () => {
          for await (const _ of files) throw new Error('the cluster refused');
        })();
        await expect(failed).rejects.toThrow('the cluster refused');
      },
    ],
    [
      'read to their end',
      async (files: AsyncIterable<Buffer>) => {
        for await (const _ of files);
      },
    ],
  ])('hold no file open when they are %s', async (what, read) => {
    await writeFile(join(directory, 'job.tar.gz'), Buffer.alloc(1024 * 1024));
    const before = await openFiles();
    const readings: AsyncIterable<Buffer>[] = [];
    for (let count = 0; count < 20; count += 1) {
      const files = staging.open('job');
      readings.push(files);
      await read(files);
      if (what.includes('first piece')) await files[Symbol.asyncIterator]().return?.(undefined);
    }
    await expect.poll(openFiles).toBeLessThanOrEqual(before + 1);
    expect(readings).toHaveLength(20);
  });

  it('that are gone are told to be, and are a fault of whoever reads them and of nobody else', async () => {
    expect(await staging.has('lost')).toBe(false);
    const read = (async () => {
      for await (const _ of staging.open('lost'));
    })();
    await expect(read).rejects.toThrow(/ENOENT/);
    await writeFile(join(directory, 'there.tar.gz'), '');
    expect(await staging.has('there')).toBe(true);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['their name leads nowhere', () => symlink('job.tar.gz', join(directory, 'job.tar.gz')), 'ELOOP'],
    ['the directory is not there', () => rename(directory, `${directory}-away`), 'ENOENT'],
    [
      'a file has its place',
      async () => {
        await rename(directory, `${directory}-away`);
        await writeFile(directory, '');
      },
      'ENOTDIR',
    ],
    [
      'a link that leads to itself has its place',
      async () => {
        await rename(directory, `${directory}-away`);
        await symlink('staging', directory);
      },
      'ELOOP',
    ],
    [
      'a link to a disk that is away has its place',
      async () => {
        await rename(directory, `${directory}-away`);
        await symlink('away', directory);
      },
      'ENOENT',
    ],
  ])('are not told to be gone when the disk does not say so: %s', async (_what, spoil, code) => {
    await spoil();
    await expect(staging.has('job')).rejects.toThrow(code);
  });

  it('are told to be gone after a start without their directory', async () => {
    await rm(directory, { recursive: true });
    await staging.start();
    expect(await staging.has('job')).toBe(false);
  });

  it('are packed though those of another repository are stuck', async () => {
    await using stuck = await Repository.create();
    await stuck.write({ 'a.txt': 'a' });
    await stuck.commit();
    await using other = await Repository.create();
    await other.write({ 'b.txt': 'b' });
    await other.commit();
    await using git = await gitThatHangs(stuck);
    const files = [await stuck.choose(false), await stuck.choose(false), await stuck.choose(false)];
    const stuckOnes = files.map((one, index) => staging.pack(`stuck-${index}`, one));
    await staging.pack('other', await other.choose(false));
    expect((await readdir(directory)).filter((name) => name.endsWith('.gz'))).toEqual(['other.tar.gz']);
    await git.goOn();
    await Promise.all(stuckOnes);
    expect(await readdir(directory)).toContain('stuck-2.tar.gz');
  });
});

describe('what takes long to unpack', () => {
  const many = (count: number, nameOf: (index: number) => string) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [nameOf(index), '']));
  it.each<[string, Record<string, string | Buffer>, boolean]>([
    ['a file', { a: 'a' }, false],
    ['some hundred files', many(500, (index) => `${index}`), false],
    ['some hundred files in few directories', many(500, (index) => `a/b/c/d/e/f/g/h/${index % 3}/${index}`), false],
    ['much that packs well', { a: Buffer.alloc(17 * 1024 * 1024) }, true],
    ['thousands of empty files', many(2100, (index) => `${index}`), true],
    ['thousands of files in one directory', many(2100, (index) => `a/${index}`), true],
    ['few files in many directories', many(60, (index) => `${index}/${'d/'.repeat(40)}f`), true],
    ['files in as many directories', many(1100, (index) => `${index}/f`), true],
  ])('is known of %s, also after the server has started again', async (_what, files, isLong) => {
    await using repository = await Repository.create();
    await repository.commit();
    await repository.write(files);
    for (const includeUncommitted of [true, false]) {
      if (!includeUncommitted) await repository.commit();
      const id = includeUncommitted ? 'dirty' : 'clean';
      recorded.add(id);
      const packed = await staging.pack(id, await repository.choose(includeUncommitted));
      await packed[Symbol.asyncDispose]();
      expect(await staging.size(id)).toBeLessThan(1024 * 1024);
      const next = new Staging({ directory, needFiles: async () => recorded, onFault: (cause) => faults.push(cause) });
      await next.start();
      await next.stop();
      expect(await next.takesLong(id)).toBe(isLong);
      await next.remove(id);
    }
    expect(await readdir(directory)).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('is told by the size of what an earlier release packed', async () => {
    await writeFile(join(directory, 'job.tar.gz'), '');
    expect(await staging.takesLong('job')).toBe(false);
    await truncate(join(directory, 'job.tar.gz'), 17 * 1024 * 1024);
    expect(await staging.takesLong('job')).toBe(true);
  });
});

describe('files of no job', () => {
  const GIB = 1024 ** 3;
  const names = async () => (await readdir(directory)).toSorted();
  const put = (name: string) => writeFile(join(directory, name), 'x');
  let repository: Repository;
  beforeEach(async () => {
    repository = await Repository.create();
    await repository.write({ 'a.txt': 'a' });
    await repository.commit();
  });
  afterEach(() => repository[Symbol.asyncDispose]());
  const pack = async (id: string) => staging.pack(id, await repository.choose(false));

  it('are removed once it is clear that the job will not be recorded, and stay once it is', async () => {
    const lost = await pack('lost');
    const kept = await pack('kept');
    expect(await names()).toEqual(['kept.tar.gz', 'lost.tar.gz']);
    recorded.add('kept');
    await kept[Symbol.asyncDispose]();
    await lost[Symbol.asyncDispose]();
    expect(await names()).toEqual(['kept.tar.gz']);
  });

  it('are removed by the next look when the store could not say whether it has the job', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      await staging.start();
      const [lost, kept] = [await pack('lost'), await pack('kept')];
      recorded.add('kept');
      isStoreThere = false;
      await lost[Symbol.asyncDispose]();
      await kept[Symbol.asyncDispose]();
      expect(faults).toEqual([new Error('disk I/O error'), new Error('disk I/O error')]);
      expect(await names()).toEqual(['kept.tar.gz', 'lost.tar.gz']);
      vi.advanceTimersByTime(10 * 60_000);
      await expect.poll(() => faults.length).toBe(3);
      isStoreThere = true;
      vi.advanceTimersByTime(10 * 60_000);
      await expect.poll(names).toEqual(['kept.tar.gz']);
      await staging.stop();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each(['old.tar.gz', 'old.tar.gz.part', 'old.long', 'kept.tar.gz.part', 'notes.txt'])(
    'are removed at the start: %s',
    async (name) => {
      recorded.add('kept');
      await put('kept.tar.gz');
      await put(name);
      await staging.start();
      expect(await names()).toEqual(['kept.tar.gz']);
    },
  );

  it('are not those that are being packed, nor those of a job that is about to be recorded', async () => {
    await put('old.tar.gz');
    await using git = await gitThatHangs(repository);
    const packing = pack('new');
    await expect.poll(names).toEqual(['new.tar.gz.part', 'old.tar.gz']);
    await staging.start();
    expect(await names()).toEqual(['new.tar.gz.part']);
    await git.goOn();
    const packed = await packing;
    await staging.start();
    expect(await names()).toEqual(['new.tar.gz']);
    recorded.add('new');
    await packed[Symbol.asyncDispose]();
    await staging.start();
    expect(await names()).toEqual(['new.tar.gz']);
    recorded.delete('new');
    await staging.start();
    expect(await names()).toEqual([]);
  });

  it('are not left by a packing that fails', async () => {
    // As a repository that is gone by now.
    const files = { ...(await repository.choose(false)), directory: '/nowhere' };
    await expect(staging.pack('new', files)).rejects.toThrow(GitError);
    expect(await names()).toEqual([]);
  });

  it('are asked for their sizes once, however many wait while others are packed', async () => {
    for (let number = 0; number < 50; number += 1) {
      recorded.add(`waits-${number}`);
      await put(`waits-${number}.tar.gz`);
    }
    const looks = vi.spyOn(HeldFiles.prototype, 'count');
    for (const job of ['first', 'second', 'third']) await (await pack(job))[Symbol.asyncDispose]();
    expect(looks).toHaveBeenCalledTimes(1);
  });

  it('do not count among those that are on their way, which have a limit', async () => {
    await put('old.tar.gz');
    await truncate(join(directory, 'old.tar.gz'), 21 * GIB);
    await using _packed = await pack('new');
    expect(await names()).toEqual(['new.tar.gz']);

    await put('waits.tar.gz');
    await truncate(join(directory, 'waits.tar.gz'), 21 * GIB);
    recorded.add('waits');
    // As with the next server: what lies there is counted once, and again with each sweep.
    await staging.start();
    await expect(pack('newer')).rejects.toThrow('wait until some of them have been sent');
    expect(await names()).toEqual(['new.tar.gz', 'waits.tar.gz']);
  });
});

/** As from a disk that hangs, nothing is read of a repository's files, and git takes no notice of being ended. */
async function gitThatHangs(repository: Repository): Promise<AsyncDisposable & { goOn(): Promise<void> }> {
  const bin = join(root, 'bin');
  await mkdir(bin);
  const git = execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const hangs = `*"-C ${repository.path} "*cat-file*) trap '' TERM; until [ -e ${bin}/go ]; do sleep 0.1; done ;;`;
  await writeFile(join(bin, 'git'), `#!/bin/bash\ncase "$*" in ${hangs} esac\nexec ${git} "$@"\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
  const goOn = () => writeFile(join(bin, 'go'), '');
  return {
    goOn,
    [Symbol.asyncDispose]: async () => {
      await goOn();
      vi.unstubAllEnvs();
    },
  };
}
