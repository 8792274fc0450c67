import type { Clusters } from '../../clusters/index.ts';
import type { User } from '../../domain/user.ts';
import { builder } from '../builder.ts';
import { fault } from '../errors.ts';
import { untilReturned } from '../stream.ts';

const MEANING =
  'What is wrong with clusters.yaml as it stands, with line and column: an older one is in force until it is mended. ' +
  'Null: nothing is. For administrators, others get null and an error.';

builder.queryField('configurationFault', (t) =>
  t.string({
    nullable: true,
    description: MEANING,
    resolve: (_root, _args, { viewer, clusters }) => forAdministrators(viewer, clusters).configurationFault,
  }),
);

builder.subscriptionField('configurationFault', (t) =>
  t.string({
    nullable: true,
    description: `${MEANING} As it is now, then at each change.`,
    subscribe: (_root, _args, { viewer, clusters }) => {
      forAdministrators(viewer, clusters);
      return untilReturned((signal) => faults(clusters, signal));
    },
    resolve: ({ configurationFault }) => configurationFault,
  }),
);

function forAdministrators(viewer: User, clusters: Clusters): Clusters {
  if (viewer.role === 'ADMIN') return clusters;
  throw fault('FORBIDDEN', "Only an administrator may see the server's configuration");
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
