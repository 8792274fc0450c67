import { A, useSearchParams } from '@solidjs/router';
import { createEffect, createSignal, For, type JSX, Match, on, onCleanup, Switch } from 'solid-js';
import { ask, useApi } from '../../graphql/api.ts';
import { describeError } from '../../graphql/errors.ts';
import { useTitle } from '../../lib/title.ts';
import { EmptyState, Notice, Skeleton } from '../../ui/notice.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { Elapsed, RelativeTime } from '../../ui/time.tsx';
import { type Comparison, compareJobsQuery } from './operations.ts';

const HEAD = 'sticky left-0 bg-surface px-3 py-2 text-left align-top font-medium text-muted';
const CELL = 'min-w-40 max-w-96 px-3 py-2 align-top';

/** What the chosen jobs were run with, field by field where they differ. */
export default function ComparePage(): JSX.Element {
  const api = useApi();
  const [parameters] = useSearchParams<{ id?: string | string[] }>();
  const ids = (): string[] => [parameters.id ?? []].flat();
  const [comparison, setComparison] = createSignal<Comparison>();
  const [fault, setFault] = createSignal<string | null>(null);
  useTitle(() => 'Compare');
  createEffect(
    on(ids, (asked) => {
      let isWanted = true;
      onCleanup(() => {
        isWanted = false;
      });
      setComparison(undefined);
      setFault(null);
      ask(api, compareJobsQuery, { ids: asked }).then(
        ({ compareJobs }) => isWanted && setComparison(compareJobs),
        (error: unknown) => isWanted && setFault(describeError(error)),
      );
    }),
  );
  return (
    <section class="space-y-4">
      <h1>Compare jobs</h1>
      <Switch fallback={<Skeleton rows={8} />}>
        <Match when={fault()}>{(message) => <Notice tone="bad">{message()}</Notice>}</Match>
        <Match when={comparison()}>{(found) => <Differences comparison={found()} />}</Match>
      </Switch>
    </section>
  );
}

function Differences(props: { readonly comparison: Comparison }): JSX.Element {
  return (
    <div class="card overflow-x-auto">
      <table class="w-full">
        <thead>
          <tr class="border-b border-line">
            <th class={HEAD} scope="col">
              Field
            </th>
            <For each={props.comparison.jobs}>
              {(job) => (
                <th class={`${CELL} text-left`} scope="col">
                  <A href={`/jobs/${encodeURIComponent(job.id)}`} class="link wrap-anywhere">
                    {job.name}
                  </A>{' '}
                  <span class="font-normal text-muted">{job.slurmJobId}</span>
                </th>
              )}
            </For>
          </tr>
        </thead>
        <tbody class="divide-y divide-line">
          <Row name="State" jobs={props.comparison.jobs}>
            {(job) => <StateBadge state={job.state} isStale={false} />}
          </Row>
          <Row name="Elapsed" jobs={props.comparison.jobs}>
            {(job) => <Elapsed job={job} />}
          </Row>
          <Row name="Submitted" jobs={props.comparison.jobs}>
            {(job) => <RelativeTime at={job.submittedAt} />}
          </Row>
          <For each={props.comparison.differences}>
            {(difference) => (
              <tr>
                <th class={HEAD} scope="row">
                  <code>{difference.field}</code>
                </th>
                <For each={difference.values}>
                  {(value) => (
                    <td class={CELL}>
                      {value === null ? (
                        <span class="text-muted">–</span>
                      ) : (
                        <code class="text-xs wrap-anywhere whitespace-pre-wrap">{value}</code>
                      )}
                    </td>
                  )}
                </For>
              </tr>
            )}
          </For>
        </tbody>
      </table>
      {props.comparison.differences.length === 0 && (
        <EmptyState title="No differences">
          <p>These jobs were run with the same commit, command, resources and options.</p>
        </EmptyState>
      )}
    </div>
  );
}

interface RowProps {
  readonly name: string;
  readonly jobs: Comparison['jobs'];
  children(job: Comparison['jobs'][number]): JSX.Element;
}

function Row(props: RowProps): JSX.Element {
  return (
    <tr>
      <th class={HEAD} scope="row">
        {props.name}
      </th>
      <For each={props.jobs}>{(job) => <td class={CELL}>{props.children(job)}</td>}</For>
    </tr>
  );
}
