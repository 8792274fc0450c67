import { For, type JSX, Show } from 'solid-js';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { recall } from './memory.ts';
import type { LaunchProject } from './operations.ts';
import { type FormState, TextInput } from './text-input.tsx';

const REFS = 'launch-refs';

interface ProjectSelectProps extends FormState {
  readonly projects: readonly LaunchProject[];
}

/** Choosing another project fills in what it was last launched with. */
export function ProjectSelect(props: ProjectSelectProps): JSX.Element {
  return (
    <Field label="Project" error={props.errors().projectId}>
      {(attributes) => (
        <select
          {...attributes}
          class="control"
          onChange={(event) => {
            const projectId = event.currentTarget.value;
            props.setForm({ ...recall(projectId), projectId });
          }}
        >
          <Show when={!props.projects.some(({ id }) => id === props.form.projectId)}>
            <option value="">Choose…</option>
          </Show>
          <For each={props.projects}>
            {(project) => (
              <option value={project.id} selected={project.id === props.form.projectId}>
                {project.name}
              </option>
            )}
          </For>
        </select>
      )}
    </Field>
  );
}

/** Which state of the project's code runs. */
export function CodeFields(props: FormState & { readonly project: LaunchProject | undefined }): JSX.Element {
  const isHead = (): boolean => props.form.gitRef.trim() === '';
  return (
    <div class="space-y-2">
      <Show when={props.project?.statusMessage}>{(message) => <Notice tone="bad">{message()}</Notice>}</Show>
      <TextInput
        {...props}
        field="gitRef"
        label="Branch, tag or commit"
        list={REFS}
        placeholder="HEAD"
        hint={isHead() && describeHead(props.project)}
      />
      <datalist id={REFS}>
        <For each={props.project?.branches}>{(branch) => <option value={branch.name} />}</For>
        <For each={props.project?.tags}>{(tag) => <option value={tag.name} label="tag" />}</For>
      </datalist>
      <label class="flex items-center gap-2" classList={{ 'text-muted': !isHead() }}>
        <input
          type="checkbox"
          checked={props.form.includeUncommitted && isHead()}
          disabled={!isHead()}
          onChange={(event) => props.setForm('includeUncommitted', event.currentTarget.checked)}
        />
        Include uncommitted changes
        <Show when={isHead() && props.project?.isDirty}>
          <span class="tone-warning shrink-0 rounded bg-tone-soft px-1.5 text-xs text-tone">there are some</span>
        </Show>
      </label>
    </div>
  );
}

function describeHead(project: LaunchProject | undefined): string {
  if (project === undefined || project.headCommit === null) return '';
  const { sha, subject } = project.headCommit;
  return `HEAD is ${sha.slice(0, 10)} of ${project.branch ?? 'no branch'}: ${subject}`;
}
