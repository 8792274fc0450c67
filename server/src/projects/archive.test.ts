import { execFile } from 'node:child_process';
import { appendFile, open, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { leftOut, packFiles } from './archive.ts';
import { readRepository } from './index.ts';
import { onDisk } from './paths.ts';
import { Repository } from './testing.ts';

const run = promisify(execFile);
let repository: Repository;

beforeEach(async () => {
  repository = await Repository.create();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await repository[Symbol.asyncDispose]();
});

describe('a tree in which a link has the name of a directory', () => {
  type Tree = readonly (readonly [name: string, content: string | Tree])[];

  /** Text is where a link leads; where it is empty, it is a file. */
  async function treeOf(entries: Tree): Promise<string> {
    const parts: Buffer[] = [];
    for (const [name, content] of entries) {
      const isTree = typeof content !== 'string';
      await repository.write({ '.git/forged': isTree ? '' : content });
      const id = isTree ? await treeOf(content) : await repository.git('hash-object', '-w', '.git/forged');
      const mode = isTree ? '40000' : content === '' ? '100644' : '120000';
      parts.push(Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex'));
    }
    await repository.write({ '.git/forged': Buffer.concat(parts) });
    return repository.git('hash-object', '-w', '-t', 'tree', '--literally', '.git/forged');
  }

  const FILE = ['authorized_keys', ''] as const;
  it.each<[string, Tree]>([
    [
      'before it',
      [
        ['a', '/etc'],
        ['a', [FILE]],
      ],
    ],
    [
      'after it',
      [
        ['a', [FILE]],
        ['a', '/etc'],
      ],
    ],
    [
      'deeper',
      [
        [
          'x',
          [
            ['a', '../..'],
            ['a', [FILE]],
          ],
        ],
      ],
    ],
    [
      'with another link in it',
      [
        ['a', '..'],
        [
          'a',
          [
            ['b', '/etc'],
            ['b', [FILE]],
          ],
        ],
      ],
    ],
    [
      'with links alone in it',
      [
        ['a', '/etc'],
        [
          'a',
          [
            ['b', '/root'],
            ['c', '/'],
          ],
        ],
      ],
    ],
    [
      'among others',
      [
        ['a', '/etc'],
        ['a-b', ''],
        ['a.b', 'a'],
        ['a', [FILE]],
        ['b', 'a'],
      ],
    ],
    [
      'below others, in any order',
      [
        ['b', [['c', '..']]],
        ['a', '/etc'],
        ['b', '/root'],
        [
          'a',
          [
            ['c', '..'],
            ['c', [['d', [FILE, ['e', '/']]]]],
          ],
        ],
      ],
    ],
  ])('is packed so that nothing is written through the link: %s', async (_what, entries) => {
    const commit = await repository.git('commit-tree', '-m', 'Forged', await treeOf(entries));
    await repository.git('update-ref', 'HEAD', commit);
    const archive = join(repository.path, '.git/archive.tar.gz');
    await packFiles(await repository.choose(false), archive);
    const { stdout } = await run('tar', ['-tvzf', archive]);
    const links: string[] = [];
    for (const line of stdout.trim().split('\n')) {
      const [, kind = '', path = ''] = /^(.)\S+ \S+ +\d+ \S+ \S+ (\S+)/.exec(line) ?? [];
      expect(links.filter((link) => path.startsWith(`${link}/`))).toEqual([]);
      if (kind === 'l') links.push(path);
    }
    expect(links.length).toBeGreaterThan(0);
  });
});

describe('many files of a commit in no order', () => {
  const FILES = 20_000;
  const names = Array.from({ length: FILES }, (_, index) => `${(index * 7919) % FILES}`);
  it.each<[string, readonly string[], string]>([
    ['files', names, '100644'],
    ['links', names, '120000'],
    ['links under one long name', names.map((name) => `${'p'.repeat(110)}/${name}`), '120000'],
    ['links in directories of their own', names.map((name) => `${name}/a`), '120000'],
    ['links that are deep', names.map((name) => `${'a/'.repeat(Number(name) % 100)}${name}`), '120000'],
    ['submodules', names, '160000'],
  ])(
    'are packed without a look at more than a few of them in a turn of the event loop: %s',
    async (_what, paths, mode) => {
      await repository.write({ a: 'x' });
      await repository.commit();
      const objectId = await repository.git('hash-object', 'a');
      const looks = { inThisTurn: 0, most: 0, inAll: 0 };
      const nextTurn = () => {
        looks.inThisTurn = 0;
        turn = setImmediate(nextTurn);
      };
      let turn = setImmediate(nextTurn);
      const kind = mode === '120000' ? 'link' : mode === '160000' ? 'submodule' : 'file';
      const committed = paths.map((path) => ({
        get path() {
          looks.inThisTurn += 1;
          looks.inAll += 1;
          looks.most = Math.max(looks.most, looks.inThisTurn);
          return path;
        },
        kind: kind as 'file' | 'link' | 'submodule',
        isExecutable: false,
        objectId,
        sizeBytes: kind === 'submodule' ? 0 : 1,
      }));
      try {
        await packFiles(
          { ...(await repository.choose(false)), committed },
          join(repository.path, '.git/archive.tar.gz'),
        );
      } finally {
        clearImmediate(turn);
      }
      expect(looks.inAll).toBeGreaterThanOrEqual(FILES);
      expect(looks.most).toBeLessThan(FILES / 3);
    },
  );
});

describe("a commit's files", () => {
  const FILES = {
    'train.py': '# $Id$ $Format:%H$\nprint("ü")\n',
    'tests/test.py': 'assert True\n',
    'data.csv': 'a,b\r\nc,d\n',
    'secret.txt': 'plain\n',
  };

  it.each([
    ['export-ignore', 'tests/ export-ignore\n*.csv export-ignore\n'],
    ['export-subst and ident', '* export-subst ident\n'],
    ['line ends', '* text eol=crlf\n'],
    ['another encoding in the work tree', '*.txt text working-tree-encoding=UTF-16LE\n'],
    ['a filter', '*.txt filter=shout\n'],
  ])('come whole and byte for byte whatever attributes say of %s, wherever they say it', async (_, attributes) => {
    await repository.write(FILES);
    await repository.commit();
    await repository.write({ '.git/info/attributes': attributes });
    await repository.git('config', 'filter.shout.smudge', 'tr a-z A-Z');
    await repository.git('config', 'filter.shout.clean', 'tr A-Z a-z');
    const plain = Object.fromEntries(
      Object.entries(FILES).map(([name, text]) => [name, Buffer.from(text).toString('latin1')]),
    );
    expect(await repository.committed()).toEqual(plain);
    await repository.write({ '.git/info/attributes': '', '.git/attributes': attributes });
    await repository.git('config', 'core.attributesFile', join(repository.path, '.git/attributes'));
    expect(await repository.committed()).toEqual(plain);
    await repository.git('config', '--unset', 'core.attributesFile');
    await repository.write({ 'tests/.gitattributes': attributes, '.gitattributes': attributes });
    // As they are, without what the attributes would have git do to them on the way in.
    await repository.git('-c', 'core.attributesFile=/dev/null', 'update-index', '--add', '.gitattributes');
    await repository.git('update-index', '--add', 'tests/.gitattributes');
    await repository.git('commit', '--quiet', '--message', 'Attributes');
    expect(await repository.committed()).toEqual({
      ...plain,
      '.gitattributes': attributes,
      'tests/.gitattributes': attributes,
    });
  });

  it('are as committed whatever the configuration says of line ends, modes and archives', async () => {
    await repository.write({ 'a.txt': 'one\ntwo\n', 'run.sh': '#!/bin/sh\n' });
    await repository.makeExecutable('run.sh');
    await repository.commit();
    for (const [name, value] of [
      ['core.autocrlf', 'true'],
      ['core.eol', 'crlf'],
      ['tar.umask', '0777'],
      ['tar.tar.gz.command', 'touch ran; false'],
      ['core.fileMode', 'false'],
      ['core.symlinks', 'false'],
      ['log.showSignature', 'true'],
      ['format.pretty', 'oneline'],
    ] as const) {
      await repository.git('config', name, value);
    }
    expect(await repository.committed()).toEqual({ 'a.txt': 'one\ntwo\n', 'run.sh': '* #!/bin/sh\n' });
    await expect(stat(join(repository.path, 'ran'))).rejects.toThrow('ENOENT');
  });

  it("are those of its repository whatever git's variables say in the server's environment", async () => {
    await using other = await Repository.create();
    await other.write({ 'other.txt': 'other\n' });
    await other.commit();
    await repository.write({ 'a.txt': 'one\n' });
    const sha = await repository.commit();
    for (const [name, value] of Object.entries({
      GIT_DIR: join(other.path, '.git'),
      GIT_WORK_TREE: other.path,
      GIT_INDEX_FILE: '/nowhere',
      GIT_OBJECT_DIRECTORY: '/nowhere',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.bare',
      GIT_CONFIG_VALUE_0: 'true',
      GIT_NAMESPACE: 'x',
      GIT_LITERAL_PATHSPECS: '1',
    })) {
      vi.stubEnv(name, value);
    }
    const { chooseFiles } = await import('./index.ts');
    using files = await chooseFiles(repository.path, sha, true);
    vi.unstubAllEnvs();
    expect(files.isDirty).toBe(false);
    expect(await repository.unpacked(files)).toEqual({ 'a.txt': 'one\n' });
  });

  it('are those that its id stands for, though another object is to replace one', async () => {
    await repository.write({ 'a.txt': 'one\n' });
    await repository.commit();
    const old = await repository.git('rev-parse', 'HEAD:a.txt');
    await repository.write({ 'b.txt': 'two, and longer\n' });
    await repository.git('replace', old, await repository.git('hash-object', '-w', 'b.txt'));
    expect(await repository.committed()).toEqual({ 'a.txt': 'one\n' });
  });

  it.each(['sha1', 'sha256'])('keep odd names, links and modes as they are in a repository of %s', async (format) => {
    await using odd = await Repository.create(`--object-format=${format}`);
    const long = `${'deep/'.repeat(60)}${'n'.repeat(200)}`;
    const files = {
      empty: '',
      '-rf': 'leading dash\n',
      'new\nline': 'x',
      'quote"\\back': 'x',
      'latin-\xe9\xff': 'no UTF-8\n',
      [`${'x'.repeat(100)}`]: 'just fits',
      [`${'y'.repeat(101)}`]: 'just doesn’t',
      [long]: 'long',
      ' blanks ': 'x',
    };
    await odd.write(files);
    await odd.write({ 'run.sh': 'x' });
    await odd.makeExecutable('run.sh');
    const links = {
      'to-nowhere': '../../outside/nothing',
      'to-bytes': 'latin-\xe9\xff',
      'to-long': `/${'target/'.repeat(40)}`,
      'to-absolute': '/etc/passwd',
    };
    for (const [name, target] of Object.entries(links)) {
      await symlink(Buffer.from(target, 'latin1'), onDisk(odd.path, name));
    }
    const expected = {
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('latin1')])),
      'run.sh': '* x',
      ...Object.fromEntries(Object.entries(links).map(([name, target]) => [name, `-> ${target}`])),
    };
    // Not committed, and then committed: the same files.
    await odd.git('commit', '--quiet', '--allow-empty', '--message', 'Nothing');
    expect(await odd.withUncommitted()).toEqual(expected);
    await odd.commit();
    expect(await odd.committed()).toEqual(expected);
    expect((await odd.choose(true)).isDirty).toBe(false);
  });

  it("have their commit's time", async () => {
    await repository.write({ 'a.txt': 'x' });
    vi.stubEnv('GIT_COMMITTER_DATE', '@1700000000 +0000');
    await repository.commit();
    vi.unstubAllEnvs();
    const archive = join(repository.path, '.git', 'archive.tar.gz');
    await packFiles(await repository.choose(false), archive);
    const { stdout } = await run('tar', ['--utc', '--full-time', '-tvzf', archive]);
    expect(stdout).toContain('-rw-rw-rw- root/root         1 2023-11-14 22:13:20 a.txt');
  });

  it('are refused by name when the repository lacks one', async () => {
    await repository.write({ 'a.txt': 'x', 'gone.txt': 'gone\n' });
    await repository.commit();
    const id = await repository.git('rev-parse', 'HEAD:gone.txt');
    await rm(join(repository.path, '.git/objects', id.slice(0, 2), id.slice(2)));
    await expect(repository.committed()).rejects.toThrow('the content of gone.txt is not in the repository');
  });

  it('are refused with advice when a partial clone lacks them, and nothing is fetched', async () => {
    await repository.write({ 'a.txt': 'one\n' });
    const old = await repository.commit();
    await repository.write({ 'a.txt': 'two\n' });
    await repository.commit();
    await repository.git('config', 'uploadpack.allowFilter', 'true');
    await using partial = await Repository.create();
    await partial.git('clone', '--quiet', '--filter=blob:none', `file://${repository.path}`, 'clone');
    const { chooseFiles } = await import('./index.ts');
    const clone = join(partial.path, 'clone');
    await expect(chooseFiles(clone, old, false)).rejects.toThrow(/ partial clone, check the commit out once /);
    using head = await chooseFiles(clone, await partial.gitIn('clone', 'rev-parse', 'HEAD'), true);
    expect(head.isDirty).toBe(false);
    await partial.gitIn('clone', 'checkout', '--quiet', old);
    using files = await chooseFiles(clone, old, false);
    expect(await partial.unpacked(files)).toEqual({ 'a.txt': 'one\n' });
  });

  /** The id of a tree with such names, each of the same kind and for the same object. */
  async function tree(names: readonly string[], mode: string, id: string): Promise<string> {
    const entries = names.flatMap((name) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]);
    await writeFile(join(repository.path, '.git/entries'), Buffer.concat(entries));
    return repository.git('hash-object', '-w', '-t', 'tree', '--literally', '.git/entries');
  }

  async function checkOut(treeId: string): Promise<void> {
    await repository.git('update-ref', 'HEAD', await repository.git('commit-tree', '-m', 'x', treeId));
  }

  it('are listed once for all jobs of the commit, and anew for another one', async () => {
    await repository.write({ a: 'x' });
    await repository.commit();
    const [one, two] = await Promise.all([repository.choose(false), repository.choose(false)]);
    expect(two.committed).toBe(one.committed);
    expect((await repository.choose(false)).committed).toBe(one.committed);
    await repository.write({ b: 'x' });
    await repository.commit();
    expect((await repository.choose(false)).committed).toHaveLength(2);
    expect(one.committed).toHaveLength(1);
  });

  it('are refused when they would be unpacked outside of the directory', async () => {
    await repository.write({ a: 'x' });
    await checkOut(await tree(['..'], '100644', await repository.git('hash-object', '-w', 'a')));
    await expect(repository.choose(false)).rejects.toThrow(
      'the commit holds .., which is not a path below its top level',
    );
  });

  it('are refused when a repository of a few KiB makes gigabytes of their paths', async () => {
    await repository.write({ a: 'x' });
    const names = Array.from({ length: 60 }, (_, number) => `${'a'.repeat(12_000)}${number}`);
    const directories = Array.from({ length: 60 }, (_, number) => `${10 + number}`);
    let id = await tree(names, '100644', await repository.git('hash-object', '-w', 'a'));
    for (let level = 0; level < 3; level += 1) id = await tree(directories, '40000', id);
    await checkOut(id);
    const message = 'the commit has files whose paths have more than 128 MiB';
    await expect(repository.choose(false)).rejects.toThrow(message);
    await expect(readRepository(repository.path)).rejects.toThrow(message);
  });

  it('are refused with a link to a path that no system can make', async () => {
    await repository.write({ a: Buffer.alloc(4097, 'a') });
    await checkOut(await tree(['link'], '120000', await repository.git('hash-object', '-w', 'a')));
    await expect(repository.choose(false)).rejects.toThrow(
      'link is a link to a path of 4.01 KiB, which no system can create',
    );
  });
});

