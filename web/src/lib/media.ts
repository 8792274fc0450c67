import { type Accessor, createSignal, onCleanup } from 'solid-js';

/** Whether a media query matches, as it changes. */
export function createMediaQuery(query: string): Accessor<boolean> {
  const list = matchMedia(query);
  const [matches, setMatches] = createSignal(list.matches);
  function update(): void {
    setMatches(list.matches);
  }
  list.addEventListener('change', update);
  onCleanup(() => list.removeEventListener('change', update));
  return matches;
}
