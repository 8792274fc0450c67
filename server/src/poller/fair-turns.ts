import { inTurns } from './turns.ts';

/** Owners without items are forgotten beyond this number. */
const MOST_REMEMBERED = 10_000;

/** Items of one owner, which need not be made before they are chosen. */
export interface Choices<T> {
  readonly length: number;
  at(index: number): T | undefined;
}

/**
 * Chooses some of many items: about as many of each owner, beginning with those that have waited longest. However many
 * items one owner has, those of others get their turn.
 */
export class FairTurns {
  /** How many items each owner has had. The owner whose turn was last comes last. */
  readonly #had = new Map<string, number>();

  /** `most` items, or all if there are no more; yields to the event loop among many. */
  async take<T>(items: readonly T[], ownerOf: (item: T) => string, most: number): Promise<readonly T[]> {
    if (items.length <= most) return items;
    const byOwner = new Map<string, T[]>();
    for await (const item of inTurns(items)) {
      const owner = ownerOf(item);
      const own = byOwner.get(owner);
      if (own === undefined) byOwner.set(owner, [item]);
      else own.push(item);
    }
    return this.choose(byOwner, most);
  }

  /** The same of items that are grouped by their owners. */
  choose<T>(byOwner: ReadonlyMap<string, Choices<T>>, most: number): readonly T[] {
    const chosen = this.#inOrder(byOwner).slice(0, most);
    const taken: T[] = [];
    let isMore = true;
    for (let round = 0; isMore && taken.length < most; round += 1) {
      isMore = false;
      for (const owner of chosen) {
        const own = byOwner.get(owner);
        if (own === undefined || round >= own.length || taken.length >= most) continue;
        isMore = true;
        const had = this.#had.get(owner) ?? 0;
        const item = own.at(had % own.length);
        if (item !== undefined) taken.push(item);
        this.#had.delete(owner);
        this.#had.set(owner, had + 1);
      }
    }
    return taken;
  }

  /** Owners who have had nothing yet come first. */
  #inOrder(byOwner: ReadonlyMap<string, unknown>): readonly string[] {
    if (this.#had.size > MOST_REMEMBERED) {
      for (const owner of this.#had.keys()) if (!byOwner.has(owner)) this.#had.delete(owner);
    }
    const earlier = [...this.#had.keys()].filter((owner) => byOwner.has(owner));
    return [...[...byOwner.keys()].filter((owner) => !this.#had.has(owner)), ...earlier];
  }
}
