import TriangleAlert from 'lucide-solid/icons/triangle-alert';
import { createEffect, createSignal, type JSX, onCleanup, Show } from 'solid-js';
import { useApi } from '../../graphql/api.ts';
import { useClusters } from '../../graphql/clusters.ts';
import { graphql } from '../../graphql/graphql.ts';
import { openStream } from '../../graphql/stream.ts';

const configurationFaultSubscription = graphql(`
  subscription ConfigurationFault {
    configurationFault
  }
`);

/** Tells those who may know it, on whatever page, that clusters.yaml as it stands isn't in force, and why. */
export function ConfigurationBanner(): JSX.Element {
  const { socket } = useApi();
  const clusters = useClusters();
  const [fault, setFault] = createSignal<string | null>(null);
  createEffect(() => {
    if (!clusters.may('SEE_CONFIGURATION')) return;
    const stop = openStream(socket, {
      document: configurationFaultSubscription,
      variables: {},
      next: ({ configurationFault }) => setFault(configurationFault),
      isFinished: () => false,
      fault: (message) => setFault(`The state of clusters.yaml is unknown: ${message}`),
    });
    onCleanup(stop);
  });
  return (
    <Show when={fault()}>
      {(message) => (
        <div role="alert" class="tone-bad border-t border-tone/30 bg-tone-soft">
          <div class="mx-auto flex max-w-[100rem] gap-2 px-3 py-2 sm:px-5">
            <TriangleAlert size={15} class="mt-0.5 shrink-0 text-tone" aria-hidden="true" />
            <div class="min-w-0">
              <p class="font-medium text-tone">
                clusters.yaml has an error. The last valid one stays in force until it is fixed.
              </p>
              <p class="max-h-32 overflow-y-auto font-mono text-xs wrap-anywhere whitespace-pre-line">{message()}</p>
            </div>
          </div>
        </div>
      )}
    </Show>
  );
}
