import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Staging } from './staging.ts';
import { Repository } from './testing.ts';

let directory: string;
let staging: Staging;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-staging-'));
  staging = new Staging(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

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

  it('are packed though those of another repository are stuck', async () => {
    await using stuck = await Repository.create();
    await stuck.write({ 'a.txt': 'a' });
    await stuck.commit();
    await using other = await Repository.create();
    await other.write({ 'b.txt': 'b' });
    await other.commit();
    // As from a disk that hangs, nothing is read of its files, and git takes no notice of being ended.
    const bin = join(directory, 'bin');
    await mkdir(bin);
    const git = execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    const hangs = `*"-C ${stuck.path} "*cat-file*) trap '' TERM; until [ -e ${bin}/go ]; do sleep 0.1; done ;;`;
    await writeFile(join(bin, 'git'), `#!/bin/bash\ncase "$*" in ${hangs} esac\nexec ${git} "$@"\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
    try {
      const files = [await stuck.choose(false), await stuck.choose(false), await stuck.choose(false)];
      const stuckOnes = files.map((one, index) => staging.pack(`stuck-${index}`, one));
      await staging.pack('other', await other.choose(false));
      expect((await readdir(directory)).filter((name) => name.endsWith('.gz'))).toEqual(['other.tar.gz']);
      await writeFile(join(bin, 'go'), '');
      await Promise.all(stuckOnes);
      expect(await readdir(directory)).toContain('stuck-2.tar.gz');
    } finally {
      await writeFile(join(bin, 'go'), '');
      vi.unstubAllEnvs();
    }
  });
});
