import { inTurns } from './turns.ts';

/** Owners without items are forgotten beyond this number. */
const MOST_REMEMBERED = 10_000;

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
    const chosen = this.#inOrder(byOwner).slice(0, most);
    const taken: T[] = [];
    for (let round = 0; taken.length < most; round += 1) {
      for (const owner of chosen) {
        const own = byOwner.get(owner) ?? [];
        if (round >= own.length || taken.length >= most) continue;
        const had = this.#had.get(owner) ?? 0;
        const next = had % own.length;
        taken.push(...own.slice(next, next + 1));
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
