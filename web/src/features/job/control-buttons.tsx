import { useNavigate } from '@solidjs/router';
import { type JSX, Show } from 'solid-js';
import { randomKey } from '../../lib/random-key.ts';
import { ActionButton } from './action-button.tsx';
import {
  cancelJobMutation,
  holdJobMutation,
  type JobDetails,
  releaseJobMutation,
  requeueJobMutation,
  resubmitJobMutation,
} from './operations.ts';

/** What can be done with a job, as its state allows. The server has the last word. */
export function ControlButtons(props: { readonly job: JobDetails }): JSX.Element {
  const navigate = useNavigate();
  // Clicked again after an answer that was lost, it is the same new job.
  const idempotencyKey = randomKey();
  return (
    <>
      <Show when={props.job.state === 'PENDING'}>
        <ActionButton
          job={props.job}
          document={holdJobMutation}
          variables={{ id: props.job.id }}
          label="Hold"
          title="Keep it waiting until it is released"
        />
      </Show>
      <Show when={props.job.state === 'HELD'}>
        <ActionButton
          job={props.job}
          document={releaseJobMutation}
          variables={{ id: props.job.id }}
          label="Release"
          title="Let it run when its turn comes"
        />
      </Show>
      <Show when={props.job.slurmJobId !== null && ['RUNNING', 'SUSPENDED'].includes(props.job.state)}>
        <ActionButton
          job={props.job}
          document={requeueJobMutation}
          variables={{ id: props.job.id }}
          label="Requeue"
          confirmation={{
            label: 'Requeue the job',
            text:
              'Slurm ends this attempt and runs the job from the beginning later, under the same number. Its log goes ' +
              'on behind what was written so far.',
          }}
        />
      </Show>
      <Show when={!props.job.isActive}>
        <ActionButton
          job={props.job}
          document={resubmitJobMutation}
          variables={{ id: props.job.id, idempotencyKey }}
          label="Run again"
          busyLabel="Submitting…"
          title="A new job with exactly the same inputs"
          onDone={({ outcome: { job } }) => {
            if (job !== null) navigate(`/jobs/${encodeURIComponent(job.id)}`);
          }}
        />
      </Show>
      <Show when={props.job.isActive && props.job.state !== 'CANCELLING'}>
        <ActionButton
          job={props.job}
          document={cancelJobMutation}
          variables={{ id: props.job.id }}
          label="Cancel"
          isDangerous
          shortcut={{ key: 'c', label: 'Cancel the job' }}
          confirmation={{
            label: 'Cancel the job',
            text: `Slurm ends its processes on ${props.job.cluster.name}. Its output so far is kept.`,
          }}
        />
      </Show>
    </>
  );
}
