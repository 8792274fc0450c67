import { describe, expect, it } from 'vitest';
import { turnsDuring } from '../store/testing.ts';
import { FairTurns } from './fair-turns.ts';

interface Item {
  readonly owner: string;
  readonly index: number;
}

const itemsOf = (owner: string, count: number): Item[] =>
  Array.from({ length: count }, (_, index) => ({ owner, index }));
const ownerOf = ({ owner }: Item) => owner;

describe('of many items', () => {
  it('all are taken at once where they are few', async () => {
    const items = [...itemsOf('ada', 3), ...itemsOf('bob', 2)];
    expect(await new FairTurns().take(items, ownerOf, 5)).toEqual(items);
    expect(await new FairTurns().take([], ownerOf, 5)).toEqual([]);
  });

  it('those of an owner with few are taken beside thousands of another', async () => {
    const items = [...itemsOf('ada', 50_000), ...itemsOf('bob', 2)];
    const taken = await new FairTurns().take(items, ownerOf, 10);
    expect(taken).toHaveLength(10);
    expect(taken.filter(({ owner }) => owner === 'bob').map(({ index }) => index)).toEqual([0, 1]);
  });

  it('each is taken in its turn though nothing becomes of the others', async () => {
    const turns = new FairTurns();
    const items = [...itemsOf('ada', 95), ...itemsOf('bob', 5)];
    const taken = new Set<Item>();
    for (let look = 0; look < 19; look += 1) for (const item of await turns.take(items, ownerOf, 10)) taken.add(item);
    expect(taken.size).toBe(100);
  });

  it('each owner has its turn, however many there are, and new ones do not wait for all others', async () => {
    const turns = new FairTurns();
    const owners = Array.from({ length: 30_000 }, (_, index) => ({ owner: `${index}`, index }));
    const taken = new Set<Item>();
    for (let look = 0; look < 15; look += 1)
      for (const item of await turns.take(owners, ownerOf, 2000)) taken.add(item);
    expect(taken.size).toBe(30_000);
    const late = { owner: 'late', index: 0 };
    expect(await turns.take([...owners, late], ownerOf, 2000)).toContain(late);
  });

  it('others have their turn of the event loop meanwhile', async () => {
    expect(await turnsDuring(() => new FairTurns().take(itemsOf('ada', 10_000), ownerOf, 10))).toBeGreaterThanOrEqual(
      9,
    );
  });
});
