import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../events/index.ts';
import { Repository, stagingFor, UNWATCHED } from '../projects/testing.ts';
import { Store } from '../store/index.ts';
import type { ActionContext } from './context.ts';
import { addProject, syncProject } from './projects.ts';
import { submitJob } from './submit-job.ts';
import { asked } from './testing.ts';

const ACTOR = { user: { id: 'administrator', name: 'Administrator', role: 'ADMIN' }, via: 'TOKEN' } as const;
let repository: Repository;
let store: Store;
let context: ActionContext;
let id: string;
/** In the directory that holds the repository: a file of this machine that is none of the repository's. */
let secret: string;
let staged: string;

beforeEach(async () => {
  repository = await Repository.create();
  await repository.write({ 'a.txt': 'a\n', 'dir/b.txt': 'b\n', '.git/info/exclude': 'ignored\n' });
  await repository.commit();
  secret = join(repository.path, '../secret');
  await writeFile(secret, 'SECRET\n');
  staged = join(repository.path, '../staging');
  store = await Store.open(':memory:');
  const journal = new Journal(store);
  await journal.start();
  const alpha = {
    settings: { name: 'alpha' },
    maxArraySize: null,
    health: { status: 'ONLINE', message: null },
    wanted: async () => undefined,
    jobs: { submit: async () => undefined },
  };
  context = {
    reads: store,
    store,
    journal,
    clusters: { get: () => alpha, successor: async () => alpha, submit: async () => undefined } as never,
    staging: stagingFor(store, staged),
    repositories: UNWATCHED,
  };
  const added = await add('first');
  id = added.ok ? added.value.id : '';
});
afterEach(async () => {
  await store.close();
  await repository[Symbol.asyncDispose]();
});

const add = (name: string) =>
  addProject(context, ACTOR, { path: repository.path, name, condaEnv: null, prologue: null });
const submit = (includeUncommitted: boolean) =>
  submitJob(context, ACTOR, asked('true', { projectId: id, includeUncommitted }));
const refusal = (message: string) => ({ ok: false, refusals: [{ message: expect.stringContaining(message) }] });

/** Neither the work tree is sent, nor does anything of it get looked up for what the dashboard shows. */
async function expectRefused(message: string): Promise<void> {
  expect(await submit(true)).toMatchObject(refusal(message));
  expect(await syncProject(context, ACTOR, id)).toMatchObject(refusal(message));
  expect(await add('second')).toMatchObject(refusal(message));
  expect(await readdir(staged).catch(() => [])).toEqual([]);
}

/** Of the bytes of a text in UTF-8, one character each. */
const bytes = (text: string) => Buffer.from(text).toString('latin1');

const LEADING_OUT = [
  '../secret',
  'dir/../../secret',
  '/etc/hostname',
  './a.txt',
  'dir//b.txt',
  'dir/..',
  'dir/.',
  'dir/',
];
const DOT_GIT = [
  ...['.git/config', 'dir/.git/config', '.GIT/config', 'dir/.gIt', '.git./config', 'dir/.git . /x'],
  ...['git~1/config', 'dir/GIT~1', '.git::$INDEX_ALLOCATION/config', 'dir\\.git\\config', bytes('.g\u200cit/config')],
];

describe('a path that an index made by hand holds is refused with advice', () => {
  const advice = 'remove the index and run "git reset"';
  it.each(LEADING_OUT)('%j', async (path) => {
    await repository.forgeIndex(['a.txt', path]);
    await expectRefused(`git's index holds ${path}, which is not a path below its top level: ${advice}`);
  });

  it.each(DOT_GIT)('%j', async (path) => {
    await repository.forgeIndex(['a.txt', path]);
    await expectRefused(`, and git keeps the name .git for itself: ${advice}`);
  });

  it('of a repository inside', async () => {
    await repository.write({ 'dir/inner/x.txt': 'x\n' });
    await repository.gitIn('dir/inner', 'init', '--quiet');
    await repository.forgeIndex(['../../../secret'], { directory: 'dir/inner' });
    expect(await submit(true)).toMatchObject(refusal('dir/inner holds ../../../secret, which is not a path below'));
    await repository.forgeIndex(['.git/config'], { directory: 'dir/inner' });
    expect(await submit(true)).toMatchObject(refusal('dir/inner holds .git/config, and git keeps the name .git'));
  });

  it('though a job of the commit alone is none the worse', async () => {
    await repository.forgeIndex(['../secret']);
    expect(await submit(false)).toMatchObject({ ok: true });
  });
});

