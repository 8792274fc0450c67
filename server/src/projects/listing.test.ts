import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cantBeSent, chooseSource } from '../actions/choose-source.ts';
import { chooseFiles, readRepository, ServerBusy } from './index.ts';
import { BYTES_A_PATH, Listing, MAX_LISTED_BYTES } from './listing.ts';
import { Repository } from './testing.ts';

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

async function repositoryWith(files: Readonly<Record<string, string>>): Promise<Repository> {
  const repository = stack.use(await Repository.create());
  await repository.write(files);
  await repository.commit();
  return repository;
}

/** No string is as long as all listings may be. */
const LONG = 'x'.repeat(MAX_LISTED_BYTES / 8 - BYTES_A_PATH);

/** Takes `eighths` of what all listings may. */
function take(listing: Listing, eighths: number): void {
  for (let taken = 0; taken < eighths; taken++) listing.add(LONG);
}

function holding(eighths: number): Listing {
  const listing = stack.use(new Listing());
  take(listing, eighths);
  return listing;
}

/** Nothing is held by anybody. */
function expectNothingHeld(): void {
  using all = new Listing();
  take(all, 8);
}

const FILES = { 'a.txt': 'a', 'b/c.txt': 'c' };

describe('the lists of files that jobs wait with', () => {
  it('give back what they took, in whatever way it goes with them', async () => {
    const repository = await repositoryWith(FILES);
    await repository.write({ 'new.txt': 'new' });
    for (const includeUncommitted of [false, true]) {
      using files = await repository.choose(includeUncommitted);
      expect(files.committed).toHaveLength(2);
      expect(expectNothingHeld).toThrow(ServerBusy);
      files[Symbol.dispose]();
      expectNothingHeld();
    }
    await readRepository(repository.path);
    await expect(chooseFiles(repository.path, 'f'.repeat(40), false)).rejects.toThrow();
    await expect(chooseFiles(repository.path, 'f'.repeat(40), true)).rejects.toThrow();
    expectNothingHeld();
  });

  it('are one for all jobs of a commit, until none of them needs it any more', async () => {
    const repository = await repositoryWith(FILES);
    const [first, second] = await Promise.all([repository.choose(false), repository.choose(false)]);
    const third = await repository.choose(false);
    expect(second.committed).toBe(first.committed);
    expect(third.committed).toBe(first.committed);
    for (const files of [first, first, second]) files[Symbol.dispose]();
    expect(expectNothingHeld).toThrow(ServerBusy);
    third[Symbol.dispose]();
    expectNothingHeld();
  });

  it('are begun when enough of those before them are gone', async () => {
    const repository = await repositoryWith(FILES);
    const [one, two] = [holding(3), holding(3)];
    let chosen = 0;
    const choices = [false, true, true].map(async (includeUncommitted) => {
      using files = await repository.choose(includeUncommitted);
      chosen += 1;
      return files.committed.length;
    });
    // Somebody else's look, which takes as long, doesn't wait.
    await readRepository(repository.path);
    expect(chosen).toBe(0);
    one[Symbol.dispose]();
    expect(await Promise.all(choices)).toEqual([2, 2, 2]);
    two[Symbol.dispose]();
    expectNothingHeld();
  });

  it('wait for those of their own repository where these hold much, and other repositories do not wait for them', async () => {
    const [large, ...others] = await Promise.all(Array.from({ length: 5 }, () => repositoryWith(FILES)));
    if (large === undefined) throw new Error('no repository');
    const held = await Listing.of(large.path, async (listing) => {
      take(listing, 5);
      return listing;
    });
    let own = 0;
    const next = [false, true].map(async (includeUncommitted) => {
      using files = await large.choose(includeUncommitted);
      own += 1;
      return files.committed.length;
    });
    // Also those whose jobs already hold a list.
    for (const other of others) {
      using first = await other.choose(false);
      using second = await other.choose(true);
      expect([first, second].map(({ committed }) => committed.length)).toEqual([2, 2]);
    }
    expect(own).toBe(0);
    held[Symbol.dispose]();
    expect(await Promise.all(next)).toEqual([2, 2]);
    expectNothingHeld();
  });

  it('wait for others of their own repository, and for no other one', async () => {
    const [one, other] = [await repositoryWith(FILES), await repositoryWith(FILES)];
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun: string[] = [];
    const look = (name: string, directory: string) =>
      Listing.of(directory, async () => {
        begun.push(name);
        await promise;
      });
    const looks = [look('first', one.path), look('second', one.path), look('third', one.path)];
    looks.push(look('other', other.path));
    await readRepository(one.path);
    expect(begun.sort()).toEqual(['first', 'other', 'second']);
    resolve();
    await Promise.all(looks);
    expect(begun).toHaveLength(4);
  });

  it('are refused when there is no room for them, and taken once there is', async () => {
    const repository = await repositoryWith(FILES);
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const choice = Listing.of(repository.path, async (listing) => {
      begun.resolve();
      await promise;
      listing.add(LONG);
    });
    const refused = choice.catch((cause: unknown) => cause);
    await begun.promise;
    const others = holding(8);
    resolve();
    const cause = await refused;
    if (!(cause instanceof ServerBusy)) throw cause;
    expect(cantBeSent(repository.path, true, cause)).toMatchObject({
      ok: false,
      refusals: [{ code: 'RATE_LIMITED', path: ['input'] }],
    });
    others[Symbol.dispose]();
    const source = await chooseSource(repository.path, { gitRef: null, includeUncommitted: false });
    if (!source.ok) throw new Error('refused although there is room');
    source.value[Symbol.dispose]();
    expectNothingHeld();
  });
});
