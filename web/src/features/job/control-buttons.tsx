import { useNavigate } from '@solidjs/router';
import { createSignal, type JSX, Show } from 'solid-js';
import { createAction } from '../../graphql/action.ts';
import { showToast } from '../../lib/toasts.ts';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import {
  holdJobMutation,
  type JobDetails,
  releaseJobMutation,
  requeueJobMutation,
  resubmitJobMutation,
} from './operations.ts';

/** What else can be done with a job besides cancelling it, as its state allows. The server has the last word. */
export function ControlButtons(props: { readonly job: JobDetails }): JSX.Element {
  return (
    <>
      <Show when={props.job.state === 'PENDING'}>
        <HoldButton job={props.job} />
      </Show>
      <Show when={props.job.state === 'HELD'}>
        <ReleaseButton job={props.job} />
      </Show>
      <Show when={props.job.slurmJobId !== null && ['RUNNING', 'SUSPENDED'].includes(props.job.state)}>
        <RequeueButton job={props.job} />
      </Show>
      <Show when={!props.job.isActive}>
        <RunAgainButton job={props.job} />
      </Show>
    </>
  );
}

function HoldButton(props: { readonly job: JobDetails }): JSX.Element {
  const [hold, isBusy] = createAction(holdJobMutation);
  return (
    <button
      type="button"
      class="button"
      disabled={isBusy()}
      title="Keep it waiting until it is released"
      onClick={async () => report((await hold({ input: { id: props.job.id } }))?.holdJob.userErrors)}
    >
      Hold
    </button>
  );
}

function ReleaseButton(props: { readonly job: JobDetails }): JSX.Element {
  const [release, isBusy] = createAction(releaseJobMutation);
  return (
    <button
      type="button"
      class="button"
      disabled={isBusy()}
      title="Let it run when its turn comes"
      onClick={async () => report((await release({ input: { id: props.job.id } }))?.releaseJob.userErrors)}
    >
      Release
    </button>
  );
}

function RequeueButton(props: { readonly job: JobDetails }): JSX.Element {
  const [isAsking, setIsAsking] = createSignal(false);
  const [requeue, isBusy] = createAction(requeueJobMutation);

  async function confirm(): Promise<void> {
    const result = await requeue({ input: { id: props.job.id } });
    setIsAsking(false);
    report(result?.requeueJob.userErrors);
  }

  return (
    <>
      <button type="button" class="button" onClick={() => setIsAsking(true)}>
        Requeue
      </button>
      <ConfirmDialog
        isOpen={isAsking()}
        title={`Requeue ${props.job.name}?`}
        confirmLabel="Requeue the job"
        isBusy={isBusy()}
        onConfirm={() => void confirm()}
        onClose={() => setIsAsking(false)}
      >
        Slurm ends this attempt and runs the job from its beginning later, under the same number. Its log goes on behind
        what was written so far.
      </ConfirmDialog>
    </>
  );
}

function RunAgainButton(props: { readonly job: JobDetails }): JSX.Element {
  const navigate = useNavigate();
  const [resubmit, isBusy] = createAction(resubmitJobMutation);

  async function run(): Promise<void> {
    const result = await resubmit({ input: { id: props.job.id, idempotencyKey: crypto.randomUUID() } });
    report(result?.resubmitJob.userErrors);
    const job = result?.resubmitJob.job ?? null;
    if (job !== null) navigate(`/jobs/${encodeURIComponent(job.id)}`);
  }

  return (
    <button
      type="button"
      class="button"
      disabled={isBusy()}
      title="A new job with exactly the same inputs"
      onClick={() => void run()}
    >
      {isBusy() ? 'Submitting…' : 'Run again'}
    </button>
  );
}

function report(userErrors: readonly { readonly message: string }[] | undefined): void {
  for (const { message } of userErrors ?? []) showToast('error', message);
}
