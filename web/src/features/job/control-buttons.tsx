import { useNavigate } from '@solidjs/router';
import { type JSX, Show } from 'solid-js';
import type { JobAction } from '../../graphql/graphql.ts';
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

/** What can be done with a job now, by `Job.actions`. The server has the last word. */
export function ControlButtons(props: { readonly job: JobDetails }): JSX.Element {
  const navigate = useNavigate();
  // Clicked again after an answer that was lost, it is the same new job.
  const idempotencyKey = randomKey();
  const fits = (action: JobAction): boolean => props.job.actions.includes(action);
  return (
    <>
      <Show when={fits('HOLD')}>
        <ActionButton
          job={props.job}
          document={holdJobMutation}
          variables={{ id: props.job.id }}
          label="Hold"
          title="Keep it waiting until it is released"
        />
      </Show>
      <Show when={fits('RELEASE')}>
        <ActionButton
          job={props.job}
          document={releaseJobMutation}
          variables={{ id: props.job.id }}
          label="Release"
          title="Let it run when its turn comes"
        />
      </Show>
      <Show when={fits('REQUEUE')}>
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
      {/* While a job is active, a second one of the same inputs is seldom meant. */}
      <Show when={!props.job.isActive && fits('RESUBMIT')}>
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
      <Show when={fits('CANCEL')}>
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
