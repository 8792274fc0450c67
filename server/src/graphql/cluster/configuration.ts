import type { Clusters } from '../../clusters/index.ts';
import { builder } from '../builder.ts';
import { needs } from '../marks.ts';
import { untilReturned } from '../stream.ts';

const MEANING =
  'What is wrong with the current clusters.yaml, with line and column. The last valid one stays in force until it is fixed. ' +
  'Null: nothing is. For administrators; others get null and an error.';

builder.queryField('configurationFault', (t) =>
  t.string({
    nullable: true,
    description: MEANING,
    ...needs('SEE_CONFIGURATION'),
    resolve: (_root, _args, { clusters }) => clusters.configurationFault,
  }),
);

builder.subscriptionField('configurationFault', (t) =>
  t.string({
    nullable: true,
    description: `${MEANING} Sends the current value, then every change.`,
    ...needs('SEE_CONFIGURATION'),
    subscribe: (_root, _args, { clusters }) => untilReturned((signal) => faults(clusters, signal)),
    resolve: ({ configurationFault }) => configurationFault,
  }),
);

async function* faults(
  clusters: Clusters,
  signal: AbortSignal,
): AsyncGenerator<Pick<Clusters, 'configurationFault'>, void, undefined> {
  let told: string | null | undefined;
  while (!signal.aborted) {
    const { configurationFault } = clusters;
    if (configurationFault === told) {
      await clusters.nextChange(signal);
      continue;
    }
    told = configurationFault;
    yield { configurationFault };
  }
}
