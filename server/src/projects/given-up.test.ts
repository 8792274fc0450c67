import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { disks } from './disk-access.ts';
import { GitError } from './git-error.ts';
import { Listing, MAX_LISTED_BYTES } from './listing.ts';
import { Repository } from './testing.ts';
import { compareWorkTree } from './work-tree.ts';

let repository: Repository;
let asked = 0;
let onAsked: () => void = () => undefined;

const count = () => {
  asked += 1;
  onAsked();
};

beforeEach(async () => {
  repository = await Repository.create();
  await repository.write({ 'a.txt': 'one\n' });
  await repository.commit();
  // All that waits for a disk.
  subscribe('child_process', count);
  const ask = disks.ask.bind(disks);
  vi.spyOn(disks, 'ask').mockImplementation((...question) => {
    count();
    return Reflect.apply(ask, disks, question);
  });
});
afterEach(async () => {
  unsubscribe('child_process', count);
  vi.restoreAllMocks();
  await repository[Symbol.asyncDispose]();
});

const names = (what: string, length: number) => Array.from({ length }, (_, index) => `${what}-${index}`);

async function nested(): Promise<void> {
  for (const name of names('inner', 12)) {
    await repository.write({ [`${name}/x.txt`]: 'x' });
    await repository.gitIn(name, 'init', '--quiet');
  }
}

async function committedAsOne(): Promise<void> {
  await nested();
  for (const name of names('inner', 12)) await repository.commit(name);
  await repository.commit();
}

async function submodules(): Promise<void> {
  await using library = await Repository.create();
  await library.write({ 'x.txt': 'x' });
  await library.commit();
  for (const name of names('library', 5)) await repository.git('submodule', '--quiet', 'add', library.path, name);
  await repository.commit();
}

async function ruleless(): Promise<void> {
  await repository.write(Object.fromEntries(names('lost/directory', 30).map((name) => [`${name}/x.txt`, 'x'])));
  await repository.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},lost`);
  await repository.git('commit', '--quiet', '--message', 'Lost');
}

async function untracked(): Promise<void> {
  await repository.write(Object.fromEntries(names('new/file', 5000).map((name) => [name, ''])));
}

async function suspects(): Promise<void> {
  await repository.write(Object.fromEntries(names('file', 5000).map((name) => [name, ''])));
  await repository.commit();
  await repository.git('rm', '--quiet', '-r', '--cached', '.');
}

describe('a look at a work tree that nobody waits for any more ends, and takes no memory that nobody gives back', () => {
  it.each([
    ['repositories', nested],
    ['repositories that were committed as one entry', committedAsOne],
    ['submodules', submodules],
    ['directories without git’s rules', ruleless],
    ['new files', untracked],
    ['files whose bytes are compared', suspects],
  ])('among many %s', { timeout: 60_000 }, async (_what, make) => {
    await make();
    const sha = await repository.git('rev-parse', 'HEAD');
    const look = async (moment: number) => {
      asked = 0;
      using listing = new Listing();
      onAsked = () => {
        if (asked === moment) listing[Symbol.dispose]();
      };
      await compareWorkTree(repository.path, sha, listing);
    };
    await look(Number.POSITIVE_INFINITY);
    const all = asked;
    const moments = [0.2, 0.5, 0.8].map((part) => Math.ceil(all * part));
    for (const moment of moments) {
      await expect(look(moment)).rejects.toThrow(GitError);
      expect(asked - moment).toBeLessThanOrEqual(4);
      // All of it is there for others.
      using others = new Listing();
      for (let taken = 0; taken < 8; taken += 1) others.add('x'.repeat(MAX_LISTED_BYTES / 8 - 250));
    }
  });
});