describe('files that are read while something happens to them', () => {
  it('are left out when they are gone by then', async () => {
    await repository.commit();
    await repository.write({ 'stays.txt': 'x', 'goes.txt': 'y' });
    const files = await repository.choose(true);
    await rm(join(repository.path, 'goes.txt'));
    expect(await repository.unpacked(files)).toEqual({ 'stays.txt': 'x' });
  });

  it('are as they were at the beginning when something is appended to them meanwhile', async () => {
    await repository.commit();
    const path = join(repository.path, 'growing.log');
    await writeFile(path, Buffer.alloc(32 * 1024 * 1024, 'x'));
    const files = await repository.choose(true);
    let isOver = false;
    const packing = repository.unpacked(files).finally(() => {
      isOver = true;
    });
    while (!isOver) await appendFile(path, 'y');
    const text = (await packing)['growing.log'] ?? '';
    expect(text.length).toBeGreaterThanOrEqual(32 * 1024 * 1024);
    expect(text.replace(/^x+/, '').replace(/y+$/, '')).toBe('');
  });

  it('are refused by name when they are written over or cut off meanwhile', async () => {
    await repository.commit();
    const path = join(repository.path, 'busy.bin');
    await writeFile(path, Buffer.alloc(32 * 1024 * 1024, 'x'));
    const files = await repository.choose(true);
    const refused = async (change: () => Promise<void>) => {
      let isOver = false;
      const packing = repository.unpacked(files).finally(() => {
        isOver = true;
      });
      packing.catch(() => undefined);
      while (!isOver) await change();
      await expect(packing).rejects.toThrow('busy.bin changed while it was read');
    };
    await refused(async () => {
      await using file = await open(path, 'r+');
      await file.write('z', 0);
    });
    let size = 32 * 1024 * 1024;
    await refused(async () => {
      size -= 1;
      await truncate(path, size);
    });
  });

  it('are refused by name when they are neither files nor links', async () => {
    await repository.write({ pipe: 'x' });
    await repository.commit();
    await rm(join(repository.path, 'pipe'));
    await run('mkfifo', [join(repository.path, 'pipe')]);
    const files = await repository.choose(true);
    expect(files.isDirty).toBe(true);
    await expect(repository.unpacked(files)).rejects.toThrow("pipe is neither a file nor a link, so it can't be sent");
  });
});

