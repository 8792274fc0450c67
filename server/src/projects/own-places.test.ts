import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { disks } from './disk-access.ts';
import { DiskQuestions } from './disk-questions.ts';
import { keepDataApart, readRepository } from './index.ts';
import { ownPlace } from './own-places.ts';
import { Repository } from './testing.ts';

const OWN = /belongs to SlurmQL's own data, which is never read or sent/;
const SECRETS = { token: 'secret', 'slurmql.db': 'secret', 'slurmql.db-wal': 'secret', lock: '' };

let repository: Repository;
beforeEach(async () => {
  repository = await Repository.create();
  await repository.write({ 'a.txt': 'one\n' });
  await repository.commit();
});
afterEach(async () => {
  disks.keepOutOf([]);
  await repository[Symbol.asyncDispose]();
});

/** A server keeps its data there. */
async function dataIn(directory: string): Promise<void> {
  await repository.write(
    Object.fromEntries(Object.entries(SECRETS).map(([name, text]) => [`${directory}/${name}`, text])),
  );
  const path = join(repository.path, directory);
  keepDataApart({ directory: path, databaseFile: join(path, 'slurmql.db') });
}

async function committedAsOne(name: string): Promise<void> {
  await repository.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},${name}`);
  await repository.git('commit', '--quiet', '--message', 'One entry');
}

describe("the server's own data in a work tree", () => {
  it.each<[string, () => Promise<unknown>]>([
    ['that git does not ignore', () => dataIn('data')],
    ['deep in it', () => dataIn('some/where/data')],
    ['in a repository inside it', () => dataIn('inner/data').then(() => repository.gitIn('inner', 'init', '--quiet'))],
    ['that is a repository itself', () => dataIn('data').then(() => repository.gitIn('data', 'init', '--quiet'))],
    ['in a directory for which git has no rules', () => dataIn('inner/data').then(() => committedAsOne('inner'))],
    ['that was committed', () => dataIn('data').then(() => repository.commit())],
    ['that was moved there while the server ran', () => dataIn('.git/data').then(moveData)],
    ['as its top level', () => dataIn('.')],
  ])('is never sent: %s', async (_what, prepare) => {
    await prepare();
    await expect(repository.choose(true)).rejects.toThrow(OWN);
    expect(Object.keys(await repository.committed())).toContain('a.txt');
  });

  const moveData = () => rename(join(repository.path, '.git/data'), join(repository.path, 'data'));

  it('makes it one with changes, and nothing else of it wrong', async () => {
    await dataIn('data');
    expect(await readRepository(repository.path)).toMatchObject({ isDirty: true });
  });

  it('is left out where git ignores it, or a link leads to it', async () => {
    await dataIn('data');
    await writeFile(join(repository.path, 'data/.gitignore'), '*\n');
    await symlink('data', join(repository.path, 'link'));
    expect(await repository.withUncommitted()).toEqual({ 'a.txt': 'one\n', link: '-> data' });
  });

  it('is the database alone and what lies beside it where that has another place', async () => {
    await repository.write({ 'jobs.db': 'secret', 'other.db': 'own' });
    const other = join(repository.path, '.git');
    keepDataApart({ directory: other, databaseFile: join(repository.path, 'jobs.db') });
    await expect(repository.choose(true)).rejects.toThrow(/^jobs\.db belongs/);
    for (const suffix of ['-wal', '-shm', '-journal', '-lock']) {
      await rename(join(repository.path, 'jobs.db'), join(repository.path, `jobs.db${suffix}`));
      await expect(repository.choose(true)).rejects.toThrow(OWN);
      await rename(join(repository.path, `jobs.db${suffix}`), join(repository.path, 'jobs.db'));
    }
    await rm(join(repository.path, 'jobs.db'));
    expect(await repository.withUncommitted()).toEqual({ 'a.txt': 'one\n', 'other.db': 'own' });
  });

  const FILE = {
    path: 'data/token',
    kind: 'file',
    isExecutable: false,
    objectId: 'f'.repeat(40),
    sizeBytes: 6,
  } as const;
  it.each<[string, (disk: DiskQuestions, path: string) => unknown]>([
    ['what lies there', (disk, path) => disk.statuses(path, ['data/token'])],
    ['what lies below', (disk, path) => disk.statuses(path, ['data/staging/x'])],
    ['to open a file', (disk, path) => disk.open(path, 'data/token')],
    ['where a link leads', (disk, path) => disk.target(path, 'data/token')],
    ['whether bytes are the same', (disk, path) => disk.areAsCommitted(path, [FILE])],
    ['what is in a directory', (disk, path) => disk.entries(path, 'data/staging', { files: 10, bytes: 100 })],
    ['to open a file at the top level', (disk, path) => disk.open(join(path, 'data'), 'token')],
  ])('opens nothing when a disk is asked %s', async (_what, ask) => {
    await dataIn('data');
    await repository.write({ 'data/staging/x': '' });
    const disk = new DiskQuestions(() => undefined, [ownPlace(join(repository.path, 'data'), '')]);
    expect(() => ask(disk, repository.path)).toThrow(OWN);
  });
});
