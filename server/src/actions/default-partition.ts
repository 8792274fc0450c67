import { type Cluster, isUnanswered } from '../clusters/index.ts';
import { done, type Outcome, refusal, refuse } from '../domain/refusal.ts';
import type { LaunchJob } from './launch-job.ts';

/** Which partition is the default changes seldom. */
const MAX_AGE_MS = 10 * 60_000;

/**
 * Where only some partitions are allowed, what names none gets the cluster's default by name, if that is one of them:
 * so the job can't end up elsewhere should the default change on its way.
 */
export async function withDefaultPartition(cluster: Cluster, input: LaunchJob): Promise<Outcome<LaunchJob>> {
  const { name: clusterName, allowedPartitions } = cluster.settings;
  const unnamed = [input, ...input.components].flatMap(({ partition }, index) =>
    partition === null ? [index === 0 ? ['partition'] : ['components', String(index - 1), 'partition']] : [],
  );
  if (allowedPartitions === undefined || unnamed.length === 0) return done(input);
  const advice =
    allowedPartitions.length === 0 ? 'none is allowed there' : `choose one of ${allowedPartitions.join(', ')}`;
  let partitions: readonly { readonly name: string; readonly isDefault: boolean }[];
  try {
    ({ partitions } = (await cluster.inventory(MAX_AGE_MS)).value);
  } catch (cause) {
    if (!isUnanswered(cause)) throw cause;
    const message = `The default partition of ${clusterName} can't be asked for now (${cause.message}): ${advice}`;
    return refuse('CLUSTER_UNAVAILABLE', unnamed[0] ?? 'partition', message);
  }
  const found = partitions.find(({ isDefault }) => isDefault)?.name ?? null;
  if (found === null || !allowedPartitions.includes(found)) {
    const why = found === null ? 'has no default partition' : `has the default partition ${found}, which isn't allowed`;
    const message = `No partition was named, and ${clusterName} ${why}: ${advice}`;
    return { ok: false, refusals: unnamed.map((path) => refusal('PARTITION_NOT_ALLOWED', path, message)) };
  }
  return done({
    ...input,
    partition: input.partition ?? found,
    components: input.components.map((component) => ({ ...component, partition: component.partition ?? found })),
  });
}