it('an archive that fails says so and leaves the reading git behind nowhere', async () => {
  await repository.write({ 'a.txt': 'x' });
  await repository.commit();
  await expect(packFiles(await repository.choose(false), '/nowhere/archive')).rejects.toThrow(
    "the files can't be packed",
  );
  expect(await readFile(join(repository.path, 'a.txt'), 'utf8')).toBe('x');
});

describe('directories of which the commit has no files', () => {
  /** As `git add` does with a repository inside, and `git submodule add` beside .gitmodules. */
  async function commitAsOneEntry(paths: readonly string[]): Promise<void> {
    await repository.write({ 'a.txt': 'a\n' });
    const sha = await repository.commit();
    const list = join(repository.path, '.git/entries');
    await writeFile(list, paths.map((path) => `160000 ${sha} 0\t${path}\0`).join(''));
    await run('sh', ['-c', 'git update-index -z --index-info < .git/entries'], { cwd: repository.path });
    await repository.git('commit', '--quiet', '--message', 'As one entry');
  }
  const told = async () => leftOut(await repository.choose(false));

  it('are told of by name', async () => {
    await commitAsOneEntry(['lib/one', 'two']);
    expect(await told()).toMatch(/^Empty for the job: lib\/one, two\. .*submodules.*no part of the commit/);
  });

  it('are no more in words than people read, however many there are and however long their names', async () => {
    const deep = Array.from({ length: 15 }, () => 'x'.repeat(250)).join('/');
    await commitAsOneEntry(Array.from({ length: 2000 }, (_, index) => `${deep}/${index}\nname`));
    const message = (await told()) ?? '';
    expect(message).toContain('and 1,995 more. ');
    expect(message.length).toBeLessThan(2500);
    expect(message).not.toContain('\n');
  });

  it('are none where there is nothing but files', async () => {
    await repository.write({ 'a.txt': 'a\n' });
    await repository.commit();
    expect(await told()).toBeNull();
  });
});
