import type { Cluster } from '../clusters/index.ts';
import type { Actor } from '../domain/actor.ts';
import { notAllowedTo } from '../domain/policy.ts';
import type { Outcome } from '../domain/refusal.ts';
import { chosenCluster } from './chosen-cluster.ts';
import type { ActionContext } from './context.ts';

/** Tries to connect now, without waiting for the next attempt; also after a login that was refused. */
export function connectCluster({ clusters }: ActionContext, actor: Actor, name: string): Outcome<Cluster> {
  const refused = notAllowedTo(actor, 'CONNECT_CLUSTERS');
  if (refused !== null) return refused;
  const chosen = chosenCluster(clusters, 'name', name);
  if (!chosen.ok) return chosen;
  chosen.value.connectNow();
  return chosen;
}
