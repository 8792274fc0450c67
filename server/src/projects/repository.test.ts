import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseSource } from '../actions/choose-source.ts';
import { readCommit, readRepository, setGitEnvironment } from './index.ts';
import { Repository, takeGitEnvironment } from './testing.ts';

async function withBranches(names: readonly string[]) {
  await using repository = await Repository.create();
  await repository.write({ file: 'text' });
  const sha = await repository.commit();
  const refs = [...names].sort().map((name) => `${sha} refs/heads/${name}\n`);
  await writeFile(
    join(repository.path, '.git/packed-refs'),
    `# pack-refs with: peeled fully-peeled sorted \n${refs.join('')}`,
  );
  return (await readRepository(repository.path)).branches.map(({ name }) => name);
}

it('branches with names that nobody can have given are left out, and others are whole', async () => {
  const long = (index: number) => `${index}${'/long'.repeat(6000)}`;
  const usual = `feature/${'long-name-'.repeat(20)}`;
  const names = await withBranches([...Array.from({ length: 300 }, (_, index) => long(index)), usual]);
  expect(names.sort()).toEqual([usual, 'main']);
});

it('the names of all branches together have a bound', async () => {
  const names = await withBranches(Array.from({ length: 900 }, (_, index) => `${index}-${'name/'.repeat(180)}name`));
  expect(names.length).toBeGreaterThan(100);
  expect(names.join('').length).toBeLessThanOrEqual(200_000);
});

it('a branch that is checked out and has a long name is shown by its start', async () => {
  await using repository = await Repository.create();
  await writeFile(join(repository.path, '.git/HEAD'), `ref: refs/heads/${'long/'.repeat(500)}x\n`);
  const { branch } = await readRepository(repository.path);
  expect(branch).toMatch(/^long\/long\//);
  expect((branch ?? '').length).toBeLessThanOrEqual(1000);
});

describe('a repository that git cannot read', () => {
  const faults: [string, string, (repository: Repository) => unknown][] = [
    ['it is gone', 'there is no such directory', (repository) => repository[Symbol.asyncDispose]()],
    ['it is none any more', 'not a git repository', ({ path }) => rm(join(path, '.git'), { recursive: true })],
    ['its configuration is broken', 'bad config line', ({ path }) => writeFile(join(path, '.git/config'), '[broken\n')],
    ['there is no git', 'git is not installed', () => setGitEnvironment({ PATH: '/nowhere' })],
  ];

  it.each(faults)('is not taken for one without commits: %s', async (_what, message, spoil) => {
    await using repository = await Repository.create();
    await repository.commit();
    try {
      await spoil(repository);
      await expect(readCommit(repository.path, 'main')).rejects.toThrow(message);
      await expect(readRepository(repository.path)).rejects.toThrow(message);
      const source = { gitRef: null, includeUncommitted: false };
      expect(await chooseSource(repository.path, source)).toMatchObject({
        ok: false,
        refusals: [{ code: 'NOT_A_GIT_REPOSITORY', message: expect.stringContaining(message) }],
      });
    } finally {
      takeGitEnvironment();
    }
  });

  it('is another one than where there is no such commit', async () => {
    await using repository = await Repository.create();
    expect(await readCommit(repository.path, 'HEAD')).toBeNull();
    expect(await readRepository(repository.path)).toMatchObject({ headCommit: null, remoteUrl: null });
    await repository.write({ file: 'text' });
    const sha = await repository.commit();
    await repository.git('checkout', '--quiet', '--detach');
    expect(await readRepository(repository.path)).toMatchObject({ headCommit: { sha }, branch: null });
    for (const ref of ['nowhere', 'HEAD:file', 'HEAD^{tree}', 'HEAD~9', 'f'.repeat(40), '--output=x', 'main@{9}']) {
      expect(await readCommit(repository.path, ref)).toBeNull();
    }
  });
});
