import { type Accessor, batch, createSignal } from 'solid-js';
import { createStore, produce, reconcile } from 'solid-js/store';

interface Item {
  readonly id: string;
}

export interface Page<T> {
  readonly edges: readonly { readonly cursor: string; readonly node: T }[];
  readonly hasNextPage: boolean;
  readonly totalCount: number;
}

/** One change of one item. */
export interface Change<T> {
  readonly id: string;
  /** As it is now; null if it no longer concerns the list. */
  readonly item: T | null;
  /** How many items more the list has by this change: 1, 0 or -1. */
  readonly countChange: number;
  /** It may have left the list by something that `countChange` doesn't tell of: it has where the list holds it. */
  readonly isUncounted: boolean;
}

export interface LiveListOptions<T> {
  /** Which items belong to the list: the same rule as the server's filter. */
  includes(item: T): boolean;
  /** The server's order. */
  compare(left: T, right: T): number;
  /** The most items that are held; beyond it the last ones are let go and can be loaded again. */
  readonly limit: number;
}

export interface LiveList<T> {
  /** In order. */
  readonly ids: Accessor<readonly string[]>;
  get(id: string): T | undefined;
  /** How many there are on the server, loaded or not. */
  readonly total: Accessor<number>;
  readonly hasMore: Accessor<boolean>;
  /** Where the next page starts. */
  endCursor(): string | null;
  /** Starts over with a first page. */
  replace(page: Page<T>): void;
  /** Adds the page that follows; of an item that is there already, the one that is there is the newer. */
  append(page: Page<T>): void;
  apply(changes: readonly Change<T>[]): void;
}

/** A list whose first pages are held in order, by id, and patched in place as changes arrive. */
export function createLiveList<T extends Item>({ includes, compare, limit }: LiveListOptions<T>): LiveList<T> {
  const [items, setItems] = createStore<Record<string, T>>({});
  const [ids, setIds] = createSignal<readonly string[]>([], { equals: haveSameOrder });
  const [total, setTotal] = createSignal(0);
  const [hasMore, setHasMore] = createSignal(false);
  const cursors = new Map<string, string>();

  /** The first place in `order` at which nothing comes before `item`. */
  function placeOf(order: readonly string[], item: T): number {
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = items[order[middle] ?? ''];
      if (other !== undefined && compare(other, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function forget(id: string): void {
    cursors.delete(id);
    setItems(produce((all) => delete all[id]));
  }

  function put(order: string[], item: T): void {
    const previous = items[item.id];
    const move = previous === undefined ? 1 : compare(item, previous);
    if (move === 0) {
      setItems(item.id, reconcile(item));
      return;
    }
    if (previous !== undefined) order.splice(order.indexOf(item.id), 1);
    const place = placeOf(order, item);
    // What comes, or moves, behind the last item that is held may belong on the next page: that one will bring it.
    if (place === order.length && move > 0 && hasMore()) {
      forget(item.id);
      return;
    }
    order.splice(place, 0, item.id);
    setItems(item.id, reconcile(item));
  }

  function trim(order: string[]): void {
    if (order.length <= limit) return;
    for (const id of order.splice(limit)) forget(id);
    setHasMore(true);
  }

  return {
    ids,
    get: (id) => items[id],
    total,
    hasMore,
    endCursor: () => {
      const last = ids().findLast((id) => cursors.has(id));
      return last === undefined ? null : (cursors.get(last) ?? null);
    },
    replace: (page) =>
      batch(() => {
        cursors.clear();
        for (const { cursor, node } of page.edges) cursors.set(node.id, cursor);
        setItems(reconcile(Object.fromEntries(page.edges.map(({ node }) => [node.id, node]))));
        setIds(page.edges.map(({ node }) => node.id));
        setTotal(page.totalCount);
        setHasMore(page.hasNextPage);
      }),
    append: (page) =>
      batch(() => {
        const order = [...ids()];
        for (const { cursor, node } of page.edges) {
          cursors.set(node.id, cursor);
          if (items[node.id] !== undefined) continue;
          order.splice(placeOf(order, node), 0, node.id);
          setItems(node.id, reconcile(node));
        }
        setHasMore(page.hasNextPage);
        trim(order);
        setIds(order);
      }),
    apply: (changes) =>
      batch(() => {
        const order = [...ids()];
        for (const { id, item, countChange, isUncounted } of changes) {
          const isHeld = items[id] !== undefined;
          // What is held has been counted, however late the word of its coming is.
          if (countChange < 0 || !isHeld) setTotal((count) => count + countChange);
          if (isHeld && isUncounted) setTotal((count) => count - 1);
          if (item !== null && includes(item)) put(order, item);
          else if (isHeld) {
            order.splice(order.indexOf(id), 1);
            forget(id);
          }
        }
        if (!hasMore()) setTotal(order.length);
        trim(order);
        setIds(order);
      }),
  };
}

function haveSameOrder(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((id, index) => id === right[index]);
}
