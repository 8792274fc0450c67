import type { AnyVariables, TypedDocumentNode } from '@urql/core';
import { createSignal, type JSX, Show, untrack } from 'solid-js';
import { createAction } from '../../graphql/action.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { showToast } from '../../lib/toasts.ts';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import type { JobDetails } from './operations.ts';

/** What every write of one job answers, whatever it is. */
interface ActionResult {
  readonly outcome: { readonly userErrors: readonly { readonly message: string }[] };
}

interface ActionButtonProps<Result extends ActionResult, Variables extends AnyVariables> {
  readonly job: JobDetails;
  readonly document: TypedDocumentNode<Result, Variables>;
  readonly variables: NoInfer<Variables>;
  readonly label: string;
  /** While it is under way, in place of the label. */
  readonly busyLabel?: string;
  readonly title?: string;
  readonly isDangerous?: boolean;
  readonly shortcut?: { readonly key: string; readonly label: string };
  /** Asks before it does anything: the button that goes on, and what happens then. */
  readonly confirmation?: { readonly label: string; readonly text: JSX.Element };
  onDone?(result: Result): void;
}

/** One thing that can be done with a job. That it has happened is shown once the server says so. */
export function ActionButton<Result extends ActionResult, Variables extends AnyVariables>(
  props: ActionButtonProps<Result, Variables>,
): JSX.Element {
  const [isAsking, setIsAsking] = createSignal(false);
  const [act, isBusy] = createAction(untrack(() => props.document));

  async function run(): Promise<void> {
    const result = await act(props.variables);
    setIsAsking(false);
    if (result === null) return;
    for (const { message } of result.outcome.userErrors) showToast('error', message);
    props.onDone?.(result);
  }
  function begin(): void {
    if (props.confirmation === undefined) void run();
    else setIsAsking(true);
  }
  const shortcut = untrack(() => props.shortcut);
  if (shortcut !== undefined) useShortcuts([{ ...shortcut, run: begin }]);

  return (
    <>
      <button
        type="button"
        class="button"
        classList={{ 'button-danger': props.isDangerous === true }}
        disabled={isBusy()}
        title={props.title}
        onClick={begin}
      >
        {isBusy() ? (props.busyLabel ?? props.label) : props.label}
      </button>
      <Show when={props.confirmation}>
        {(confirmation) => (
          <ConfirmDialog
            isOpen={isAsking()}
            title={`${props.label} ${props.job.name}?`}
            confirmLabel={confirmation().label}
            isBusy={isBusy()}
            onConfirm={() => void run()}
            onClose={() => setIsAsking(false)}
          >
            {confirmation().text}
          </ConfirmDialog>
        )}
      </Show>
    </>
  );
}
