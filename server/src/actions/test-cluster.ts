import type { Cluster } from '../clusters/index.ts';
import type { CheckStep } from '../domain/cluster-check.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import type { User } from '../domain/user.ts';
import type { ActionContext } from './context.ts';

export interface ClusterTest {
  readonly cluster: Cluster;
  readonly steps: readonly CheckStep[];
}

/** Goes through everything that a cluster has to offer. Logs in at most once, so it asks for an administrator. */
export async function testCluster(
  { clusters }: ActionContext,
  viewer: User,
  name: string,
): Promise<Outcome<ClusterTest>> {
  if (viewer.role !== 'ADMIN') return refuse('FORBIDDEN', null, 'Only an administrator may test a cluster');
  const cluster = clusters.get(name);
  if (cluster === null)
    return refuse('NOT_FOUND', 'name', `There is no cluster ${JSON.stringify(name)} in clusters.yaml`);
  return done({ cluster, steps: await cluster.check() });
}
