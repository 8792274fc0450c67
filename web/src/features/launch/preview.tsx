import Check from 'lucide-solid/icons/check';
import X from 'lucide-solid/icons/x';
import { For, type JSX, Show } from 'solid-js';
import { CopyButton } from '../../ui/copy-button.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { TONE_CLASS } from '../../ui/tone.ts';
import type { JobPreview } from './operations.ts';

/** A plan of this moment is a little in the past when it arrives. */
const SOON_MS = 30_000;

interface PreviewProps {
  readonly previews: readonly JobPreview[];
  /** The cluster that is chosen in the form. */
  readonly chosen: string;
  onChoose(cluster: string): void;
}

/** What Slurm says of the job on each cluster, and the script that it would get. */
export function Preview(props: PreviewProps): JSX.Element {
  const script = (): string | null => {
    const scripts = props.previews.filter((preview) => preview.script !== null);
    return (scripts.find(({ cluster }) => cluster.name === props.chosen) ?? scripts[0])?.script ?? null;
  };
  return (
    <section class="card space-y-3 p-4" aria-label="Preview">
      <h2>Preview</h2>
      <ul class="divide-y divide-line">
        <For each={props.previews}>
          {(preview) => (
            <li class="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
              <Verdict preview={preview} />
              <span class="font-medium">{preview.cluster.name}</span>
              <span class="min-w-0 grow text-muted wrap-anywhere whitespace-pre-line">
                <Show when={preview.isAccepted} fallback={preview.message}>
                  <Plan preview={preview} />
                </Show>
              </span>
              <Show when={preview.isAccepted && preview.cluster.name !== props.chosen}>
                <button type="button" class="button" onClick={() => props.onChoose(preview.cluster.name)}>
                  Use {preview.cluster.name}
                </button>
              </Show>
            </li>
          )}
        </For>
      </ul>
      <Show when={script()}>
        {(text) => (
          <details>
            <summary class="cursor-pointer text-muted">Batch script</summary>
            <div class="relative mt-2 rounded-md bg-raised">
              <div class="absolute top-2 right-2">
                <CopyButton text={text()} label="Copy the script" />
              </div>
              <pre class="log max-h-96 overflow-auto p-3 text-xs leading-5" tabindex="0">
                {text()}
              </pre>
            </div>
          </details>
        )}
      </Show>
    </section>
  );
}

function Verdict(props: { readonly preview: JobPreview }): JSX.Element {
  return (
    <Show
      when={props.preview.isAccepted}
      fallback={
        <span class={`text-tone ${TONE_CLASS.bad}`}>
          <X size={16} aria-label="Not accepted" />
        </span>
      }
    >
      <span class={`text-tone ${TONE_CLASS.good}`}>
        <Check size={16} aria-label="Accepted" />
      </span>
    </Show>
  );
}

/** When and where it would start, and what else sbatch says. */
function Plan(props: { readonly preview: JobPreview }): JSX.Element {
  return (
    <>
      <Show when={props.preview.estimatedStartAt} fallback="Slurm would take it.">
        {(at) => (
          <>
            Would start{' '}
            <Show when={Date.parse(at()) > Date.now() + SOON_MS} fallback="now">
              <RelativeTime at={at()} />
            </Show>
          </>
        )}
      </Show>
      <Show when={props.preview.nodeList}>{(nodes) => <> on {nodes()}</>}</Show>
      <Show when={props.preview.message}>{(message) => <> ({message()})</>}</Show>
    </>
  );
}
