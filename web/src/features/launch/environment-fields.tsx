import Plus from 'lucide-solid/icons/plus';
import X from 'lucide-solid/icons/x';
import { Index, type JSX, Show } from 'solid-js';
import type { FormState } from './text-input.tsx';

/** Variables for the job; they are sent with it and kept nowhere in the browser. */
export function EnvironmentFields(props: FormState): JSX.Element {
  return (
    <section class="card tone-bad space-y-3 p-4">
      <div class="flex items-center justify-between">
        <h2>Environment variables</h2>
        <button
          type="button"
          class="button button-quiet"
          onClick={() => props.setForm('environment', (all) => [...all, { name: '', value: '' }])}
        >
          <Plus size={14} aria-hidden="true" /> Add a variable
        </button>
      </div>
      <Index each={props.form.environment}>
        {(variable, index) => (
          <div class="flex items-center gap-2">
            <input
              class="control basis-2/5 font-mono"
              aria-label={`Name of variable ${index + 1}`}
              placeholder="NAME"
              autocomplete="off"
              spellcheck={false}
              value={variable().name}
              onInput={(event) => props.setForm('environment', index, 'name', event.currentTarget.value)}
            />
            <input
              class="control font-mono"
              aria-label={`Value of variable ${index + 1}`}
              placeholder="value"
              autocomplete="off"
              spellcheck={false}
              value={variable().value}
              onInput={(event) => props.setForm('environment', index, 'value', event.currentTarget.value)}
            />
            <button
              type="button"
              class="button button-quiet px-1.5"
              aria-label={`Remove variable ${index + 1}`}
              onClick={() => props.setForm('environment', (all) => all.filter((_, other) => other !== index))}
            >
              <X size={14} />
            </button>
          </div>
        )}
      </Index>
      <Show when={props.errors().environment}>{(error) => <p class="text-xs text-tone">{error()}</p>}</Show>
    </section>
  );
}
