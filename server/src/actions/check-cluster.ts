import type { Cluster } from '../clusters/index.ts';
import type { Actor } from '../domain/actor.ts';
import type { CheckStep } from '../domain/cluster-check.ts';
import { notAllowedTo } from '../domain/policy.ts';
import { done, type Outcome } from '../domain/refusal.ts';
import { chosenCluster } from './chosen-cluster.ts';
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
  const chosen = chosenCluster(clusters, 'name', name);
  if (!chosen.ok) return chosen;
  const cluster = chosen.value;
  return done({ cluster, steps: await cluster.check() });
}
