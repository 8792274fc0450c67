import type { Cluster } from '../clusters/index.ts';
import type { Actor } from '../domain/actor.ts';
import type { CheckStep } from '../domain/cluster-check.ts';
import { notAllowedTo } from '../domain/policy.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import type { ActionContext } from './context.ts';

export interface ClusterTest {
  readonly cluster: Cluster;
  readonly steps: readonly CheckStep[];
}

/** Goes through everything that a cluster has to offer. Logs in at most once. */
export async function testCluster(
  { clusters }: ActionContext,
  actor: Actor,
  name: string,
): Promise<Outcome<ClusterTest>> {
  const refused = notAllowedTo(actor, 'TEST_CLUSTERS');
  if (refused !== null) return refused;
  const cluster = clusters.get(name);
  if (cluster === null)
    return refuse('NOT_FOUND', 'name', `There is no cluster ${JSON.stringify(name)} in clusters.yaml`);
  return done({ cluster, steps: await cluster.check() });
}
