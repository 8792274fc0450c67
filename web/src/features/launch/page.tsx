import { A, useSearchParams } from '@solidjs/router';
import { createQuery } from '@urql/solid';
import { createResource, type JSX, Match, Show, Switch } from 'solid-js';
import { ask, useApi } from '../../graphql/api.ts';
import { useClusters } from '../../graphql/clusters.ts';
import { describeError } from '../../graphql/errors.ts';
import { useTitle } from '../../lib/title.ts';
import { NoCluster } from '../../ui/no-cluster.tsx';
import { EmptyState, Notice, Skeleton } from '../../ui/notice.tsx';
import { emptyForm, type FormValues, formOf } from './form.ts';
import { LaunchForm } from './launch-form.tsx';
import { recall } from './memory.ts';
import { type LaunchProject, launchProjectsQuery, originalJobQuery } from './operations.ts';

/** The form, once it is known what to fill in: from the job of `?from=`, or from the last launch of `?project=`. */
export default function LaunchPage(): JSX.Element {
  const api = useApi();
  const clusters = useClusters();
  const [parameters] = useSearchParams<{ from: string; project: string }>();
  const [projects] = createQuery({ query: launchProjectsQuery, requestPolicy: 'network-only' });
  const [original] = createResource(
    () => parameters.from,
    async (id) => {
      const { job } = await ask(api, originalJobQuery, { id });
      if (job === null) throw new Error('The job to launch again is not known.');
      return job;
    },
  );
  useTitle(() => 'Launch');

  function initialForm(available: readonly LaunchProject[]): FormValues {
    const job = original();
    if (job !== undefined) return formOf(job);
    const chosen = available.find(({ id }) => id === parameters.project) ?? available[0];
    const projectId = chosen?.id ?? '';
    const form = { ...emptyForm(), ...recall(projectId), projectId };
    if (clusters.get(form.cluster) !== undefined) return form;
    const ready = clusters.all.find(({ status }) => status === 'ONLINE') ?? clusters.all[0];
    return { ...form, cluster: ready?.name ?? '', partition: '', gpuType: '' };
  }

  return (
    <div class="mx-auto max-w-5xl space-y-4">
      <h1>Launch a job</h1>
      <Switch fallback={<Skeleton rows={8} />}>
        <Match when={projects.error ?? original.error ?? clusters.fault()}>
          {(error) => <Notice tone="bad">{describeError(error())}</Notice>}
        </Match>
        <Match when={projects.data?.projects.nodes.length === 0}>
          <div class="card">
            <EmptyState title="No project to launch from">
              <A href="/projects" class="button button-primary">
                Add a project
              </A>
            </EmptyState>
          </div>
        </Match>
        <Match when={clusters.isLoaded() && clusters.all.length === 0}>
          <div class="card">
            <NoCluster title="No cluster to launch on" />
          </div>
        </Match>
        <Match when={clusters.isLoaded() && !original.loading && projects.data?.projects.nodes}>
          {(nodes) => (
            <>
              <Show when={original()}>
                {(job) => (
                  <p class="text-muted">
                    Again from{' '}
                    <A href={`/jobs/${encodeURIComponent(job().id)}`} class="link">
                      {job().name}
                    </A>
                    {job().hasUncommittedChanges &&
                      '. It ran with uncommitted changes, which its commit alone does not have'}
                    . Its environment variables, further options and further components are not filled in.
                  </p>
                )}
              </Show>
              <LaunchForm projects={nodes()} initial={initialForm(nodes())} basedOnJobId={original()?.id ?? null} />
            </>
          )}
        </Match>
      </Switch>
    </div>
  );
}
