import { For, type JSX, Show } from 'solid-js';
import { useClusters } from '../../graphql/clusters.ts';
import { CLUSTER_STATUSES } from '../../lib/cluster-status.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import type { FormState } from './text-input.tsx';

export function ClusterSelect(props: FormState): JSX.Element {
  const clusters = useClusters();
  const message = (): string | null | undefined => clusters.get(props.form.cluster)?.statusMessage;
  return (
    <div class="space-y-2">
      <Field label="Cluster" error={props.errors().cluster}>
        {(attributes) => (
          <select
            {...attributes}
            class="control"
            // What was chosen of one cluster's partitions and GPUs need not exist on another.
            onChange={(event) => props.setForm({ cluster: event.currentTarget.value, partition: '', gpuType: '' })}
          >
            <For each={clusters.all}>
              {(cluster) => (
                <option value={cluster.name} selected={cluster.name === props.form.cluster}>
                  {cluster.name} – {CLUSTER_STATUSES[cluster.status].label.toLowerCase()}
                </option>
              )}
            </For>
          </select>
        )}
      </Field>
      <Show when={message()}>{(text) => <Notice tone="warning">{text()}</Notice>}</Show>
    </div>
  );
}
