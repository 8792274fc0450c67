import { type Accessor, createMemo, createSignal } from 'solid-js';

/** The most jobs that the server takes in one request. */
export const MOST_SELECTED = 1_000;

export interface Selection {
  /** What is selected and shown, in the order of the list: what isn't seen isn't acted on. */
  readonly ids: Accessor<readonly string[]>;
  has(id: string): boolean;
  readonly extent: Accessor<'none' | 'some' | 'all'>;
  toggle(id: string): void;
  /** Selects everything from the job that was selected last up to this one. */
  extendTo(id: string): void;
  /** All that is shown, as far as one request reaches. */
  selectAll(): void;
  /** Has just these selected from now on. */
  keep(ids: readonly string[]): void;
}

/** Which of the jobs that are shown, in their order, a person has selected. */
export function createSelection(shown: Accessor<readonly string[]>): Selection {
  const [selected, setSelected] = createSignal<ReadonlySet<string>>(new Set());
  let anchor: string | null = null;
  const ids = createMemo<readonly string[]>(() => {
    const all = selected();
    return all.size === 0 ? [] : shown().filter((id) => all.has(id));
  });

  function keep(wanted: Iterable<string>): void {
    setSelected(new Set([...wanted].slice(0, MOST_SELECTED)));
  }

  function toggle(id: string): void {
    anchor = id;
    const isSelected = selected().has(id);
    keep(isSelected ? ids().filter((other) => other !== id) : [...ids(), id]);
  }

  return {
    ids,
    has: (id) => selected().has(id),
    extent: () => {
      const count = ids().length;
      if (count === 0) return 'none';
      return count === Math.min(shown().length, MOST_SELECTED) ? 'all' : 'some';
    },
    toggle,
    extendTo: (id) => {
      const [from, to] = [shown().indexOf(anchor ?? id), shown().indexOf(id)].toSorted((left, right) => left - right);
      if (from === undefined || from === -1) return toggle(id);
      keep(new Set([...ids(), ...shown().slice(from, (to ?? from) + 1)]));
    },
    selectAll: () => keep(shown()),
    keep,
  };
}
