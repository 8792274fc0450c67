import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readStatuses } from './disk.ts';
import { onDisk } from './paths.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-disk-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const kinds = async (paths: readonly string[]) =>
  Object.fromEntries([...(await readStatuses(directory, paths))].map(([path, { kind }]) => [path, kind]));

it('what lies under paths is told, in whatever order they come', async () => {
  await mkdir(join(directory, 'a/b/c'), { recursive: true });
  await mkdir(join(directory, 'ab'));
  for (const name of ['a/1', 'a/b/2', 'a/b/c/3', 'ab/4', '5']) await writeFile(join(directory, name), '');
  await symlink('a', join(directory, 'link'));
  await link(join(directory, '5'), join(directory, 'a/hard'));
  const there = {
    ...{ 'a/1': 'file', 'a/b/2': 'file', 'a/b/c/3': 'file', 'ab/4': 'file', '5': 'file', 'a/hard': 'file' },
    ...{ a: 'folder', 'a/b': 'folder', link: 'link' },
  };
  // Below a link, a file, or what isn't there, nothing is.
  const missing = ['link/1', 'link/b/2', '5/x', 'a/1/x/y', 'gone', 'gone/x', 'gone/x/y', 'gonex', 'a/bc/3', 'a/b/cc'];
  const all = [...Object.keys(there), ...missing];
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(all, { minLength: 1 }), async (paths) => {
      const expected = Object.entries(there).filter(([path]) => paths.includes(path));
      expect(await kinds(paths)).toEqual(Object.fromEntries(expected));
    }),
    { numRuns: 60 },
  );
});

it('the bytes of names are kept apart', async () => {
  await mkdir(onDisk(directory, 'caf\xe9'));
  await writeFile(onDisk(directory, 'caf\xe9/x'), '');
  expect(await kinds(['caf\xe9/x', 'caf\xc3\xa9/x'])).toEqual({ 'caf\xe9/x': 'file' });
});

it('names of millions of folders that are not there cost next to nothing', async () => {
  // As a tree of a few KiB can name them: the same deep folders under each of many names.
  const deep = `${'d/'.repeat(1900)}file`;
  const paths = Array.from({ length: 3000 }, (_, index) => `root-${String(index).padStart(5, '0')}/${deep}`);
  await mkdir(join(directory, 'root-00001', 'd', 'd'), { recursive: true });
  const before = process.memoryUsage().heapUsed;
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 1);
  expect(await kinds(paths)).toEqual({});
  clearInterval(counting);
  // 5.7 million folders would take over a gigabyte.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024);
  expect(turns).toBeGreaterThan(1);
});
