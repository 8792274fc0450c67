import { type Cluster, isUnanswered } from '../clusters/index.ts';
import type { ComponentRequest } from '../domain/component.ts';
import type { Inventory } from '../domain/inventory.ts';
import { done, type Outcome, refusal, refuse } from '../domain/refusal.ts';
import { dependsOnPartition, MAX_INVENTORY_AGE_MS } from './allowed-gpu-types.ts';
import { componentPath } from './fields.ts';
import type { LaunchJob } from './launch-request.ts';

/**
 * If only some partitions are allowed, a job that names none gets the cluster's default by name, if that is allowed. So
 * it can't end up elsewhere if the default changes meanwhile, or a reservation has a partition of its own. The same
 * applies if only some GPU types are allowed and the partition's nodes decide it.
 */
export async function withDefaultPartition(cluster: Cluster, input: LaunchJob): Promise<Outcome<LaunchJob>> {
  const { settings } = cluster;
  const { name: clusterName, allowedPartitions } = settings;
  const isUnnamed = (component: ComponentRequest) =>
    component.partition === null && (allowedPartitions !== undefined || dependsOnPartition(settings, component));
  const unnamed = [input, ...input.components].flatMap((component, index) =>
    isUnnamed(component) ? [[...componentPath(index), 'partition']] : [],
  );
  if (unnamed.length === 0) return done(input);
  const advice = allowedPartitions === undefined ? 'name one' : `choose one of ${allowedPartitions.join(', ')}`;
  let partitions: Inventory['partitions'];
  try {
    ({ partitions } = (await cluster.inventory(MAX_INVENTORY_AGE_MS)).value);
  } catch (cause) {
    if (!isUnanswered(cause)) throw cause;
    const message = `The default partition of ${clusterName} can't be determined now (${cause.message}): ${advice}`;
    return refuse('CLUSTER_UNAVAILABLE', unnamed[0] ?? 'partition', message);
  }
  const found = [...partitions.values()].find(({ isDefault }) => isDefault)?.name ?? null;
  if (found === null || allowedPartitions?.includes(found) === false) {
    const why = found === null ? 'has no default partition' : `has the default partition ${found}, which isn't allowed`;
    const message = `No partition was named, and ${clusterName} ${why}: ${advice}`;
    return { ok: false, refusals: unnamed.map((path) => refusal('PARTITION_NOT_ALLOWED', path, message)) };
  }
  const named = <T extends ComponentRequest>(one: T): T => (isUnnamed(one) ? { ...one, partition: found } : one);
  return done({ ...named(input), components: input.components.map(named) });
}
