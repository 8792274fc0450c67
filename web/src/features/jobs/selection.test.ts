import { createRoot, createSignal } from 'solid-js';
import { describe, expect, it } from 'vitest';
import { createSelection, MOST_SELECTED, type Selection } from './selection.ts';

function withSelection(
  shown: readonly string[],
  test: (selection: Selection, show: (ids: readonly string[]) => void) => void,
): void {
  createRoot((dispose) => {
    const [ids, setIds] = createSignal(shown);
    test(createSelection(ids), setIds);
    dispose();
  });
}

describe('a selection of jobs', () => {
  it('takes jobs in and out one by one, and stands in the order of the list', () =>
    withSelection(['a', 'b', 'c'], (selection) => {
      expect(selection.extent()).toBe('none');
      selection.toggle('c');
      selection.toggle('a');
      expect(selection.ids()).toEqual(['a', 'c']);
      expect(selection.extent()).toBe('some');
      selection.toggle('c');
      expect(selection.ids()).toEqual(['a']);
    }));

  it('extends from the last job to another one, up or down, and keeps what is selected', () =>
    withSelection(['a', 'b', 'c', 'd', 'e'], (selection) => {
      selection.toggle('a');
      selection.toggle('d');
      selection.extendTo('c');
      expect(selection.ids()).toEqual(['a', 'c', 'd']);
      selection.extendTo('e');
      expect(selection.ids()).toEqual(['a', 'c', 'd', 'e']);
    }));

  it('begins with the job that it is to extend to when none was selected before', () =>
    withSelection(['a', 'b'], (selection, show) => {
      selection.extendTo('b');
      expect(selection.ids()).toEqual(['b']);
      // The job that it began with is gone.
      show(['a', 'c']);
      selection.extendTo('c');
      expect(selection.ids()).toEqual(['c']);
    }));

  it('holds nothing that is not shown any more, and never acts on it later', () =>
    withSelection(['a', 'b', 'c'], (selection, show) => {
      selection.selectAll();
      expect(selection.extent()).toBe('all');
      show(['b', 'd']);
      expect(selection.ids()).toEqual(['b']);
      selection.toggle('d');
      show(['a', 'b', 'c', 'd']);
      expect(selection.ids()).toEqual(['b', 'd']);
    }));

  it('ends where one request ends', () =>
    withSelection(
      Array.from({ length: MOST_SELECTED + 5 }, (_, index) => `job ${index}`),
      (selection) => {
        selection.selectAll();
        expect(selection.ids()).toHaveLength(MOST_SELECTED);
        expect(selection.extent()).toBe('all');
        selection.toggle(`job ${MOST_SELECTED + 1}`);
        expect(selection.ids()).toHaveLength(MOST_SELECTED);
      },
    ));
});
