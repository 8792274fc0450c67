import { createRoot } from 'solid-js';
import { describe, expect, it } from 'vitest';
import { type Change, createLiveList, type LiveList, type Page } from './live-list.ts';

interface Entry {
  readonly id: string;
  readonly rank: number;
  readonly isOpen: boolean;
}

function entry(id: string, rank: number, isOpen = true): Entry {
  return { id, rank, isOpen };
}

/** The items are given as the server would: the highest rank first. */
function page(items: readonly Entry[], { hasNextPage = false, totalCount = items.length } = {}): Page<Entry> {
  return { edges: items.map((node) => ({ cursor: `after ${node.id}`, node })), hasNextPage, totalCount };
}

function change(item: Entry, countChange = 0, isUncounted = false): Change<Entry> {
  return { id: item.id, item, countChange, isUncounted };
}

function withList(test: (list: LiveList<Entry>) => void, limit = 100): void {
  createRoot((dispose) => {
    test(
      createLiveList<Entry>({
        includes: (item) => item.isOpen,
        compare: (left, right) => right.rank - left.rank || left.id.localeCompare(right.id),
        limit,
      }),
    );
    dispose();
  });
}

describe('a live list', () => {
  it('patches an item in place', () =>
    withList((list) => {
      list.replace(page([entry('a', 2), entry('b', 1)]));
      const held = list.get('a');
      list.apply([change(entry('a', 2))]);
      expect(list.get('a')).toBe(held);
      expect(list.ids()).toEqual(['a', 'b']);
    }));

  it('moves an item whose place changes', () =>
    withList((list) => {
      list.replace(page([entry('a', 3), entry('b', 2), entry('c', 1)]));
      list.apply([change(entry('c', 9))]);
      expect(list.ids()).toEqual(['c', 'a', 'b']);
      expect(list.get('c')?.rank).toBe(9);
    }));

  it('takes in what enters the filter, at its place, and counts it', () =>
    withList((list) => {
      list.replace(page([entry('a', 3), entry('b', 1)]));
      list.apply([change(entry('new', 2), 1)]);
      expect(list.ids()).toEqual(['a', 'new', 'b']);
      expect(list.total()).toBe(3);
    }));

  it('lets go what leaves the filter, or is gone', () =>
    withList((list) => {
      list.replace(page([entry('a', 3), entry('b', 2), entry('c', 1)]));
      list.apply([change(entry('a', 3, false), -1), { id: 'b', item: null, countChange: -1, isUncounted: false }]);
      expect(list.ids()).toEqual(['c']);
      expect(list.get('a')).toBeUndefined();
      expect(list.total()).toBe(1);
    }));

  it('holds no item twice, however often it is told of', () =>
    withList((list) => {
      list.replace(page([entry('a', 2)], { hasNextPage: true, totalCount: 3 }));
      list.apply([change(entry('b', 3), 1), change(entry('b', 3)), change(entry('a', 4))]);
      list.append(page([entry('b', 3), entry('c', 1)]));
      expect(list.ids()).toEqual(['a', 'b', 'c']);
    }));

  it('keeps the newer state of an item when a page brings an older one', () =>
    withList((list) => {
      list.replace(page([entry('a', 5)], { hasNextPage: true, totalCount: 2 }));
      list.apply([change(entry('a', 6))]);
      list.append(page([entry('a', 5), entry('b', 1)]));
      expect(list.get('a')?.rank).toBe(6);
    }));

  it('leaves to the next page what sorts behind the last item that is held', () =>
    withList((list) => {
      list.replace(page([entry('a', 5), entry('b', 4)], { hasNextPage: true, totalCount: 9 }));
      list.apply([change(entry('far', 1))]);
      expect(list.ids()).toEqual(['a', 'b']);
      list.append(page([entry('far', 1)]));
      list.apply([change(entry('farther', 0), 1)]);
      expect(list.ids()).toEqual(['a', 'b', 'far', 'farther']);
    }));

  it('counts what it holds once, however late the word of its coming is', () =>
    withList((list) => {
      list.replace(page([entry('new', 5)], { hasNextPage: true, totalCount: 7 }));
      list.apply([change(entry('new', 5), 1)]);
      expect(list.total()).toBe(7);
    }));

  it('counts out what left unannounced, where it is held', () =>
    withList((list) => {
      list.replace(page([entry('a', 5), entry('b', 4)], { hasNextPage: true, totalCount: 7 }));
      list.apply([change(entry('a', 5, false), 0, true), change(entry('far', 1, false), 0, true)]);
      expect(list.ids()).toEqual(['b']);
      expect(list.total()).toBe(6);
    }));

  it('starts over with a new first page', () =>
    withList((list) => {
      list.replace(page([entry('a', 5), entry('b', 4)]));
      list.replace(page([entry('c', 3)], { totalCount: 7 }));
      expect(list.ids()).toEqual(['c']);
      expect(list.get('a')).toBeUndefined();
      expect(list.total()).toBe(7);
    }));

  it('holds no more than its limit, and can load again what it let go', () =>
    withList((list) => {
      list.replace(page([entry('a', 3), entry('b', 2), entry('c', 1)]));
      list.apply([change(entry('new', 9), 1)]);
      expect(list.ids()).toEqual(['new', 'a', 'b']);
      expect(list.get('c')).toBeUndefined();
      expect(list.total()).toBe(4);
      expect(list.hasMore()).toBe(true);
      expect(list.endCursor()).toBe('after b');
    }, 3));
});
