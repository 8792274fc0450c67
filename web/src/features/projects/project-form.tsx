import { createSignal, type JSX, Show } from 'solid-js';
import { errorsByField, type FieldErrors, type UserError } from '../../lib/user-errors.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import type { ProjectDetails } from './operations.ts';

const FIELDS = ['path', 'name', 'condaEnv', 'prologue'] as const;
export type ProjectFields = Record<(typeof FIELDS)[number], string>;

interface ProjectFormProps {
  /** The project that is edited; without one, a new one is described. */
  readonly project?: ProjectDetails;
  readonly submitLabel: string;
  readonly isBusy: boolean;
  /** Gives what stands against it; the form shows that at its fields. */
  submit(fields: ProjectFields): Promise<readonly UserError[]>;
  onCancel(): void;
}

export function ProjectForm(props: ProjectFormProps): JSX.Element {
  const [errors, setErrors] = createSignal<FieldErrors<keyof ProjectFields>>({});

  async function submit(form: HTMLFormElement): Promise<void> {
    const data = new FormData(form);
    const text = (name: keyof ProjectFields): string => String(data.get(name) ?? '').trim();
    const fields = { path: text('path'), name: text('name'), condaEnv: text('condaEnv'), prologue: text('prologue') };
    setErrors(errorsByField(await props.submit(fields), FIELDS));
  }

  return (
    <form
      class="space-y-4"
      onSubmit={(event) => {
        event.preventDefault();
        void submit(event.currentTarget);
      }}
    >
      <Show when={errors().form}>{(error) => <Notice tone="bad">{error()}</Notice>}</Show>
      <Field label="Path" error={errors().path} hint="A git repository on the server's machine.">
        {(attributes) => (
          <input
            {...attributes}
            class="control font-mono"
            name="path"
            placeholder="/home/ada/my-model"
            value={props.project?.path ?? ''}
            required
            autofocus={props.project === undefined}
          />
        )}
      </Field>
      <Field
        label="Name"
        error={errors().name}
        hint={props.project === undefined && 'Default: the name of the directory.'}
      >
        {(attributes) => (
          <input
            {...attributes}
            class="control"
            name="name"
            value={props.project?.name ?? ''}
            required={props.project !== undefined}
          />
        )}
      </Field>
      <Field label="Conda environment" error={errors().condaEnv} hint="Activated before the command of each job.">
        {(attributes) => (
          <input {...attributes} class="control" name="condaEnv" value={props.project?.condaEnv ?? ''} />
        )}
      </Field>
      <Field label="Prologue" error={errors().prologue} hint="Shell lines that run before the command of each job.">
        {(attributes) => (
          <textarea
            {...attributes}
            class="control font-mono"
            name="prologue"
            rows="3"
            placeholder="module load cuda"
            value={props.project?.prologue ?? ''}
          />
        )}
      </Field>
      <div class="flex justify-end gap-2">
        <button type="button" class="button" onClick={() => props.onCancel()}>
          Cancel
        </button>
        <button type="submit" class="button button-primary" disabled={props.isBusy}>
          {props.submitLabel}
        </button>
      </div>
    </form>
  );
}
