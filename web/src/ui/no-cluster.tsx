import type { JSX } from 'solid-js';
import { EmptyState } from './notice.tsx';

/** Stands where there is nothing to show, or to do, without a cluster. */
export function NoCluster(props: { readonly title?: string }): JSX.Element {
  return (
    <EmptyState title={props.title ?? 'No cluster is configured'}>
      <p>
        Add one to <code>clusters.local.yaml</code> on the server; it is read again when it changes.
      </p>
    </EmptyState>
  );
}
