import { A, useParams, useSearchParams } from '@solidjs/router';
import { type Component, For, type JSX, Match, Show, Switch, untrack } from 'solid-js';
import { Dynamic } from 'solid-js/web';
import { useApi } from '../../graphql/api.ts';
import type { JobState, LogStream } from '../../graphql/graphql.ts';
import { useTitle } from '../../lib/title.ts';
import { EmptyState, Notice, Skeleton } from '../../ui/notice.tsx';
import { Facts } from './facts.tsx';
import { Header } from './header.tsx';
import type { JobDetails } from './operations.ts';
import { RecordButton } from './record-button.tsx';
import { Script } from './script.tsx';
import { createLiveJob } from './state.ts';
import { TaskTable } from './task-table.tsx';
import { Timeline } from './timeline.tsx';

/** What the page wants of a log viewer; which one it gets is decided where the pages are put together. */
export type JobLog = Component<{
  readonly jobId: string;
  readonly jobState: JobState;
  readonly clusterName: string;
  readonly stream: LogStream;
  /** Where the whole file of the stream is; null: there is none yet. */
  readonly fileUrl: string | null;
  onStream(stream: LogStream): void;
}>;

export default function JobPage(props: { readonly log: JobLog }): JSX.Element {
  const parameters = useParams<{ id: string }>();
  return (
    <Show when={parameters.id} keyed>
      {(id) => <OneJob id={id} log={props.log} />}
    </Show>
  );
}

function OneJob(props: { readonly id: string; readonly log: JobLog }): JSX.Element {
  const live = createLiveJob(
    useApi(),
    untrack(() => props.id),
  );
  useTitle(() => live.value()?.name ?? 'Job');
  return (
    <>
      <Show when={live.value() !== null && live.fault()}>{(fault) => <Notice tone="bad">{fault()}</Notice>}</Show>
      <Switch>
        <Match when={live.value()}>{(job) => <Loaded job={job()} log={props.log} />}</Match>
        <Match when={live.value() === null}>
          <div class="card">
            <EmptyState title="Job not found">
              <A href="/" class="button">
                All jobs
              </A>
            </EmptyState>
          </div>
        </Match>
        <Match when={live.fault() === null}>
          <Skeleton rows={8} />
        </Match>
      </Switch>
    </>
  );
}

const TABS = { log: 'Log', tasks: 'Tasks', script: 'Script' } as const;
type Tab = keyof typeof TABS;

function Loaded(props: { readonly job: JobDetails; readonly log: JobLog }): JSX.Element {
  const [parameters, setParameters] = useSearchParams<{ tab: string; stream: string }>();
  // Each task of an array writes a log of its own; the array has none.
  const tabs = (): readonly Tab[] => (props.job.isArray ? ['tasks', 'script'] : ['log', 'script']);
  const tab = (): Tab => tabs().find((name) => name === parameters.tab) ?? tabs()[0] ?? 'log';
  const stream = (): LogStream => (parameters.stream === 'stderr' ? 'STDERR' : 'STDOUT');

  return (
    <article class="space-y-4">
      <Header job={props.job} />
      <Show when={props.job.submitMessage}>
        {(message) => <Notice tone="warning">{`At its submission:\n${message()}`}</Notice>}
      </Show>
      <div class="grid gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div class="min-w-0 space-y-3">
          <nav class="flex gap-1" aria-label="Parts of the job">
            <For each={tabs()}>
              {(name) => (
                <button
                  type="button"
                  class="button button-quiet aria-[current=true]:bg-raised aria-[current=true]:text-ink"
                  aria-current={tab() === name}
                  onClick={() => setParameters({ tab: name === tabs()[0] ? undefined : name })}
                >
                  {TABS[name]}
                </button>
              )}
            </For>
          </nav>
          <Switch>
            <Match when={tab() === 'log'}>
              <Dynamic
                component={props.log}
                jobId={props.job.id}
                jobState={props.job.state}
                clusterName={props.job.cluster.name}
                stream={stream()}
                fileUrl={stream() === 'STDERR' ? props.job.stderrUrl : props.job.stdoutUrl}
                onStream={(next: LogStream) =>
                  setParameters({ stream: next === 'STDERR' ? 'stderr' : undefined }, { replace: true })
                }
              />
            </Match>
            <Match when={tab() === 'tasks'}>
              <TaskTable jobId={props.job.id} />
            </Match>
            <Match when={tab() === 'script'}>
              <Script jobId={props.job.id} state={props.job.state}>
                <RecordButton jobId={props.job.id} slurmJobId={props.job.slurmJobId} />
              </Script>
            </Match>
          </Switch>
        </div>
        <div class="space-y-4">
          <section class="card p-4">
            <h2 class="mb-3">Facts</h2>
            <Facts job={props.job} />
          </section>
          <section class="card p-4">
            <h2 class="mb-3">Timeline</h2>
            <Timeline events={props.job.events} />
          </section>
        </div>
      </div>
    </article>
  );
}
