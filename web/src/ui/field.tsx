import { createUniqueId, type JSX, Show } from 'solid-js';

/** What ties a control to its label, hint and error. */
export interface ControlAttributes {
  readonly id: string;
  readonly 'aria-describedby': string;
  readonly 'aria-invalid': boolean;
}

interface FieldProps {
  readonly label: string;
  readonly hint?: JSX.Element;
  readonly error?: string | undefined;
  readonly class?: string;
  children(attributes: ControlAttributes): JSX.Element;
}

/** A labelled control with its hint, and its error in the hint's place. */
export function Field(props: FieldProps): JSX.Element {
  const id = createUniqueId();
  const attributes: ControlAttributes = {
    id,
    'aria-describedby': `${id}-note`,
    get 'aria-invalid'() {
      return props.error !== undefined;
    },
  };
  return (
    <div class={`tone-bad min-w-0 ${props.class ?? ''}`}>
      <label for={id} class="mb-1 block text-xs font-medium text-muted">
        {props.label}
      </label>
      {props.children(attributes)}
      <div id={`${id}-note`} class="mt-1 text-xs text-muted empty:hidden">
        <Show when={props.error} fallback={props.hint}>
          <span class="text-tone">{props.error}</span>
        </Show>
      </div>
    </div>
  );
}
