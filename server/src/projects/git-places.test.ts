import { type ChildProcess, execFile } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gitRecords } from './git.ts';
import { inTurn } from './git-places.ts';
import { endChildren, readRepository, repositoryTopLevel, ServerBusy } from './index.ts';
import { Repository, takeGitEnvironment } from './testing.ts';

const children = { started: 0, running: 0, most: 0, mostInATurn: 0 };
let inThisTurn = 0;

/** Node tells of each child that is started. */
function onChild(message: unknown): void {
  const { process: child } = message as { readonly process: ChildProcess };
  children.started += 1;
  children.running += 1;
  inThisTurn += 1;
  children.most = Math.max(children.most, children.running);
  children.mostInATurn = Math.max(children.mostInATurn, inThisTurn);
  setImmediate(() => {
    inThisTurn = 0;
  });
  child.once('close', () => {
    children.running -= 1;
  });
}

let repository: Repository;

beforeEach(async () => {
  repository = await Repository.create();
  await repository.commit();
  Object.assign(children, { started: 0, running: 0, most: 0, mostInATurn: 0 });
  subscribe('child_process', onChild);
});
afterEach(async () => {
  unsubscribe('child_process', onChild);
  await repository[Symbol.asyncDispose]();
});

/** Repositories of the same content, beside it. */
async function others(count: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, index) => `${repository.path}-${index}`);
  for (const path of paths) await cp(repository.path, path, { recursive: true });
  return paths;
}

/** The same one, written in other ways. */
function spellings({ path }: Repository): string[] {
  return [path, `${path}/`, `${path}/.git/..`, `/.${path}`];
}

describe('sixty repositories that are read at once', () => {
  it('start at most eight children at a time, one in a turn of the event loop', { timeout: 60_000 }, async () => {
    const paths = await others(20);
    const read = await Promise.all([...paths, ...paths, ...paths].map((path) => readRepository(path)));
    expect(read.map(({ branch }) => branch)).toEqual(Array.from({ length: 60 }, () => 'main'));
    expect(children).toMatchObject({ running: 0, mostInATurn: 1 });
    expect(children.most).toBeLessThanOrEqual(8);
  });

  it('start three where they are one, however people name it when they add it', async () => {
    const link = `${repository.path}-link`;
    await symlink(repository.path, link);
    const paths = [...spellings(repository), link, `${link}/`];
    const found = await Promise.all(paths.map((path) => repositoryTopLevel(path)));
    expect(new Set(found)).toEqual(new Set([repository.path]));
    expect(children).toMatchObject({ running: 0, most: 3, mostInATurn: 1 });
  });

  it('start three where they are one', { timeout: 60_000 }, async () => {
    const paths = spellings(repository);
    const read = Array.from({ length: 15 }, () => paths).flat();
    await Promise.all(read.map((path) => readRepository(path)));
    expect(children).toMatchObject({ running: 0, most: 3, mostInATurn: 1 });
  });
});

it('a repository whose git hangs keeps no other from being read', { timeout: 30_000 }, async () => {
  await using hanging = await Repository.create();
  const config = join(hanging.path, '.git/config');
  const before = await readFile(config);
  await promisify(execFile)('mkfifo', [join(hanging.path, '.git/pipe')]);
  await writeFile(config, `${before}[include]\n\tpath = pipe\n`);
  let answered = 0;
  const reads = Array.from({ length: 60 }, () =>
    readRepository(hanging.path).then(
      () => undefined,
      () => {
        answered += 1;
      },
    ),
  );
  expect(await readRepository(repository.path)).toMatchObject({ branch: 'main' });
  expect(answered).toBe(0);
  expect(children.running).toBe(3);
  await writeFile(config, before);
  endChildren();
  await Promise.all(reads);
});

it('a repository that git cannot read is asked once', async () => {
  await expect(readRepository(join(repository.path, 'missing'))).rejects.toThrow('there is no such directory');
  expect(children).toMatchObject({ started: 1, running: 0 });
});

