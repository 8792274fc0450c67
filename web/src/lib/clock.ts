import { type Accessor, createSignal, onCleanup } from 'solid-js';

const TICK_MS = 1_000;

const [now, setNow] = createSignal(Date.now());
let readers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  setNow(Date.now());
}

function runWhileVisible(): void {
  clearInterval(timer);
  if (document.hidden) return;
  tick();
  timer = setInterval(tick, TICK_MS);
}

/** The time in milliseconds, told anew each second while the page is visible. One timer serves every reader. */
export function useNow(): Accessor<number> {
  readers += 1;
  if (readers === 1) {
    document.addEventListener('visibilitychange', runWhileVisible);
    runWhileVisible();
  }
  onCleanup(() => {
    readers -= 1;
    if (readers > 0) return;
    document.removeEventListener('visibilitychange', runWhileVisible);
    clearInterval(timer);
  });
  return now;
}
