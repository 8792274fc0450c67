import { A } from '@solidjs/router';
import RefreshCw from 'lucide-solid/icons/refresh-cw';
import { createSignal, type JSX, Show } from 'solid-js';
import { createAction } from '../../graphql/action.ts';
import { useClusters } from '../../graphql/clusters.ts';
import { showToast } from '../../lib/toasts.ts';
import type { UserError } from '../../lib/user-errors.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { ConfirmDialog, Dialog } from '../../ui/dialog.tsx';
import { Notice } from '../../ui/notice.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import {
  type ProjectDetails,
  removeProjectMutation,
  syncProjectMutation,
  updateProjectMutation,
} from './operations.ts';
import { type ProjectFields, ProjectForm } from './project-form.tsx';
import { UncommittedFiles } from './uncommitted-files.tsx';

const SHORT_COMMIT = 10;

export function ProjectCard(props: { readonly project: ProjectDetails; onRemoved(): void }): JSX.Element {
  const clusters = useClusters();
  return (
    <article class="card flex flex-col gap-3 p-4" aria-label={props.project.name}>
      <div class="flex flex-wrap items-start gap-2">
        <div class="min-w-0 grow">
          <h2 class="text-base wrap-anywhere">{props.project.name}</h2>
          <div class="flex min-w-0 items-center gap-1 text-muted">
            <code class="truncate">{props.project.path}</code>
            <CopyButton text={props.project.path} label="Copy the path" />
          </div>
        </div>
        <Show when={clusters.may('CHANGE_JOBS')}>
          <A href={`/launch?project=${encodeURIComponent(props.project.id)}`} class="button button-primary">
            Launch
          </A>
        </Show>
      </div>
      <Show when={props.project.statusMessage}>{(message) => <Notice tone="bad">{message()}</Notice>}</Show>
      <GitState project={props.project} />
      <Show when={clusters.may('CHANGE_PROJECTS')}>
        <Actions project={props.project} onRemoved={props.onRemoved} />
      </Show>
    </article>
  );
}

function GitState(props: { readonly project: ProjectDetails }): JSX.Element {
  return (
    <dl class="grid grid-cols-[5rem_minmax(0,1fr)] gap-y-1 [&>dt]:text-muted">
      <dt>Branch</dt>
      <dd class="flex min-w-0 flex-wrap items-center gap-2">
        <span class="min-w-0 wrap-anywhere">{props.project.branch ?? 'detached'}</span>
        <Show when={props.project.isDirty}>
          <span class="tone-warning rounded bg-tone-soft px-1.5 text-xs text-tone">uncommitted changes</span>
        </Show>
      </dd>
      <dt>Commit</dt>
      <dd class="min-w-0">
        <Show when={props.project.headCommit} fallback="nothing committed yet">
          {(commit) => (
            <>
              <div class="truncate" title={commit().subject}>
                <code>{commit().sha.slice(0, SHORT_COMMIT)}</code> {commit().subject}
              </div>
              <div class="text-muted">
                {commit().author}, <RelativeTime at={commit().committedAt} />
              </div>
            </>
          )}
        </Show>
      </dd>
      <Show when={props.project.isDirty}>
        <UncommittedFiles projectId={props.project.id} />
      </Show>
      <Show when={props.project.remoteUrl}>
        {(url) => (
          <>
            <dt>Remote</dt>
            <dd class="truncate" title={url()}>
              {url()}
            </dd>
          </>
        )}
      </Show>
      <Show when={props.project.condaEnv}>
        {(name) => (
          <>
            <dt>Conda</dt>
            <dd>{name()}</dd>
          </>
        )}
      </Show>
    </dl>
  );
}

function Actions(props: { readonly project: ProjectDetails; onRemoved(): void }): JSX.Element {
  const [isEditing, setIsEditing] = createSignal(false);
  const [isRemoving, setIsRemoving] = createSignal(false);
  const [sync, isSyncing] = createAction(syncProjectMutation);
  const [update, isUpdating] = createAction(updateProjectMutation);
  const [remove, isBusyRemoving] = createAction(removeProjectMutation);

  async function syncNow(): Promise<void> {
    const result = await sync({ input: { id: props.project.id } });
    tell(result?.syncProject.userErrors);
  }

  async function save({ path, name, condaEnv, prologue }: ProjectFields): Promise<readonly UserError[]> {
    // A path that stays isn't looked at: the repository may be away.
    const moved = path === props.project.path ? {} : { path };
    const result = await update({
      input: { id: props.project.id, name, ...moved, condaEnv: condaEnv || null, prologue: prologue || null },
    });
    if (result?.updateProject.project) setIsEditing(false);
    return result?.updateProject.userErrors ?? [];
  }

  async function removeNow(): Promise<void> {
    const result = await remove({ input: { id: props.project.id } });
    setIsRemoving(false);
    tell(result?.removeProject.userErrors);
    if (result?.removeProject.removedProjectId) props.onRemoved();
  }

  return (
    <div class="mt-auto flex flex-wrap items-center gap-1 border-t border-line pt-3">
      <span class="mr-auto text-xs text-muted max-sm:w-full">
        Read from git <RelativeTime at={props.project.syncedAt} />
      </span>
      <button type="button" class="button button-quiet" disabled={isSyncing()} onClick={() => void syncNow()}>
        <RefreshCw size={14} aria-hidden="true" /> Sync
      </button>
      <button type="button" class="button button-quiet" onClick={() => setIsEditing(true)}>
        Edit
      </button>
      <button type="button" class="button button-quiet" onClick={() => setIsRemoving(true)}>
        Remove
      </button>
      <Dialog isOpen={isEditing()} title={`Edit ${props.project.name}`} onClose={() => setIsEditing(false)}>
        <ProjectForm
          project={props.project}
          submitLabel="Save"
          isBusy={isUpdating()}
          submit={save}
          onCancel={() => setIsEditing(false)}
        />
      </Dialog>
      <ConfirmDialog
        isOpen={isRemoving()}
        title={`Remove ${props.project.name}?`}
        confirmLabel="Remove the project"
        isBusy={isBusyRemoving()}
        onConfirm={() => void removeNow()}
        onClose={() => setIsRemoving(false)}
      >
        Its jobs stay in the history, and nothing in <code>{props.project.path}</code> is touched.
      </ConfirmDialog>
    </div>
  );
}

function tell(errors: readonly { readonly message: string }[] | undefined): void {
  for (const { message } of errors ?? []) showToast('error', message);
}
