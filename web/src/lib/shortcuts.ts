import { createSignal, onCleanup } from 'solid-js';

export interface Shortcut {
  /** As `KeyboardEvent.key` names it. */
  readonly key: string;
  /** What it does, for the sheet of keys. */
  readonly label: string;
  /** Left out where the browser does it by itself. */
  readonly run?: () => void;
}

const [active, setActive] = createSignal<readonly Shortcut[]>([]);

/** Every shortcut that works at this moment. */
export const activeShortcuts = active;

/** Makes the keys work until the calling component goes; not while one types or a dialog is open. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  function onKeyDown(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
    const shortcut = shortcuts.find((candidate) => candidate.key === event.key);
    if (shortcut?.run === undefined) return;
    event.preventDefault();
    shortcut.run();
  }
  setActive((all) => [...all, ...shortcuts]);
  document.addEventListener('keydown', onKeyDown);
  onCleanup(() => {
    document.removeEventListener('keydown', onKeyDown);
    setActive((all) => all.filter((shortcut) => !shortcuts.includes(shortcut)));
  });
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches('input:not([type=checkbox], [type=radio]), textarea, select');
}
