import { useNavigate } from '@solidjs/router';
import { createEffect, createSignal, type JSX, on, Show, untrack } from 'solid-js';
import { createStore } from 'solid-js/store';
import { createAction } from '../../graphql/action.ts';
import { useClusters } from '../../graphql/clusters.ts';
import { errorsByField, type FieldErrors } from '../../lib/user-errors.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Attempt } from './attempt.ts';
import { ClusterSelect } from './cluster-select.tsx';
import { CodeFields, ProjectSelect } from './code-fields.tsx';
import { EnvironmentFields } from './environment-fields.tsx';
import { FIELDS, type Field as FieldName, type FormValues, readForm } from './form.ts';
import { remember } from './memory.ts';
import { createOffer } from './offer.ts';
import { type JobPreview, type LaunchProject, previewJobMutation, submitJobMutation } from './operations.ts';
import { Preview } from './preview.tsx';
import { ResourceFields } from './resource-fields.tsx';
import { type FormState, TextInput } from './text-input.tsx';

/** As many clusters as the server takes in one request. */
const MOST_PREVIEWED = 20;

interface LaunchFormProps {
  readonly projects: readonly LaunchProject[];
  readonly initial: FormValues;
  readonly basedOnJobId: string | null;
}

export function LaunchForm(props: LaunchFormProps): JSX.Element {
  const [form, setForm] = createStore<FormValues>(untrack(() => props.initial));
  const [errors, setErrors] = createSignal<FieldErrors<FieldName>>({});
  const [submit, isSubmitting] = createAction(submitJobMutation);
  const [preview, isPreviewing] = createAction(previewJobMutation);
  const [previews, setPreviews] = createSignal<readonly JobPreview[]>([]);
  const clusters = useClusters();
  const navigate = useNavigate();
  const attempt = new Attempt();
  const state: FormState = { form, setForm, errors };
  const offer = createOffer(() => form.cluster);

  async function launch(): Promise<void> {
    if (isSubmitting()) return;
    const reading = readForm(form);
    setErrors(reading.errors ?? {});
    if (reading.input === null) return;
    const input = { ...reading.input, basedOnJobId: props.basedOnJobId };
    const result = await submit({ input: { ...input, idempotencyKey: attempt.keyFor(input) } });
    // Without an answer it isn't known whether there is a job now: the key stays, and the next try finds out.
    if (result === null) return;
    attempt.settle();
    const { job, userErrors } = result.submitJob;
    setErrors(errorsByField(userErrors, FIELDS));
    if (job === null) return;
    remember(form);
    navigate(`/jobs/${encodeURIComponent(job.id)}`);
  }

  // What was said of other inputs doesn't hold of these.
  createEffect(
    on(
      () => JSON.stringify(form),
      () => setPreviews([]),
      { defer: true },
    ),
  );

  /** On all clusters, the chosen one first. */
  async function look(): Promise<void> {
    const reading = readForm(form);
    setErrors(reading.errors ?? {});
    setPreviews([]);
    if (reading.input === null) return;
    const others = clusters.all.map(({ name }) => name).filter((name) => name !== form.cluster);
    const asked = [form.cluster, ...others].slice(0, MOST_PREVIEWED);
    const result = await preview({ input: reading.input, clusters: asked });
    if (result === null) return;
    setErrors(errorsByField(result.previewJob.userErrors, FIELDS));
    setPreviews(result.previewJob.previews);
  }

  return (
    <form
      class="space-y-4"
      onSubmit={(event) => {
        event.preventDefault();
        void launch();
      }}
    >
      <div class="grid items-start gap-4 lg:grid-cols-2">
        <div class="space-y-4">
          <section class="card space-y-4 p-4">
            <h2>What to run</h2>
            <ProjectSelect {...state} projects={props.projects} />
            <Field label="Command" error={errors().command} hint="Runs with bash in the checked-out project.">
              {(attributes) => (
                <textarea
                  {...attributes}
                  class="control font-mono"
                  rows="4"
                  spellcheck={false}
                  placeholder="python train.py --config configs/base.yaml"
                  value={form.command}
                  onInput={(event) => setForm('command', event.currentTarget.value)}
                />
              )}
            </Field>
            <CodeFields {...state} project={props.projects.find(({ id }) => id === form.projectId)} />
            <TextInput {...state} field="name" label="Name" placeholder="Default: from the command" />
            <TextInput
              {...state}
              field="description"
              label="Description"
              placeholder="What this run is meant to show"
            />
            <Field label="Tags" error={errors().tags} hint="One per line. Lists can be narrowed to them.">
              {(attributes) => (
                <textarea
                  {...attributes}
                  class="control"
                  rows="1"
                  spellcheck={false}
                  value={form.tags}
                  onInput={(event) => setForm('tags', event.currentTarget.value)}
                />
              )}
            </Field>
          </section>
          <EnvironmentFields {...state} />
        </div>
        <div class="space-y-4">
          <section class="card space-y-4 p-4">
            <h2>Where and with what</h2>
            <ClusterSelect {...state} />
            <ResourceFields {...state} offer={offer} />
          </section>
        </div>
      </div>
      <Show when={errors().form}>{(error) => <Notice tone="bad">{error()}</Notice>}</Show>
      <Show when={previews().length > 0}>
        <Preview
          previews={previews()}
          chosen={form.cluster}
          onChoose={(cluster) => setForm({ cluster, partition: '', gpuType: '' })}
        />
      </Show>
      <div class="flex items-center justify-end gap-3">
        <Show when={Object.keys(errors()).length > 0}>
          <span class="tone-bad text-tone" role="alert">
            See the messages next to the fields.
          </span>
        </Show>
        <button
          type="button"
          class="button h-9 px-4"
          title="See the script, and what Slurm says of the job; nothing is submitted"
          disabled={isPreviewing()}
          onClick={() => void look()}
        >
          {isPreviewing() ? 'Asking…' : 'Preview'}
        </button>
        <button type="submit" class="button button-primary h-9 px-6" disabled={isSubmitting()}>
          {isSubmitting() ? 'Launching…' : 'Launch'}
        </button>
      </div>
    </form>
  );
}
