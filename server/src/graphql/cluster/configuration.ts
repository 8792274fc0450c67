import type { Clusters } from '../../clusters/index.ts';
import type { Actor } from '../../domain/actor.ts';
import { builder } from '../builder.ts';
import { requireAllowed } from '../faults.ts';
import { untilReturned } from '../stream.ts';

const MEANING =
  'What is wrong with the current clusters.yaml, with line and column. The last valid one stays in force until it is fixed. ' +
  'Null: nothing is. For administrators; others get null and an error.';

builder.queryField('configurationFault', (t) =>
  t.string({
    nullable: true,
    description: MEANING,
    resolve: (_root, _args, { actor, clusters }) => allowed(actor, clusters).configurationFault,
  }),
);

builder.subscriptionField('configurationFault', (t) =>
  t.string({
    nullable: true,
    description: `${MEANING} Sends the current value, then every change.`,
    subscribe: (_root, _args, { actor, clusters }) => {
      allowed(actor, clusters);
      return untilReturned((signal) => faults(clusters, signal));
    },
    resolve: ({ configurationFault }) => configurationFault,
  }),
);

function allowed(actor: Actor, clusters: Clusters): Clusters {
  requireAllowed(actor, 'SEE_CONFIGURATION');
  return clusters;
}

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
