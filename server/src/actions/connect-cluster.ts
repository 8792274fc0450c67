import type { Cluster } from '../clusters/index.ts';
import type { Actor } from '../domain/actor.ts';
import { notAllowedTo } from '../domain/policy.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import type { ActionContext } from './context.ts';

/** Tries to connect now, without waiting for the next attempt; also after a login that was refused. */
export function connectCluster({ clusters }: ActionContext, actor: Actor, name: string): Outcome<Cluster> {
  const refused = notAllowedTo(actor, 'CONNECT_CLUSTERS');
  if (refused !== null) return refused;
  const cluster = clusters.get(name);
  if (cluster === null)
    return refuse('NOT_FOUND', 'name', `There is no cluster ${JSON.stringify(name)} in clusters.yaml`);
  cluster.connectNow();
  return done(cluster);
}