describe('gits that do not end', () => {
  /** Starts five in each of four repositories; `letGo` ends those that have started. */
  function begin(timeoutMs: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const started: string[] = [];
    const start = (key: string) => async () => {
      started.push(key);
      await promise;
    };
    const keys = ['/a', '/b', '/c', '/d'].flatMap((key) => Array.from({ length: 5 }, () => key));
    const all = keys.map((key) => inTurn(key, timeoutMs, start(key)));
    const answers = Promise.allSettled(all);
    const letGo = async () => {
      resolve();
      return answers;
    };
    return { started, keys, letGo };
  }

  it('are three in a repository, and fewer in the next ones; others wait in their turn', async () => {
    const { started, keys, letGo } = begin(60_000);
    await expect.poll(() => started.length).toBe(7);
    await setTimeout(50);
    expect(started.sort()).toEqual(['/a', '/a', '/a', '/b', '/b', '/c', '/d']);
    await letGo();
    expect(started.sort()).toEqual(keys);
  });

  it('take no place from other repositories after their deadline, and keep their own', async () => {
    const { started, keys, letGo } = begin(0);
    expect(await inTurn('/e', 0, async () => 'answered')).toBe('answered');
    await expect.poll(() => started.length, { timeout: 5000 }).toBe(12);
    await letGo();
    expect(started.sort()).toEqual(keys);
  });

  it('in four repositories leave a place for another one', async () => {
    const { started, keys, letGo } = begin(60_000);
    await expect.poll(() => started.length).toBe(7);
    for (let count = 0; count < 5; count += 1) {
      expect(await inTurn(`/e${count}`, 60_000, async () => 'answered')).toBe('answered');
    }
    expect(started).toHaveLength(7);
    await letGo();
    expect(started.sort()).toEqual(keys);
  });

  it('are eight in all', async () => {
    const { started, letGo } = begin(60_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    const start = (key: string) => async () => {
      started.push(key);
      await promise;
    };
    const more = ['/e', '/f', '/g'].map((key) => inTurn(key, 60_000, start(key)));
    await expect.poll(() => started.length).toBe(8);
    await setTimeout(50);
    expect(started).toHaveLength(8);
    resolve();
    await letGo();
    await Promise.all(more);
  });

  it('are not waited for by others for longer than a minute', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { started, letGo } = begin(60 * 60_000);
      await expect.poll(() => started.length).toBe(7);
      vi.advanceTimersByTime(61_000);
      const answers = await letGo();
      expect(started).toHaveLength(7);
      const refused = answers.filter(({ status }) => status === 'rejected');
      expect(refused).toEqual(
        Array.from({ length: 13 }, () => ({ status: 'rejected', reason: expect.any(ServerBusy) })),
      );
    } finally {
      vi.useRealTimers();
    }
  });

  it('that could not even be started keep no place', async () => {
    const fail = () => {
      throw new Error('no process');
    };
    for (let count = 0; count < 9; count += 1) await expect(inTurn('/a', 1000, fail)).rejects.toThrow('no process');
    expect(await inTurn('/a', 1000, async () => 'answered')).toBe('answered');
  });

  it('are told of to whoever asked, though they can not be ended', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    await expect(inTurn('/a', 0, () => promise)).rejects.toThrow('git did not answer in time');
    resolve('late');
  });

  it('of paths that nobody knows yet keep nobody from naming another, up to a bound', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const hang = () => expect(inTurn('/', 0, () => promise)).rejects.toThrow(/did not answer|waits for git/);
    for (let round = 0; round < 6; round += 1) {
      await Promise.all([hang(), hang(), hang()]);
      expect(await repositoryTopLevel(repository.path)).toBe(repository.path);
    }
    await Promise.all([hang(), hang(), hang()]);
    // Twenty are left over, and one of three places is taken.
    expect(await repositoryTopLevel(repository.path)).toBe(repository.path);
    resolve('late');
    await expect.poll(() => repositoryTopLevel(repository.path)).toBe(repository.path);
  });

  it('are not read from any more after their deadline', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-git-'));
    const script = `#!/bin/bash\ntrap '' TERM\necho $$ >>${directory}/pids\nwhile :; do sleep 1; done\n`;
    await writeFile(join(directory, 'git'), script, { mode: 0o755 });
    vi.stubEnv('PATH', `${directory}:${process.env['PATH']}`);
    takeGitEnvironment();
    try {
      const read = (async () => {
        for await (const record of gitRecords('/', [], { timeoutMs: 100, late: 'it took too long' }))
          expect(record).toBe('');
      })();
      await expect(read).rejects.toThrow('it took too long');
    } finally {
      vi.unstubAllEnvs();
      takeGitEnvironment();
      for (const pid of (await readFile(join(directory, 'pids'), 'utf8')).split('\n').filter(Boolean)) {
        process.kill(Number(pid), 'SIGKILL');
      }
      await rm(directory, { recursive: true });
    }
  });
});
