import { chmod, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GitSnapshot, MOST_UNCOMMITTED } from '../domain/project.ts';
import { faultOf, readRepository } from './index.ts';
import { Repository } from './testing.ts';

let repository: Repository;

beforeEach(async () => {
  repository = await Repository.create();
  await repository.write({ 'a.txt': 'one\n', 'dir/b.txt': 'two\n', '.gitignore': '*.o\n' });
  await repository.commit();
});
afterEach(() => repository[Symbol.asyncDispose]());

const path = (name: string) => join(repository.path, name);

/** One character a byte. */
const bytes = (name: string) => Buffer.from(name).toString('latin1');

/** Of each file: its kind and size. */
async function files(): Promise<Record<string, string>> {
  const { uncommittedFiles, isDirty } = await readRepository(repository.path);
  expect(isDirty).toBe(uncommittedFiles.length > 0);
  expect(uncommittedFiles.map(({ path }) => path)).toEqual(uncommittedFiles.map(({ path }) => path).toSorted());
  return Object.fromEntries(uncommittedFiles.map(({ path, kind, sizeBytes }) => [path, `${kind} ${sizeBytes}`]));
}

describe('uncommitted files', () => {
  it('are none in a work tree that is as it was committed', async () => {
    await repository.write({ 'ignored.o': 'x' });
    expect(await files()).toEqual({});
  });

  it.each<[string, () => Promise<unknown>, Record<string, string>]>([
    ['changed', () => repository.write({ 'a.txt': 'changed\n' }), { 'a.txt': 'MODIFIED 8' }],
    ['changed to the same size', () => repository.write({ 'a.txt': 'eno\n' }), { 'a.txt': 'MODIFIED 4' }],
    ['made executable', () => chmod(path('a.txt'), 0o755), { 'a.txt': 'MODIFIED 4' }],
    ['made a link', () => rm(path('a.txt')).then(() => symlink('x', path('a.txt'))), { 'a.txt': 'MODIFIED 1' }],
    ['removed', () => rm(path('dir'), { recursive: true }), { 'dir/b.txt': 'DELETED null' }],
    ['new', () => repository.write({ [bytes('new dir/ü.txt')]: 'x' }), { 'new dir/ü.txt': 'UNTRACKED 1' }],
    [
      'new and staged',
      () => repository.write({ 'new.txt': 'x' }).then(() => repository.git('add', 'new.txt')),
      { 'new.txt': 'ADDED 1' },
    ],
    ['staged under another name', () => repository.git('mv', 'a.txt', 'z.txt'), { 'z.txt': 'RENAMED 4' }],
    [
      'moved without git',
      () => rename(path('a.txt'), path('z.txt')),
      { 'a.txt': 'DELETED null', 'z.txt': 'UNTRACKED 4' },
    ],
    [
      'in the place of a directory',
      () => rm(path('dir'), { recursive: true }).then(() => repository.write({ dir: 'x' })),
      { dir: 'UNTRACKED 1', 'dir/b.txt': 'DELETED null' },
    ],
    [
      'in a directory in its own place',
      () => rm(path('a.txt')).then(() => repository.write({ 'a.txt/x': 'x' })),
      { 'a.txt': 'DELETED null', 'a.txt/x': 'UNTRACKED 1' },
    ],
    [
      'with names of any bytes',
      () => repository.write({ 'a\nb': 'x', 'not \xff utf-8': 'x' }),
      { '"a\\nb"': 'UNTRACKED 1', 'not \uFFFD utf-8': 'UNTRACKED 1' },
    ],
  ])('are those that are %s', async (_what, change, expected) => {
    await change();
    expect(await files()).toEqual(expected);
  });

  it('are those that a merge left in conflict', async () => {
    await repository.git('switch', '--quiet', '--create', 'other');
    await repository.write({ 'a.txt': 'theirs\n' });
    await repository.commit();
    await repository.git('switch', '--quiet', 'main');
    await repository.write({ 'a.txt': 'ours\n' });
    await repository.commit();
    await repository.git('merge', 'other').catch(() => undefined);
    expect(await files()).toMatchObject({ 'a.txt': expect.stringMatching(/^CONFLICTED \d+$/) });
  });

  it('are all of a repository without a commit', async () => {
    await using empty = await Repository.create();
    expect(await readRepository(empty.path)).toMatchObject({ isDirty: false, uncommittedFiles: [], headCommit: null });
    await empty.write({ 'a.txt': 'x' });
    expect((await readRepository(empty.path)).uncommittedFiles).toEqual([
      { path: 'a.txt', kind: 'UNTRACKED', sizeBytes: 1 },
    ]);
  });

  it('are named up to a number', async () => {
    const names = Array.from({ length: MOST_UNCOMMITTED + 5 }, (_, index) => `file-${index}`);
    await repository.write(Object.fromEntries(names.map((name) => [name, 'x'])));
    const { isDirty, uncommittedFiles } = await readRepository(repository.path);
    expect(isDirty).toBe(true);
    expect(uncommittedFiles.map((file) => file.path)).toEqual(names.toSorted().slice(0, MOST_UNCOMMITTED));
  });
});

describe('tags', () => {
  const tags = async (): Promise<GitSnapshot['tags']> => (await readRepository(repository.path)).tags;

  it('are those of commits, whatever they are, with the commit', async () => {
    const head = await repository.git('rev-parse', 'HEAD');
    await repository.git('tag', 'light');
    await repository.git('tag', '--annotate', '--message', 'Words', 'v1.0');
    await repository.git('tag', 'of-a-file', 'HEAD:a.txt');
    await repository.git('tag', 'of-a-tree', 'HEAD^{tree}');
    const found = (await tags()).toSorted((one, other) => (one.name < other.name ? -1 : 1));
    expect(found).toEqual([
      { name: 'light', sha: head },
      { name: 'v1.0', sha: head },
    ]);
  });

  it('are none where there are none, beside a branch of the same name', async () => {
    expect(await tags()).toEqual([]);
    await repository.git('tag', 'main');
    const { branches } = await readRepository(repository.path);
    expect((await tags()).map(({ name }) => name)).toEqual(['main']);
    expect(branches.map(({ name }) => name)).toEqual(['main']);
  });
});

describe('a repository that can not be read', () => {
  const fault = (at: string) =>
    readRepository(at).then(
      () => null,
      (cause) => faultOf(at, cause),
    );

  it('is missing where nothing is at its path', async () => {
    expect(await fault(path('nowhere'))).toEqual({
      status: 'MISSING',
      message: `Nothing is at ${path('nowhere')}: move the repository back, or give the project its new path`,
    });
  });

  it('is unreadable where git refuses what is there', async () => {
    await rm(path('.git'), { recursive: true });
    expect(await fault(repository.path)).toEqual({
      status: 'UNREADABLE',
      message: expect.stringMatching(/^\S+ can't be read: .*not a git repository/),
    });
  });
});
