import { chmod, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { leftOut, readRepository } from './index.ts';
import { PathCount } from './listing.ts';
import { Repository } from './testing.ts';

let repository: Repository;

beforeEach(async () => {
  repository = await Repository.create();
  await repository.write({ 'a.txt': 'one\n', 'dir/b.txt': 'two\n', '.gitignore': '*.o\n' });
  await repository.commit();
});

afterEach(async () => {
  await repository[Symbol.asyncDispose]();
});

const COMMITTED = { 'a.txt': 'one\n', 'dir/b.txt': 'two\n', '.gitignore': '*.o\n' };
const path = (name: string) => join(repository.path, name);

/** What is shown, what is recorded, and what is sent: one rule. */
async function uncommitted(): Promise<{ shown: boolean; recorded: boolean; sent: Record<string, string> }> {
  const { isDirty: shown } = await readRepository(repository.path);
  const files = await repository.choose(true);
  return { shown, recorded: files.isDirty, sent: await repository.unpacked(files) };
}

const clean = { shown: false, recorded: false, sent: COMMITTED };
const dirty = (sent: Record<string, string>) => ({ shown: true, recorded: true, sent });

describe('what is uncommitted', () => {
  it('is nothing in a work tree that is as it was committed, also when no time tells so', async () => {
    expect(await uncommitted()).toEqual(clean);
    await utimes(path('a.txt'), 1, 1);
    await repository.write({ 'ignored.o': 'x' });
    expect(await uncommitted()).toEqual(clean);
    await rm(path('.git/index'));
    expect(await uncommitted()).toEqual(clean);
  });

  it('is every change, new file and removal', async () => {
    await repository.write({ 'a.txt': 'changed\n', 'new/file.txt': 'new\n' });
    await rm(path('dir'), { recursive: true });
    expect(await uncommitted()).toEqual(
      dirty({ 'a.txt': 'changed\n', 'new/file.txt': 'new\n', '.gitignore': '*.o\n' }),
    );
  });

  it('is a change that keeps size and time', async () => {
    const times = new Date(1_700_000_000_000);
    await utimes(path('a.txt'), times, times);
    await repository.git('update-index', '--refresh');
    await writeFile(path('a.txt'), 'eno\n');
    await utimes(path('a.txt'), times, times);
    expect(await uncommitted()).toEqual(dirty({ ...COMMITTED, 'a.txt': 'eno\n' }));
  });

  it('is another executable bit, another kind, and another target of a link', async () => {
    await symlink('a.txt', path('link'));
    await repository.commit();
    await chmod(path('a.txt'), 0o755);
    await rm(path('link'));
    await symlink('b.txt', path('link'));
    await rm(path('dir/b.txt'));
    await symlink('../a.txt', path('dir/b.txt'));
    const sent = { ...COMMITTED, 'a.txt': '* one\n', link: '-> b.txt', 'dir/b.txt': '-> ../a.txt' };
    expect(await uncommitted()).toEqual(dirty(sent));
  });

  it('is a directory that a link has taken the place of, and never what lies behind the link', async () => {
    await using elsewhere = await Repository.create();
    await elsewhere.write({ 'b.txt': 'two\n' });
    await rm(path('dir'), { recursive: true });
    await symlink(elsewhere.path, path('dir'));
    const { 'dir/b.txt': _, ...rest } = COMMITTED;
    expect(await uncommitted()).toEqual(dirty({ ...rest, dir: `-> ${elsewhere.path}` }));
  });

  it.each([
    ['status.showUntrackedFiles', 'no', { 'new.txt': 'new\n' }],
    ['core.fileMode', 'false', { 'a.txt': '* one\n' }],
    ['core.ignoreStat', 'true', { 'a.txt': 'changed\n' }],
    ['core.trustctime', 'false', { 'a.txt': 'eno\n' }],
    ['core.checkStat', 'minimal', { 'a.txt': 'eno\n' }],
    ['core.autocrlf', 'input', { 'a.txt': 'one\r\n' }],
    ['core.safecrlf', 'true', { 'a.txt': 'one\r\n' }],
    ['core.fsmonitor', 'touch ran; printf /', { 'a.txt': 'changed\n' }],
  ])('doesn’t depend on %s=%s', async (name, value, change) => {
    await repository.git('config', name, value);
    for (const [file, text] of Object.entries<string>(change)) {
      if (text.startsWith('* ')) await chmod(path(file), 0o755);
      else await repository.write({ [file]: text });
    }
    expect(await uncommitted()).toEqual(dirty({ ...COMMITTED, ...change }));
  });

  it.each(['--assume-unchanged', '--skip-worktree'])('is a file for which git was told %s', async (option) => {
    await repository.git('update-index', option, 'a.txt', 'dir/b.txt');
    expect(await uncommitted()).toEqual(clean);
    await repository.write({ 'a.txt': 'changed\n' });
    await rm(path('dir'), { recursive: true });
    expect(await uncommitted()).toEqual(dirty({ 'a.txt': 'changed\n', '.gitignore': '*.o\n' }));
  });

  it('is nothing that a sparse checkout leaves out', async () => {
    await repository.git('sparse-checkout', 'set', '--no-cone', '/a.txt', '/.gitignore');
    expect(await uncommitted()).toEqual(clean);
    await repository.write({ 'a.txt': 'changed\n' });
    expect(await uncommitted()).toEqual(dirty({ ...COMMITTED, 'a.txt': 'changed\n' }));
  });

  it('is what lies on disk, whatever is staged', async () => {
    await repository.write({ 'a.txt': 'staged\n', 'intended.txt': 'intended\n', 'forced.o': 'forced\n' });
    await repository.git('add', 'a.txt');
    await repository.git('add', '--intent-to-add', 'intended.txt');
    await repository.git('add', '--force', 'forced.o');
    await repository.git('rm', '--quiet', '--cached', 'dir/b.txt');
    await repository.write({ 'a.txt': 'on disk\n' });
    const sent = { ...COMMITTED, 'a.txt': 'on disk\n', 'intended.txt': 'intended\n', 'forced.o': 'forced\n' };
    expect(await uncommitted()).toEqual(dirty(sent));
    for (const name of ['intended.txt', 'forced.o']) await rm(path(name));
    await repository.write({ 'a.txt': 'one\n' });
    expect(await uncommitted()).toEqual(clean);
  });

  it('is a file in the middle of a merge, as it lies there', async () => {
    await repository.git('switch', '--quiet', '--create', 'other');
    await repository.write({ 'a.txt': 'theirs\n' });
    await repository.commit();
    await repository.git('switch', '--quiet', 'main');
    await repository.write({ 'a.txt': 'ours\n' });
    await repository.commit();
    await expect(repository.git('merge', 'other')).rejects.toThrow();
    const text = '<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> other\n';
    expect(await uncommitted()).toEqual(dirty({ ...COMMITTED, 'a.txt': text }));
  });

  it('is what the user ignores nowhere, not even in a file of their own', async () => {
    await repository.write({ '.git/my-ignores': '*.swp\n', 'a.txt.swp': 'x' });
    await repository.git('config', 'core.excludesFile', path('.git/my-ignores'));
    expect(await uncommitted()).toEqual(clean);
  });

  it.each([
    ['a filter that keeps the size', '*.txt filter=shout\n', 'ONE\n', 'TWO\n'],
    ['line ends', '*.txt text eol=crlf\n', 'one\r\n', 'two\r\n'],
  ])('is what git writes in another form than it was committed, because of %s', async (_, attributes, one, two) => {
    await repository.git('config', 'filter.shout.smudge', 'tr a-z A-Z');
    await repository.git('config', 'filter.shout.clean', 'tr A-Z a-z');
    await repository.write({ '.gitattributes': attributes });
    await repository.commit();
    await rm(path('a.txt'));
    await rm(path('dir/b.txt'));
    await repository.git('checkout', '--quiet', '.');
    await utimes(path('.git/index'), new Date(), new Date(Date.now() + 60_000));
    expect(await repository.git('status', '--porcelain')).toBe('');
    const sent = { ...COMMITTED, '.gitattributes': attributes, 'a.txt': one, 'dir/b.txt': two };
    expect(await uncommitted()).toEqual(dirty(sent));
    expect(await repository.committed()).toEqual({ ...COMMITTED, '.gitattributes': attributes });
  });

  it('is all that there is before the first commit', async () => {
    await using fresh = await Repository.create();
    expect(await readRepository(fresh.path)).toMatchObject({ headCommit: null, isDirty: false });
    await fresh.write({ 'a.txt': 'x' });
    expect(await readRepository(fresh.path)).toMatchObject({ headCommit: null, isDirty: true });
    await fresh.git('add', '--all');
    expect(await readRepository(fresh.path)).toMatchObject({ headCommit: null, isDirty: true });
  });
});

describe('a repository inside the work tree', () => {
  it('comes along with its files, with a commit and without one, but for what it ignores itself', async () => {
    for (const name of ['fresh', 'lib/committed']) {
      await repository.write({ [`${name}/x.txt`]: 'x\n', [`${name}/y.tmp`]: 'y', [`${name}/.gitignore`]: '*.tmp\n' });
      await repository.gitIn(name, 'init', '--quiet');
    }
    await repository.commit('lib/committed');
    await repository.write({ 'lib/committed/x.txt': 'changed\n', 'lib/committed/inner/z.txt': 'z\n' });
    await repository.gitIn('lib/committed/inner', 'init', '--quiet');
    const sent = {
      ...COMMITTED,
      'fresh/x.txt': 'x\n',
      'fresh/.gitignore': '*.tmp\n',
      'lib/committed/x.txt': 'changed\n',
      'lib/committed/.gitignore': '*.tmp\n',
      'lib/committed/inner/z.txt': 'z\n',
    };
    expect(await uncommitted()).toEqual(dirty(sent));
  });

  it('comes along when it is another work tree of the same one, or its link leads nowhere', async () => {
    await repository.git('worktree', 'add', '--quiet', '-b', 'other', 'trees/other');
    await repository.write({
      'trees/other/a.txt': 'other\n',
      'broken/.git': 'gitdir: /nowhere\n',
      'broken/c.txt': 'c\n',
    });
    const sent = {
      ...COMMITTED,
      'trees/other/a.txt': 'other\n',
      'trees/other/dir/b.txt': 'two\n',
      'trees/other/.gitignore': '*.o\n',
      'broken/c.txt': 'c\n',
    };
    expect(await uncommitted()).toEqual(dirty(sent));
  });

  it('comes along when it was committed as one, which git takes for a submodule', async () => {
    await repository.write({ 'lib/x.txt': 'x\n' });
    await repository.gitIn('lib', 'init', '--quiet');
    await repository.commit('lib');
    await repository.commit();
    expect(await repository.git('ls-tree', 'HEAD', 'lib')).toMatch(/^160000 commit/);
    expect(await uncommitted()).toEqual(dirty({ ...COMMITTED, 'lib/x.txt': 'x\n' }));
    expect(await repository.committed()).toEqual({ ...COMMITTED, 'lib/': '' });
    expect(leftOut(await repository.choose(false))).toMatch(/: lib\. /);
    expect(leftOut(await repository.choose(true))).toBeNull();
  });

  it('is told by name when it can’t be read', async () => {
    await repository.write({ 'odd/x.txt': 'x\n' });
    await repository.gitIn('odd', 'init', '--quiet');
    await repository.gitIn('odd', 'config', 'core.repositoryFormatVersion', '99');
    await expect(repository.choose(true)).rejects.toThrow(/^odd is a repository that can't be read: /);
  });
});

describe('a submodule', () => {
  let library: Repository;

  beforeEach(async () => {
    library = await Repository.create();
    await library.write({ 'code.py': 'x = 1\n' });
    await library.commit();
    await repository.git('submodule', '--quiet', 'add', library.path, 'library');
    await repository.commit();
  });

  afterEach(async () => {
    await library[Symbol.asyncDispose]();
  });

  const modules = async () => ({
    '.gitmodules': await repository.git('show', 'HEAD:.gitmodules').then((text) => `${text}\n`),
  });

  it('is an empty directory in the state that was committed, checked out or not', async () => {
    const sent = { ...COMMITTED, ...(await modules()), 'library/': '' };
    expect(await repository.committed()).toEqual(sent);
    expect(await uncommitted()).toEqual({ shown: false, recorded: false, sent });
    expect(leftOut(await repository.choose(true))).toMatch(/: library\. /);
    await repository.git('submodule', '--quiet', 'deinit', '--force', 'library');
    expect(await uncommitted()).toEqual({ shown: false, recorded: false, sent });
    await rm(path('library'), { recursive: true });
    expect(await uncommitted()).toEqual({ shown: false, recorded: false, sent });
  });

  it.each(['all', 'dirty', 'none'])('comes along with its files in any other state, with ignore=%s', async (ignore) => {
    await repository.git('config', 'submodule.library.ignore', ignore);
    await repository.write({ 'library/new.py': 'y\n' });
    const sent = { ...COMMITTED, ...(await modules()), 'library/code.py': 'x = 1\n', 'library/new.py': 'y\n' };
    expect(await uncommitted()).toEqual(dirty(sent));
    await repository.commit('library');
    expect(await uncommitted()).toEqual(dirty(sent));
    expect(leftOut(await repository.choose(true))).toBeNull();
  });

  it('comes along when files were put where it is not checked out', async () => {
    await repository.git('submodule', '--quiet', 'deinit', '--force', 'library');
    await repository.write({ 'library/own/code.py': 'own\n' });
    expect(await uncommitted()).toEqual(dirty({ ...COMMITTED, ...(await modules()), 'library/own/code.py': 'own\n' }));
  });
});

describe('what is too much to be sent', () => {
  it('is named with its size and the limit before anything is read', async () => {
    await repository.write({ 'data/big.bin': '' });
    await truncate(path('data/big.bin'), 9 * 1024 ** 3);
    const message =
      '9 GiB in 1 file: data/big.bin (9 GiB) are not committed; at most 1 GiB of such files are sent with a job';
    await expect(repository.choose(true)).rejects.toThrow(message);
    expect(await readRepository(repository.path)).toMatchObject({ isDirty: true });
    expect((await repository.choose(false)).isDirty).toBe(false);
  });

  it('is a committed file that has grown, and files that are so only together', async () => {
    await truncate(path('a.txt'), 1024 ** 3 + 1);
    await expect(repository.choose(true)).rejects.toThrow('a.txt (1.01 GiB)');
    await truncate(path('a.txt'), 512 * 1024 ** 2);
    for (const [name, size] of [
      ['c', 300],
      ['d', 200],
      ['e', 100],
      ['f', 1],
    ] as const) {
      await repository.write({ [name]: '' });
      await truncate(path(name), size * 1024 ** 2);
    }
    await expect(repository.choose(true)).rejects.toThrow(
      '1.09 GiB in 5 files, the largest: a.txt (512 MiB), c (300 MiB), d (200 MiB) are not committed',
    );
  });

  it('is so inside a repository of its own too', async () => {
    await repository.write({ 'inner/big.bin': '' });
    await repository.gitIn('inner', 'init', '--quiet');
    await truncate(path('inner/big.bin'), 2 * 1024 ** 3);
    await expect(repository.choose(true)).rejects.toThrow('inner/big.bin (2 GiB)');
  });
});

describe('a work tree of many files', () => {
  /** Counts the paths that are gone through in the longest stretch without a turn of the event loop for others. */
  function longestStretch(): () => number {
    let longest = 0;
    let now = 0;
    const original = PathCount.prototype.add;
    vi.spyOn(PathCount.prototype, 'add').mockImplementation(function (this: PathCount, path) {
      if (now === 0) {
        setImmediate(() => {
          now = 0;
        });
      }
      now += 1;
      longest = Math.max(longest, now);
      original.call(this, path);
    });
    return () => longest;
  }
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** Commits forty directories of a thousand files each, none of which is on disk. */
  async function commitMany(): Promise<void> {
    const entry = (mode: string, type: string, id: string, name: string) => `${mode} ${type} ${id}\t${name}\n`;
    const name = (index: number) => `a-name-as-long-as-those-of-files-are-${index}`;
    const makeTree = async (entries: readonly string[]) => {
      await writeFile(path('.git/entries'), entries.join(''));
      return repository.git('-c', 'alias.make=!git mktree < .git/entries', 'make');
    };
    const blob = await repository.git('rev-parse', 'HEAD:a.txt');
    const files = await makeTree(
      Array.from({ length: 1000 }, (_, index) => entry('100644', 'blob', blob, name(index))),
    );
    const all = await makeTree(Array.from({ length: 40 }, (_, index) => entry('040000', 'tree', files, name(index))));
    await repository.git('reset', '--quiet', '--soft', await repository.git('commit-tree', '-m', 'Many', all));
    await repository.git('read-tree', 'HEAD');
  }

  it('lets others have their turn while it is compared', async () => {
    await commitMany();
    const longest = longestStretch();
    expect(await readRepository(repository.path)).toMatchObject({ isDirty: true });
    expect((await repository.choose(true)).isDirty).toBe(true);
    // Of 40,000 in the commit and as many in the index.
    expect(longest()).toBeLessThan(5000);
  });
});
