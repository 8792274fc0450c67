import { type Accessor, createEffect, createSignal, on, onCleanup } from 'solid-js';

export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Rows are drawn in blocks of this many, so that most scrolling changes nothing. */
const BLOCK = 16;

/** Which of `count` rows to draw when the view reaches from `top` to `bottom`, in pixels below the first row's upper edge. */
export function rowRange(count: number, rowHeight: number, top: number, bottom: number): RowRange {
  const first = Math.floor(top / rowHeight / BLOCK) * BLOCK - BLOCK;
  const last = Math.ceil(bottom / rowHeight / BLOCK) * BLOCK + BLOCK;
  const end = Math.min(count, Math.max(0, last));
  return { start: Math.min(Math.max(0, first), end), end };
}

/**
 * Which rows of a list in the flow of the page to draw. `anchor` stands where the list starts; `layout` changes
 * whenever something above the list may have changed its height.
 */
export function createPageWindow(
  anchor: () => HTMLElement | undefined,
  count: Accessor<number>,
  rowHeight: Accessor<number>,
  layout: () => unknown,
): Accessor<RowRange> {
  const [range, setRange] = createSignal<RowRange>(
    { start: 0, end: 2 * BLOCK },
    { equals: (left, right) => left.start === right.start && left.end === right.end },
  );
  let frame = 0;

  function measure(): void {
    const top = -(anchor()?.getBoundingClientRect().top ?? 0);
    setRange(rowRange(count(), rowHeight(), top, top + innerHeight));
  }
  function schedule(): void {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(measure);
  }

  addEventListener('scroll', schedule, { passive: true });
  addEventListener('resize', schedule);
  onCleanup(() => {
    removeEventListener('scroll', schedule);
    removeEventListener('resize', schedule);
    cancelAnimationFrame(frame);
  });
  createEffect(on([count, rowHeight, layout], schedule));
  return range;
}
