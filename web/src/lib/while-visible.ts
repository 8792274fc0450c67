import { onCleanup } from 'solid-js';

/** Does something again and again while somebody can see the page, until the owner is disposed of. */
export function whileVisible(intervalMs: number, work: () => void): void {
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') work();
  }, intervalMs);
  onCleanup(() => clearInterval(timer));
}
