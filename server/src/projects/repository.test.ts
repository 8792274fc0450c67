import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRepository } from './index.ts';
import { Repository } from './testing.ts';

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
  await writeFile(join(repository.path, '.git/HEAD'), `ref: refs/heads/${'long/'.repeat(10_000)}x\n`);
  const { branch } = await readRepository(repository.path);
  expect((branch ?? '').length).toBeLessThanOrEqual(1000);
});
