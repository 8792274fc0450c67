import { createEffect, For, type JSX, Show } from 'solid-js';
import { Field } from '../../ui/field.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import type { ClusterOffer } from './offer.ts';
import { type FormState, TextInput } from './text-input.tsx';

interface Option {
  readonly value: string;
  readonly label: string;
}

/** What is asked of Slurm; what is left empty is the cluster's default. */
export function ResourceFields(props: FormState & { readonly offer: ClusterOffer }): JSX.Element {
  const partitions = (): readonly Option[] | undefined =>
    props.offer.partitions()?.map(({ name, isDefault, state, gpus }) => {
      const free = gpus?.reduce((sum, pool) => sum + pool.obtainable, 0) ?? 0;
      const notes = [
        isDefault ? 'default' : null,
        state === null || state === 'UP' ? null : state.toLowerCase(),
        free > 0 ? `${free} GPUs free` : null,
      ].filter((note) => note !== null);
      return { value: name, label: notes.length > 0 ? `${name} – ${notes.join(', ')}` : name };
    });
  const gpuTypes = (): readonly Option[] | undefined =>
    props.offer
      .gpus()
      ?.pools.filter(({ gpuType }) => gpuType !== '')
      .map(({ gpuType, obtainable, total }) => ({
        value: gpuType,
        label: `${gpuType} – ${obtainable} of ${total} free`,
      }));
  return (
    <>
      <Show when={props.offer.fault()}>
        {(fault) => <p class="text-muted">Partitions and GPUs can't be listed now: {fault()}</p>}
      </Show>
      <Choice {...props} field="partition" label="Partition" none="The cluster's default" options={partitions()} />
      <div class="grid grid-cols-2 gap-3">
        <TextInput {...props} field="gpus" label="GPUs per node" placeholder="0" />
        <Choice
          {...props}
          field="gpuType"
          label="GPU type"
          none="Any"
          options={gpuTypes()}
          hint={
            <Show when={props.offer.gpus()}>
              {(gpus) => (
                <>
                  As of <RelativeTime at={gpus().fetchedAt} />
                </>
              )}
            </Show>
          }
        />
        <TextInput {...props} field="cpusPerTask" label="CPUs per task" placeholder="1" />
        <TextInput
          {...props}
          field="memoryMb"
          label="Memory per node (GB)"
          placeholder="64"
          hint='"all": what a node has'
        />
        <TextInput
          {...props}
          field="timeLimitMinutes"
          label="Time limit"
          placeholder="8h"
          hint="90 (minutes), 8h, 1:30:00, 2-00:00"
        />
        <TextInput {...props} field="array" label="Array" placeholder="0-9%2" />
      </div>
      <details>
        <summary class="font-medium text-muted">More options</summary>
        <div class="mt-3 grid grid-cols-2 gap-3">
          <TextInput {...props} field="nodes" label="Nodes" placeholder="1" />
          <TextInput {...props} field="maxNodes" label="Maximum nodes" placeholder="Same as nodes" />
          <TextInput {...props} field="tasks" label="Tasks" placeholder="1" />
          <TextInput {...props} field="gpusTotal" label="GPUs in total" hint="Instead of GPUs per node." />
          <TextInput {...props} field="gpusPerTask" label="GPUs per task" hint="Instead of GPUs per node." />
          <TextInput {...props} field="account" label="Account" />
          <TextInput {...props} field="qos" label="QOS" />
          <label class="col-span-2 flex items-center gap-2">
            <input
              type="checkbox"
              checked={props.form.singleton}
              onChange={(event) => props.setForm('singleton', event.currentTarget.checked)}
            />
            One at a time (singleton)
          </label>
          <Field
            class="col-span-2"
            label="Further sbatch options"
            error={props.errors().extraOptions}
            hint="One per line, as on the command line."
          >
            {(attributes) => (
              <textarea
                {...attributes}
                class="control font-mono"
                rows="2"
                spellcheck={false}
                placeholder="--constraint=a100"
                value={props.form.extraOptions}
                onInput={(event) => props.setForm('extraOptions', event.currentTarget.value)}
              />
            )}
          </Field>
        </div>
      </details>
    </>
  );
}

interface ChoiceProps extends FormState {
  readonly field: 'partition' | 'gpuType';
  readonly label: string;
  /** What an empty value means. */
  readonly none: string;
  /** Undefined or empty: not known, so anything may be typed. */
  readonly options: readonly Option[] | undefined;
  readonly hint?: JSX.Element;
}

/** One of what the cluster offers. */
function Choice(props: ChoiceProps): JSX.Element {
  const isUnknown = (value: string): boolean =>
    value !== '' && props.options?.some((option) => option.value === value) === false;
  function follow(select: HTMLSelectElement): void {
    // The browser forgets a selection whose option comes later than its value.
    createEffect(() => {
      props.options;
      select.value = props.form[props.field];
    });
  }
  return (
    <Show
      when={props.options !== undefined && props.options.length > 0}
      fallback={<TextInput {...props} placeholder={props.none} />}
    >
      <Field label={props.label} hint={props.hint} error={props.errors()[props.field]}>
        {(attributes) => (
          <select
            {...attributes}
            ref={follow}
            class="control"
            onChange={(event) => props.setForm(props.field, event.currentTarget.value)}
          >
            <option value="">{props.none}</option>
            <Show when={isUnknown(props.form[props.field])}>
              <option value={props.form[props.field]}>{props.form[props.field]} – not offered now</option>
            </Show>
            <For each={props.options}>{(option) => <option value={option.value}>{option.label}</option>}</For>
          </select>
        )}
      </Field>
    </Show>
  );
}
