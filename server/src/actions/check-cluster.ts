import type { Cluster } from '../clusters/index.ts';
import type { Actor } from '../domain/actor.ts';
import type { CheckStep } from '../domain/cluster-check.ts';
import { notAllowedTo } from '../domain/policy.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import type { ActionContext } from './context.ts';

export interface ClusterCheck {
  readonly cluster: Cluster;
  readonly steps: readonly CheckStep[];
}

/** Checks a cluster step by step. Logs in at most once. */
export async function checkCluster(
  { clusters }: ActionContext,
  actor: Actor,
  name: string,
): Promise<Outcome<ClusterCheck>> {
  const refused = notAllowedTo(actor, 'CHECK_CLUSTERS');
  if (refused !== null) return refused;
  const cluster = clusters.get(name);
  if (cluster === null)
    return refuse('NOT_FOUND', 'name', `There is no cluster ${JSON.stringify(name)} in clusters.yaml`);
  return done({ cluster, steps: await cluster.check() });
}
