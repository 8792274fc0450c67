import X from 'lucide-solid/icons/x';
import { For, type JSX } from 'solid-js';
import { dismissToast, toasts } from '../lib/toasts.ts';

export function Toasts(): JSX.Element {
  return (
    <div
      class="fixed right-4 bottom-4 z-50 [body:has([data-bottom-bar])_&]:bottom-28 sm:[body:has([data-bottom-bar])_&]:bottom-20 flex w-[min(26rem,calc(100vw-2rem))] flex-col gap-2"
      aria-live="polite"
    >
      <For each={toasts()}>
        {(toast) => (
          <div
            class="card flex items-start gap-2 border-l-4 border-l-tone py-2 pr-2 pl-3 shadow-lg"
            classList={{ 'tone-bad': toast.tone === 'error', 'tone-good': toast.tone === 'info' }}
          >
            <p class="min-w-0 grow wrap-anywhere">{toast.text}</p>
            <button
              type="button"
              class="button button-quiet h-6 px-1"
              aria-label="Dismiss"
              onClick={() => dismissToast(toast.id)}
            >
              <X size={14} />
            </button>
          </div>
        )}
      </For>
    </div>
  );
}
