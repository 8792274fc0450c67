import { createSignal, type JSX, Show } from 'solid-js';
import { createAction } from '../../graphql/action.ts';
import { nonEmptyLines } from '../../lib/lines.ts';
import { errorsByField, type FieldErrors } from '../../lib/user-errors.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { type JobDetails, updateJobMutation } from './operations.ts';

const FIELDS = ['name', 'description', 'tags'] as const;
type FieldName = (typeof FIELDS)[number];

/** Changes what people say of a job. That it has changed is shown once the server says so. */
export function EditButton(props: { readonly job: JobDetails }): JSX.Element {
  const [isOpen, setIsOpen] = createSignal(false);
  const [errors, setErrors] = createSignal<FieldErrors<FieldName>>({});
  const [update, isBusy] = createAction(updateJobMutation);

  async function save(form: HTMLFormElement): Promise<void> {
    const data = new FormData(form);
    const text = (field: FieldName): string => String(data.get(field) ?? '');
    const result = await update({
      input: {
        id: props.job.id,
        name: text('name').trim(),
        // Forms end lines with a carriage return, too.
        description: text('description').replaceAll('\r\n', '\n').trim() || null,
        tags: nonEmptyLines(text('tags')),
      },
    });
    if (result === null) return;
    const { userErrors } = result.outcome;
    setErrors(errorsByField(userErrors, FIELDS));
    if (userErrors.length === 0) setIsOpen(false);
  }

  function open(): void {
    setErrors({});
    setIsOpen(true);
  }

  return (
    <>
      <button type="button" class="button" title="Change its name, description and tags" onClick={open}>
        Edit
      </button>
      <Dialog isOpen={isOpen()} title={`Edit ${props.job.name}`} onClose={() => setIsOpen(false)}>
        <form
          class="space-y-4"
          onSubmit={(event) => {
            event.preventDefault();
            void save(event.currentTarget);
          }}
        >
          <Show when={errors().form}>{(error) => <Notice tone="bad">{error()}</Notice>}</Show>
          <Field label="Name" error={errors().name} hint="In Slurm, the job keeps the name it was submitted with.">
            {(attributes) => (
              <input {...attributes} class="control" name="name" autocomplete="off" value={props.job.name} required />
            )}
          </Field>
          <Field label="Description" error={errors().description}>
            {(attributes) => (
              <textarea
                {...attributes}
                class="control"
                name="description"
                rows="3"
                value={props.job.description ?? ''}
              />
            )}
          </Field>
          <Field label="Tags" error={errors().tags} hint="One per line.">
            {(attributes) => (
              <textarea
                {...attributes}
                class="control"
                name="tags"
                rows="3"
                spellcheck={false}
                value={props.job.tags.join('\n')}
              />
            )}
          </Field>
          <div class="flex justify-end gap-2">
            <button type="button" class="button" onClick={() => setIsOpen(false)}>
              Cancel
            </button>
            <button type="submit" class="button button-primary" disabled={isBusy()}>
              Save
            </button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
