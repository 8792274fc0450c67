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

describe('what a job is to run', () => {
  it.each([
    ...[':/A', ':/', 'HEAD^{/A}', 'main^{/A}~0', 'HEAD~0^{/A commit}^0', 'HEAD^{/^A}^{}', ':/!-B'],
    ...['^:/A', '^:/(((((a{1,99}){1,99}){1,99}){1,99}){1,99})', '^HEAD', '^main', '^HEAD^{/A}', '^', '^^:/A'],
    ...['HEAD^{/((a{1,255}){1,255}){1,255}}', ':/(((((a{1,99}){1,99}){1,99}){1,99}){1,99})'],
  ])('is never searched for in the messages of commits: %s', async (gitRef) => {
    await using repository = await Repository.create();
    await repository.commit();
    const message = `${JSON.stringify(gitRef)} is not a branch, tag or commit of ${repository.path}`;
    const source = await chooseSource(repository.path, { gitRef, includeUncommitted: false });
    expect(source).toMatchObject({ ok: false, refusals: [{ code: 'UNKNOWN_REF', message }] });
  });

  it.each(['main', '@', 'HEAD~0', 'HEAD^{}', 'HEAD^{commit}^0', 'main@{0}', 'main@{2030-01-01 00:00:00}', 'tag/1'])(
    'is named in any other way that git knows: %s',
    async (ref) => {
      await using repository = await Repository.create();
      const sha = await repository.commit();
      await repository.git('tag', '-m', 'Tag', 'tag/1');
      expect(await readCommit(repository.path, ref)).toMatchObject({ sha });
    },
  );
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
