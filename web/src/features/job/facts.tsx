import { For, type JSX, Show } from 'solid-js';
import { type ClusterHealth, useClusters } from '../../graphql/clusters.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Elapsed, RelativeTime } from '../../ui/time.tsx';
import type { JobDetails } from './operations.ts';
import { askedGpus, resourceFacts } from './resources.ts';

const SHORT_COMMIT = 10;

/** Everything that is known of a job and is not its output. What wasn't asked for is left out. */
export function Facts(props: { readonly job: JobDetails }): JSX.Element {
  const clusters = useClusters();
  const cluster = (): ClusterHealth | undefined => clusters.get(props.job.cluster.name);
  const resources = (): JobDetails['resources'] => props.job.resources;
  return (
    <dl class="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-y-1.5">
      <Fact label="Cluster" value={props.job.cluster.name} />
      <Fact label="Partition" value={props.job.partition} />
      <Fact label="Slurm id" value={props.job.slurmJobId} copies />
      <Fact label="Project" value={props.job.project?.name} />
      <Fact label="Commit" value={props.job.gitCommit} copies>
        <code>{props.job.gitCommit?.slice(0, SHORT_COMMIT)}</code>
        <Show when={props.job.hasUncommittedChanges}>
          <span class="text-muted"> + uncommitted</span>
        </Show>
      </Fact>
      <For each={resourceFacts(resources(), props.job.allocated)}>
        {(fact) => (
          <Fact label={fact.label} value={fact.asked ?? fact.given}>
            {fact.asked}
            <Show when={fact.given}>
              {(given) => (
                <>
                  <span class="text-muted">{fact.asked === null ? 'given' : ', given'}</span> {given()}
                </>
              )}
            </Show>
          </Fact>
        )}
      </For>
      <Fact label="Account" value={resources().account} />
      <Fact label="QOS" value={resources().qos} />
      <Fact label="Array" value={resources().array} />
      <Fact label="Components" value={props.job.components.length || null}>
        <Components components={props.job.components} />
      </Fact>
      <Fact label="Node list" value={props.job.nodeList} copies />
      <Fact label="Directory" value={props.job.workDir} copies />
      <Fact label="Submitted" value={props.job.submittedAt}>
        <RelativeTime at={props.job.submittedAt} />
        <Show when={props.job.submittedBy}>{(user) => <span class="text-muted"> by {user().name}</span>}</Show>
      </Fact>
      <TimeFact label="Expected" at={props.job.startedAt === null ? props.job.estimatedStartAt : null} />
      <TimeFact label="Started" at={props.job.startedAt} />
      <TimeFact label="Ended" at={props.job.endedAt} />
      <Fact label="Elapsed" value={props.job.startedAt}>
        <Elapsed job={props.job} />
      </Fact>
      <Fact label="Attempts" value={props.job.attempt > 1 ? props.job.attempt : null}>
        <Attempts attempts={props.job.attempts} current={props.job.isActive ? props.job.attempt : null} />
      </Fact>
      <Fact label="State from" value={props.job.evidence?.source}>
        <Show when={props.job.evidence}>
          {(evidence) => (
            <Evidence evidence={evidence()} askedAt={props.job.isActive ? cluster()?.lastPolledAt : null} />
          )}
        </Show>
      </Fact>
    </dl>
  );
}

const SOURCES: Readonly<Record<NonNullable<JobDetails['evidence']>['source'], string>> = {
  SBATCH: "sbatch's answer",
  SQUEUE: 'squeue',
  SACCT: 'sacct',
  MARKER: "the script's own note",
  ABSENCE: 'neither squeue, sacct nor a note',
};

/** Where the state comes from: since when it is so, and when it was last asked for. */
function Evidence(props: {
  readonly evidence: NonNullable<JobDetails['evidence']>;
  /** Null or undefined: nobody asks any more. */
  readonly askedAt: string | null | undefined;
}): JSX.Element {
  return (
    <>
      {SOURCES[props.evidence.source]}
      <Show when={props.evidence.word}>
        {(word) => (
          <>
            {' '}
            as <code>{word()}</code>
          </>
        )}
      </Show>
      <span class="text-muted">
        , <Show when={props.askedAt}>first</Show> seen <RelativeTime at={props.evidence.seenAt} />
        <Show when={props.askedAt}>
          {(at) => (
            <>
              , last asked <RelativeTime at={at()} />
            </>
          )}
        </Show>
      </span>
    </>
  );
}

/** The runs of a job that was requeued, the latest first. */
function Attempts(props: {
  readonly attempts: JobDetails['attempts'];
  /** The number of the one that isn't over. */
  readonly current: number | null;
}): JSX.Element {
  return (
    <ol class="space-y-0.5">
      <For each={props.attempts.toReversed()}>
        {(attempt) => (
          <li>
            {attempt.number}
            <Show when={attempt.number === props.current}>
              <span class="text-muted"> current</span>
            </Show>
            <Show when={attempt.outcome}>
              {(outcome) => (
                <>
                  {' '}
                  <code>{outcome()}</code>
                </>
              )}
            </Show>
            <Show when={attempt.startedAt !== null && attempt.endedAt !== null}>
              <span class="text-muted">
                {' after '}
                <Elapsed job={{ ...attempt, isActive: false }} />
              </span>
            </Show>
          </li>
        )}
      </For>
    </ol>
  );
}

/** The components of a heterogeneous job, the one that runs the batch script first. */
function Components(props: { readonly components: JobDetails['components'] }): JSX.Element {
  return (
    <ol class="space-y-0.5">
      <For each={props.components}>
        {(component, index) => (
          <li>
            {component.slurmJobId ?? index()}
            <Show when={component.word}>
              {' '}
              <code>{component.word}</code>
            </Show>
            <span class="text-muted">
              {[component.partition, askedGpus(component.resources), component.nodeList]
                .map((part) => part && ` · ${part}`)
                .join('')}
            </span>
          </li>
        )}
      </For>
    </ol>
  );
}

interface FactProps {
  readonly label: string;
  /** Null or undefined: the fact is left out. */
  readonly value: string | number | null | undefined;
  /** How it is shown, if not as it is. */
  readonly children?: JSX.Element;
  readonly copies?: boolean;
}

function Fact(props: FactProps): JSX.Element {
  return (
    <Show when={props.value ?? null}>
      {(value) => (
        <>
          <dt class="text-muted">{props.label}</dt>
          <dd class="flex min-w-0 items-start gap-1">
            <span class="min-w-0 wrap-anywhere">{props.children ?? value()}</span>
            <Show when={props.copies}>
              <span class="-my-0.5">
                <CopyButton text={String(value())} label={`Copy ${props.label.toLowerCase()}`} />
              </span>
            </Show>
          </dd>
        </>
      )}
    </Show>
  );
}

function TimeFact(props: { readonly label: string; readonly at: string | null }): JSX.Element {
  return (
    <Fact label={props.label} value={props.at}>
      <Show when={props.at}>{(at) => <RelativeTime at={at()} />}</Show>
    </Fact>
  );
}
