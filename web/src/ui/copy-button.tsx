import Check from 'lucide-solid/icons/check';
import Copy from 'lucide-solid/icons/copy';
import { createSignal, type JSX, onCleanup, Show } from 'solid-js';
import { copyText } from '../lib/clipboard.ts';
import { showToast } from '../lib/toasts.ts';

const CONFIRMED_MS = 1_500;

export function CopyButton(props: { readonly text: string; readonly label: string }): JSX.Element {
  const [isCopied, setIsCopied] = createSignal(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));

  async function copy(): Promise<void> {
    if (!(await copyText(props.text))) {
      showToast('error', 'The browser does not allow this page to copy. Select the text and copy it yourself.');
      return;
    }
    setIsCopied(true);
    clearTimeout(timer);
    timer = setTimeout(() => setIsCopied(false), CONFIRMED_MS);
  }

  return (
    <button
      type="button"
      class="inline-flex size-6 shrink-0 items-center justify-center rounded text-muted hover:bg-raised hover:text-ink"
      aria-label={props.label}
      title={isCopied() ? 'Copied' : props.label}
      onClick={() => void copy()}
    >
      <Show when={isCopied()} fallback={<Copy size={13} />}>
        <Check size={13} />
      </Show>
    </button>
  );
}
