import { createSignal, type JSX } from 'solid-js';
import { createAction } from '../../graphql/action.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { showToast } from '../../lib/toasts.ts';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import { cancelJobMutation, type JobDetails } from './operations.ts';

/** Asks, then has the job cancelled. That it is being cancelled is shown once the server says so. */
export function CancelButton(props: { readonly job: JobDetails }): JSX.Element {
  const [isAsking, setIsAsking] = createSignal(false);
  const [cancel, isCancelling] = createAction(cancelJobMutation);
  useShortcuts([{ key: 'c', label: 'Cancel the job', run: () => setIsAsking(true) }]);

  async function confirm(): Promise<void> {
    const result = await cancel({ input: { id: props.job.id } });
    setIsAsking(false);
    for (const { message } of result?.cancelJob.userErrors ?? []) showToast('error', message);
  }

  return (
    <>
      <button type="button" class="button button-danger" onClick={() => setIsAsking(true)}>
        Cancel
      </button>
      <ConfirmDialog
        isOpen={isAsking()}
        title={`Cancel ${props.job.name}?`}
        confirmLabel="Cancel the job"
        isBusy={isCancelling()}
        onConfirm={() => void confirm()}
        onClose={() => setIsAsking(false)}
      >
        Slurm ends its processes on {props.job.cluster.name}. What it has written so far stays.
      </ConfirmDialog>
    </>
  );
}
