import { createHash } from 'node:crypto';
import { readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStatuses } from './disk.ts';
import { DiskQuestions } from './disk-questions.ts';
import { entriesIn } from './entry-names.ts';
import { MAX_FILES } from './limits.ts';
import { Listing, PathCount } from './listing.ts';
import { onDisk } from './paths.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-disk-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const listed = (disk: DiskQuestions, path: string, room = { files: 1000, bytes: 100_000 }) =>
  [...entriesIn(disk.entries(directory, path, room))].map(
    ({ name, isDirectory }) => `${name}${isDirectory ? '/' : ''}`,
  );

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
    ...{ a: 'directory', 'a/b': 'directory', link: 'link' },
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

it('names of millions of directories that are not there cost next to nothing', async () => {
  // As a tree of a few KiB can name them: the same deep directories under each of many names.
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
  // 5.7 million directories would take over a gigabyte.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024);
  expect(turns).toBeGreaterThan(1);
});

describe('a directory', () => {
  const quiet = () => new DiskQuestions(() => undefined);

  it('is told with the bytes of each name, and what is a directory, but for .git', async () => {
    expect(listed(quiet(), 'gone')).toEqual([]);
    await mkdir(join(directory, 'a/empty'), { recursive: true });
    expect(listed(quiet(), 'a/empty')).toEqual([]);
    for (const name of ['caf\xe9', 'caf\xc3\xa9', 'x'.repeat(255), '\n', ' ', '.gitignore'])
      await writeFile(onDisk(directory, `a/${name}`), '');
    await mkdir(join(directory, 'a/.git'));
    await symlink('empty', join(directory, 'a/link'));
    const names = ['caf\xe9', 'caf\xc3\xa9', 'x'.repeat(255), '\n', ' ', '.gitignore', 'empty/', 'link'];
    expect(listed(quiet(), 'a').sort()).toEqual(names.sort());
  });

  it('is read as far as there is room and told as bytes, however many names it has', async () => {
    await mkdir(join(directory, 'many'));
    for (let index = 0; index < 5000; index += 1) writeFileSync(join(directory, 'many', `file-${index}`), '');
    let answers = 0;
    const disk = new DiskQuestions(() => {
      answers += 1;
    });
    const all = disk.entries(directory, 'many', { files: 1_000_000, bytes: 1_000_000 });
    // Of a million objects, the thread that unpacks them would do nothing else for seconds.
    expect(all).toBeInstanceOf(Uint8Array);
    expect(new Set([...entriesIn(all)].map(({ name }) => name)).size).toBe(5000);
    expect(answers).toBeGreaterThan(5000);
    answers = 0;
    expect(listed(disk, 'many', { files: 10, bytes: 1_000_000 })).toHaveLength(11);
    expect(listed(disk, 'many', { files: 5000, bytes: 100 }).length).toBeLessThan(20);
    expect(answers).toBeLessThan(100);
  });

  it('is refused where there is room for none of its files', async () => {
    await mkdir(join(directory, 'a/b/c'), { recursive: true });
    for (const name of ['1', 'b/2', 'b/c/3']) await writeFile(join(directory, 'a', name), '');
    using listing = new Listing();
    const count = new PathCount(listing, 'it holds');
    for (let index = 0; index < MAX_FILES; index += 1) count.add('');
    expect(count.room.files).toBe(0);
    for (const { name } of entriesIn(quiet().entries(directory, 'a', count.room)))
      expect(() => count.add(name)).toThrow('it holds more than 1000000 files');
  });
});

describe('a link that takes the place of a directory on the way to a file, at whatever moment, is not followed', () => {
  const SHA = createHash('sha1').update('blob 7\0SECRET\n').digest('hex');
  const FILE = { path: 'a/b/file', kind: 'file', isExecutable: false, objectId: SHA, sizeBytes: 7 } as const;

  it.each<[string, (disk: DiskQuestions) => unknown]>([
    [
      'when a file is read',
      (disk) => {
        const opened = disk.open(directory, 'a/b/file');
        if (opened === null) return null;
        const bytes = disk.read(opened.descriptor, 'a/b/file', 100);
        disk.close(opened.descriptor);
        return Buffer.from(bytes).toString();
      },
    ],
    ['when a link is read', (disk) => disk.target(directory, 'a/b/link')],
    ['when a directory is listed', (disk) => listed(disk, 'a/b').sort()],
    ['when files are looked up', (disk) => disk.statuses(directory, ['a/b/file'])[0]?.sizeBytes],
    ['when contents are compared', (disk) => disk.areAsCommitted(directory, [FILE])],
  ])('%s', async (_when, ask) => {
    const [inner, away] = [join(directory, 'a/b'), join(directory, 'away')];
    await mkdir(inner, { recursive: true });
    await writeFile(join(inner, 'file'), 'own');
    await symlink('own', join(inner, 'link'));
    const elsewhere = join(directory, 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'file'), 'SECRET\n');
    await symlink('secret', join(elsewhere, 'link'));
    await writeFile(join(elsewhere, 'other'), '');
    let answers = 0;
    const own = ask(
      new DiskQuestions(() => {
        answers += 1;
      }),
    );
    expect(answers).toBeGreaterThan(2);
    for (let moment = 0; moment < answers; moment += 1) {
      let left = moment;
      const swapInTime = () => {
        if (left === 0) {
          renameSync(inner, away);
          symlinkSync(elsewhere, inner);
        }
        left -= 1;
      };
      swapInTime();
      expect([own, null, undefined, [], [false]]).toContainEqual(ask(new DiskQuestions(swapInTime)));
      rmSync(inner);
      renameSync(away, inner);
    }
  });
});

it('what lies in many directories one in another is told from either end, with few of them open', async () => {
  const names = Array.from({ length: 300 }, (_, index) => `level-${index}`);
  const directories = names.map((_, index) => names.slice(0, index + 1).join('/'));
  await mkdir(join(directory, directories.at(-1) ?? ''), { recursive: true });
  const files = directories.map((path) => `${path}/file`);
  for (const file of files) await writeFile(join(directory, file), '');
  const all = Object.fromEntries(files.map((file) => [file, 'file']));
  expect(await kinds(files)).toEqual(all);
  expect(await kinds(files.toReversed())).toEqual(all);
  const before = readdirSync('/proc/self/fd').length;
  let most = 0;
  const disk = new DiskQuestions(() => {
    most = Math.max(most, readdirSync('/proc/self/fd').length);
  });
  expect(disk.statuses(directory, files).every((status) => status?.kind === 'file')).toBe(true);
  expect(most - before).toBeLessThan(120);
  expect(readdirSync('/proc/self/fd')).toHaveLength(before);
});
