import { createSignal, For, type JSX } from 'solid-js';
import { activeShortcuts, useShortcuts } from '../../lib/shortcuts.ts';
import { Dialog } from '../../ui/dialog.tsx';

/** The sheet of keys that `?` opens: those that work on the page that is shown. */
export function ShortcutSheet(): JSX.Element {
  const [isOpen, setIsOpen] = createSignal(false);
  useShortcuts([{ key: '?', label: 'Show these keys', run: () => setIsOpen(true) }]);
  return (
    <Dialog isOpen={isOpen()} title="Keys on this page" onClose={() => setIsOpen(false)}>
      <dl class="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2">
        <For each={activeShortcuts()}>
          {(shortcut) => (
            <>
              <dt>
                <kbd class="rounded border border-line-strong bg-raised px-1.5 py-0.5 font-mono text-xs">
                  {shortcut.key}
                </kbd>
              </dt>
              <dd>{shortcut.label}</dd>
            </>
          )}
        </For>
        <dt>
          <kbd class="rounded border border-line-strong bg-raised px-1.5 py-0.5 font-mono text-xs">Esc</kbd>
        </dt>
        <dd>Close this</dd>
      </dl>
    </Dialog>
  );
}