describe('a path of a commit made by hand is refused', () => {
  it.each(['..', '../secret', 'dir/./x'])('%j', async (path) => {
    await repository.forgeCommit(path);
    expect(await submit(false)).toMatchObject(refusal(`the commit holds ${path}, which is not a path below`));
    await expectRefused(`the commit holds ${path}, which is not a path below`);
  });

  it.each(DOT_GIT)('%j', async (path) => {
    await repository.forgeCommit(path, { content: '[core]\n\tfsmonitor = touch ran\n' });
    const message = 'and git keeps the name .git for itself: use a commit without it';
    expect(await submit(false)).toMatchObject(refusal(message));
    await expectRefused(message);
  });

  it.each([
    ['link', '120000'],
    ['submodule', '160000'],
  ])('.git as a %s', async (_kind, mode) => {
    await repository.forgeCommit('.git', { mode });
    expect(await submit(false)).toMatchObject(refusal('the commit holds .git, and git keeps the name'));
  });
});

describe('a name on disk that git takes for .git is refused', () => {
  it.each(['.GIT/config', 'dir/git~1', '.git./config', bytes('dir/.gi\u200dt/config')])('%j', async (path) => {
    await repository.write({ [path]: 'x' });
    await expectRefused('and git keeps the name .git for itself: rename it, or let git ignore it (.gitignore)');
  });

  it('where git has no rules for a directory', async () => {
    const sha = await repository.git('rev-parse', 'HEAD');
    await repository.git('update-index', '--add', '--cacheinfo', `160000,${sha},module`);
    await repository.git('commit', '--quiet', '--message', 'A submodule that is not checked out');
    await repository.write({ 'module/below/.Git/config': 'x' });
    expect(await submit(true)).toMatchObject(refusal('module holds below/.Git, and git keeps the name .git'));
  });

  it('and not where git ignores it, nor one that only looks like it', async () => {
    await repository.write({ 'ignored/.GIT/config': 'x' });
    const names = ['.gitx', '.git.old/x', 'git~10', 'x.git/y', '..x', 'dir/...', 'a\\..\\b', '.gi'];
    await repository.write(Object.fromEntries(names.map((name) => [name, name])));
    expect(await submit(true)).toMatchObject({ ok: true });
    expect(Object.keys(await repository.withUncommitted())).toEqual(expect.arrayContaining(names));
    await repository.commit();
    expect(await submit(false)).toMatchObject({ ok: true });
  });
});

describe('what is no file of the work tree is not opened', () => {
  it('behind a link that the index takes for a directory', async () => {
    await symlink('..', join(repository.path, 'link'));
    await repository.forgeIndex(['a.txt', 'link', 'link/secret']);
    const sent = await repository.withUncommitted();
    expect(sent).toMatchObject({ link: '-> ..' });
    expect(Object.keys(sent)).not.toContain('link/secret');
  });

  it('a pipe, whose writer goes on waiting', async () => {
    await repository.write({ pipe: 'x' });
    await repository.commit();
    const pipe = join(repository.path, 'pipe');
    await rm(pipe);
    await promisify(execFile)('mkfifo', [pipe]);
    const opened = join(repository.path, '.git/opened');
    const writer = spawn('sh', ['-c', 'exec 3>pipe; : >.git/opened'], { cwd: repository.path });
    expect(await submit(true)).toMatchObject(refusal("pipe is neither a file nor a link, so it can't be sent"));
    await expect(access(opened)).rejects.toThrow('ENOENT');
    writer.kill();
    await once(writer, 'close');
  });

  it('a socket', async () => {
    await repository.write({ socket: 'x' });
    await repository.commit();
    await rm(join(repository.path, 'socket'));
    const server = createServer().listen(join(repository.path, 'socket'));
    await once(server, 'listening');
    expect(await submit(true)).toMatchObject(refusal("socket is neither a file nor a link, so it can't be sent"));
    server.close();
  });

  it('a directory in the place of a file, for all that it holds', async () => {
    await rm(join(repository.path, 'a.txt'));
    await mkdir(join(repository.path, 'a.txt'));
    await symlink('../..', join(repository.path, 'a.txt/up'));
    await repository.forgeIndex(['a.txt', 'a.txt/up', 'a.txt/up/secret']);
    const sent = await repository.withUncommitted();
    expect(sent).toMatchObject({ 'a.txt/up': '-> ../..' });
    expect(JSON.stringify(sent)).not.toContain('SECRET');
  });
});
