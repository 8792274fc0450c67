import { createQuery } from '@urql/solid';
import Plus from 'lucide-solid/icons/plus';
import { createSignal, For, type JSX, Match, Show, Switch } from 'solid-js';
import { createAction } from '../../graphql/action.ts';
import { useClusters } from '../../graphql/clusters.ts';
import { describeError } from '../../graphql/errors.ts';
import { useTitle } from '../../lib/title.ts';
import type { UserError } from '../../lib/user-errors.ts';
import { whileVisible } from '../../lib/while-visible.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { EmptyState, Notice, Skeleton } from '../../ui/notice.tsx';
import { addProjectMutation, projectsQuery, REFRESH_MS } from './operations.ts';
import { ProjectCard } from './project-card.tsx';
import { type ProjectFields, ProjectForm } from './project-form.tsx';

export default function ProjectsPage(): JSX.Element {
  const [result, refetch] = createQuery({ query: projectsQuery, requestPolicy: 'cache-and-network' });
  const clusters = useClusters();
  const [isAdding, setIsAdding] = createSignal(false);
  const [add, isBusy] = createAction(addProjectMutation);
  useTitle(() => 'Projects');

  whileVisible(REFRESH_MS, reload);

  function reload(): void {
    refetch({ requestPolicy: 'network-only' });
  }

  async function addProject(fields: ProjectFields): Promise<readonly UserError[]> {
    const { path, name, condaEnv, prologue } = fields;
    const payload = await add({
      input: { path, name: name || null, condaEnv: condaEnv || null, prologue: prologue || null },
    });
    if (payload?.addProject.project) {
      setIsAdding(false);
      // An empty list mentions no project, so the cache doesn't see that it has changed.
      reload();
    }
    return payload?.addProject.userErrors ?? [];
  }

  return (
    <div class="space-y-4">
      <div class="flex items-center gap-3">
        <h1 class="grow">Projects</h1>
        <Show when={clusters.may('CHANGE_PROJECTS')}>
          <button type="button" class="button" onClick={() => setIsAdding(true)}>
            <Plus size={15} aria-hidden="true" /> Add a project
          </button>
        </Show>
      </div>
      <Show when={result.error}>{(error) => <Notice tone="bad">{describeError(error())}</Notice>}</Show>
      <Switch>
        <Match when={result.data?.projects.nodes.length === 0}>
          <div class="card">
            <EmptyState title="No projects yet">
              <p>
                A project is a git repository on the server's machine. Jobs run its code at a commit that is recorded.
              </p>
              <Show when={clusters.may('CHANGE_PROJECTS')}>
                <button type="button" class="button button-primary" onClick={() => setIsAdding(true)}>
                  Add a project
                </button>
              </Show>
            </EmptyState>
          </div>
        </Match>
        <Match when={result.data}>
          {(data) => (
            <>
              <div class="grid gap-4 md:grid-cols-2 xl:grid-cols-3">
                <For each={data().projects.nodes}>
                  {(project) => <ProjectCard project={project} onRemoved={reload} />}
                </For>
              </div>
              <Show when={data().projects.totalCount > data().projects.nodes.length}>
                <p class="text-muted">
                  {data().projects.nodes.length} of {data().projects.totalCount} projects are shown.
                </p>
              </Show>
            </>
          )}
        </Match>
        <Match when={result.error === undefined}>
          <Skeleton rows={6} />
        </Match>
      </Switch>
      <Dialog isOpen={isAdding()} title="Add a project" onClose={() => setIsAdding(false)}>
        <ProjectForm submitLabel="Add" isBusy={isBusy()} submit={addProject} onCancel={() => setIsAdding(false)} />
      </Dialog>
    </div>
  );
}
