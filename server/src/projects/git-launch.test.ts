import { chmod, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_GIT_BYTES } from './git-launch.ts';
import { gitVersion, readCommit, readRepository, setGitEnvironment } from './index.ts';
import { Repository, takeGitEnvironment } from './testing.ts';

const TOO_LARGE = /^git needs more than 1 GiB of memory to read this repository: /;
/** Takes no place on disk. */
const LARGE_BYTES = MAX_GIT_BYTES * 1.5;

let repository: Repository;
beforeEach(async () => {
  repository = await Repository.create();
  await repository.write({ 'dir/a.txt': 'one\n' });
  await repository.commit();
});
afterEach(async () => {
  takeGitEnvironment();
  await repository[Symbol.asyncDispose]();
});

/** An object that says of itself how large it is. */
async function forgeObject(type: string, content: string): Promise<string> {
  const id = 'f'.repeat(40);
  await repository.write({ [`.git/objects/ff/${id.slice(2)}`]: deflateSync(`${type} ${LARGE_BYTES}\0${content}`) });
  return id;
}

describe('a repository of which git would read more into memory than it may is refused in words that say so', () => {
  it.each([
    '.gitignore',
    'new/.gitignore',
    '.git/info/exclude',
    '.git/refs/heads/large',
    '.git/objects/info/alternates',
  ])('because of %s', { timeout: 60_000 }, async (name) => {
    const file = join(repository.path, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, '');
    await truncate(file, LARGE_BYTES);
    await expect(readRepository(repository.path)).rejects.toThrow(TOO_LARGE);
  });

  it.each([
    ['commit', `tree ${'0'.repeat(40)}\n`],
    ['tag', `object ${'0'.repeat(40)}\ntype commit\ntag x\n`],
    ['tree', '100644 a'],
  ])('because of a %s', async (type, content) => {
    let id = await forgeObject(type, content);
    if (type === 'tree') {
      await repository.write({ '.git/forged': `tree ${id}\nauthor A <a@x> 0 +0000\ncommitter A <a@x> 0 +0000\n\nx\n` });
      id = await repository.git('hash-object', '-w', '--literally', '-t', 'commit', '.git/forged');
    }
    await repository.write({ '.git/refs/heads/main': `${id}\n` });
    await expect(readRepository(repository.path)).rejects.toThrow(TOO_LARGE);
  });
});

it('a commit that git has no memory for is not one that is not there', async () => {
  const id = await forgeObject('commit', `tree ${'0'.repeat(40)}\n`);
  await expect(readCommit(repository.path, id)).rejects.toThrow(TOO_LARGE);
  expect(await readCommit(repository.path, 'e'.repeat(40))).toBeNull();
});

it('git starts with its limits, before the server to be ended where the memory of the host runs out', async () => {
  const programs = await mkdtemp(join(tmpdir(), 'slurmql-git-'));
  try {
    const program = join(programs, 'git');
    await writeFile(program, '#!/bin/sh\necho "$(ulimit -d) $GIT_ALLOC_LIMIT $(cat /proc/self/oom_score_adj)"\n');
    await chmod(program, 0o755);
    setGitEnvironment({ PATH: `${programs}:${process.env['PATH']}`, GIT_ALLOC_LIMIT: '0' });
    expect(await gitVersion()).toBe(`${MAX_GIT_BYTES / 1024} ${MAX_GIT_BYTES} 1000`);
  } finally {
    await rm(programs, { recursive: true });
  }
});
