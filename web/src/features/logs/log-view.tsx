import ArrowDown from 'lucide-solid/icons/arrow-down';
import { createEffect, createMemo, createSignal, For, type JSX, on, onCleanup, onMount, Show, untrack } from 'solid-js';
import { LogLineRow } from './log-line.tsx';
import { RowLayout } from './row-layout.ts';
import type { Log } from './state.ts';

/** Of one screen row, in pixels: `leading-5`. */
const ROW_HEIGHT = 20;
/** Rows beyond the view that are drawn too. */
const SPARE_ROWS = 30;
/** This near to the end counts as at the end: zoomed pages scroll by fractions of a pixel. */
const END_TOLERANCE = 4;
const PROBE = '0'.repeat(64);

interface LogViewProps {
  readonly log: Log;
  readonly isWrapped: boolean;
  /** Whether the view stays at the end as lines arrive. */
  readonly isFollowing: boolean;
  onFollow(isFollowing: boolean): void;
}

/** A log as a scrolling text of which only the lines near the view are in the page. */
export function LogView(props: LogViewProps): JSX.Element {
  const { buffer, version, loadNext, reading } = untrack(() => props.log);
  const [scrollTop, setScrollTop] = createSignal(0);
  const [size, setSize] = createSignal({ height: 0, columns: 80 });
  /** How many lines there were when following ended. */
  const [seenCount, setSeenCount] = createSignal(0);
  /** The uppermost line in view, counted from the first line of all. */
  let topLine = 0;
  let view: HTMLElement | undefined;
  let probe: HTMLSpanElement | undefined;

  const layout = createMemo(() => new RowLayout(props.isWrapped ? size().columns : null));
  const visible = createMemo(() => {
    version();
    const rows = layout();
    rows.update(buffer);
    const top = Math.floor(scrollTop() / ROW_HEIGHT);
    const first = rows.lineAt(Math.max(0, top - SPARE_ROWS));
    const end = rows.lineAt(top + Math.ceil(size().height / ROW_HEIGHT) + SPARE_ROWS) + 1;
    return {
      lines: buffer.lines.slice(first, end),
      above: rows.rowOf(first) * ROW_HEIGHT,
      below: (rows.rowCount - rows.rowOf(end)) * ROW_HEIGHT,
    };
  });
  const newCount = createMemo(() => {
    version();
    return props.isFollowing ? 0 : lineCount() - seenCount();
  });

  function lineCount(): number {
    return buffer.droppedCount + buffer.lines.length;
  }

  function scrollTo(top: number): void {
    if (view === undefined) return;
    view.scrollTop = top;
    setScrollTop(view.scrollTop);
  }

  function onScroll(element: HTMLElement): void {
    const isUpward = element.scrollTop < scrollTop();
    const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - END_TOLERANCE;
    setScrollTop(element.scrollTop);
    topLine = buffer.droppedCount + layout().lineAt(Math.floor(element.scrollTop / ROW_HEIGHT));
    if (reading() === 'start') {
      loadNextWhenNear(element);
    } else if (isAtEnd !== props.isFollowing && (isAtEnd || isUpward)) {
      setSeenCount(lineCount());
      props.onFollow(isAtEnd);
    }
  }

  function loadNextWhenNear(element: HTMLElement): void {
    if (element.scrollTop + 2 * element.clientHeight >= element.scrollHeight) loadNext();
  }

  onMount(() => {
    const observer = new ResizeObserver(() => {
      if (view === undefined || probe === undefined) return;
      const characterWidth = probe.getBoundingClientRect().width / PROBE.length;
      const { paddingLeft, paddingRight } = getComputedStyle(view);
      const width = view.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight);
      setSize({ height: view.clientHeight, columns: Math.max(20, Math.floor(width / characterWidth)) });
    });
    if (view !== undefined) observer.observe(view);
    onCleanup(() => observer.disconnect());
  });

  // Lines that go at the start, and a change of wrapping, leave what one reads where it is.
  let droppedCount = 0;
  createEffect(
    on([version, layout], ([, rows], previous) => {
      const isMoved = buffer.droppedCount !== droppedCount || rows !== previous?.[1];
      droppedCount = buffer.droppedCount;
      if (props.isFollowing && reading() === 'end') scrollTo(Number.MAX_SAFE_INTEGER);
      else if (isMoved) scrollTo(rows.rowOf(Math.max(0, topLine - droppedCount)) * ROW_HEIGHT);
      if (reading() === 'start' && view !== undefined) loadNextWhenNear(view);
    }),
  );
  createEffect(
    on([() => props.isFollowing, size], ([isFollowing]) => {
      if (isFollowing && reading() === 'end') scrollTo(Number.MAX_SAFE_INTEGER);
    }),
  );

  return (
    <div class="relative">
      <section
        ref={(element) => {
          view = element;
        }}
        tabindex="0"
        aria-label="Log lines"
        class="log h-[max(20rem,calc(100dvh-18rem))] overflow-auto px-3 py-2 font-mono text-xs leading-5 [overflow-anchor:none]"
        onScroll={(event) => onScroll(event.currentTarget)}
      >
        <span
          ref={(element) => {
            probe = element;
          }}
          class="invisible absolute"
          aria-hidden="true"
        >
          {PROBE}
        </span>
        <div style={{ height: `${visible().above}px` }} />
        <div class={props.isWrapped ? 'break-all whitespace-break-spaces' : 'w-max min-w-full whitespace-pre'}>
          <For each={visible().lines}>{(line) => <LogLineRow line={line} />}</For>
        </div>
        <div style={{ height: `${visible().below}px` }} />
      </section>
      <Show when={newCount() > 0}>
        <button
          type="button"
          class="button button-primary absolute bottom-4 left-1/2 -translate-x-1/2 rounded-full shadow-lg"
          onClick={() => props.onFollow(true)}
        >
          <ArrowDown size={14} aria-hidden="true" /> {newCount().toLocaleString()} new{' '}
          {newCount() === 1 ? 'line' : 'lines'}
        </button>
      </Show>
    </div>
  );
}
