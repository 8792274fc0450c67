import type { Cluster } from '../clusters/index.ts';
import { arrayTaskIds } from '../domain/array-spec.ts';
import type { ComponentRequest } from '../domain/component.ts';
import { isArray } from '../domain/job.ts';
import { done, type Outcome, type Refusal, refusal, refuse } from '../domain/refusal.ts';
import { constraintConflict, faultInOption, MAX_OPTIONS_BYTES, optionsSize } from '../slurm/index.ts';
import { gpuTypesNotAllowed } from './allowed-gpu-types.ts';
import type { ActionContext } from './context.ts';
import { withDefaultPartition } from './default-partition.ts';
import { componentPath } from './fields.ts';
import type { LaunchJob } from './launch-request.ts';

/** A request that nothing stands against but what Slurm says. */
export interface Admitted {
  readonly cluster: Cluster;
  /** With the default partition, where the cluster's configuration depends on it. */
  readonly input: LaunchJob;
}

/** Checks a request whose fields are well formed against its cluster's configuration, and against the jobs it names. */
export async function admittedRequest(context: ActionContext, asked: LaunchJob): Promise<Outcome<Admitted>> {
  const cluster = context.clusters.get(asked.cluster);
  if (cluster === null) return noCluster(context, asked.cluster);
  // The cluster is also asked for its default partition.
  await cluster.wanted();
  const placed = await withDefaultPartition(cluster, asked);
  if (!placed.ok) return placed;
  const input = placed.value;
  const refusals = [...(await notAllowed(cluster, input)), ...(await danglingReferences(context, input))];
  return refusals.length > 0 ? { ok: false, refusals } : done({ cluster, input });
}

/** Null: the cluster can be reached. */
export async function notAvailable(cluster: Cluster): Promise<Outcome<never> | null> {
  await cluster.wanted();
  const { health, settings } = cluster;
  if (health.status !== 'UNREACHABLE' && health.status !== 'AUTH_REQUIRED') return null;
  const why = health.message ?? health.status;
  return refuse('CLUSTER_UNAVAILABLE', 'cluster', `${settings.name} can't accept jobs now: ${why}`);
}

export function noCluster({ clusters }: ActionContext, name: string): Outcome<never> {
  const names = clusters.all().map(({ settings }) => settings.name);
  return refuse('NOT_FOUND', 'cluster', `There is no cluster ${JSON.stringify(name)}: ${listed(names)}`);
}

/** What the cluster's configuration forbids. */
async function notAllowed(cluster: Cluster, input: LaunchJob): Promise<Refusal[]> {
  const { settings, maxArraySize } = cluster;
  const last = arrayTaskIds(input.resources.array ?? '')?.at(-1) ?? 0;
  const message = `array goes up to ${last}, and Slurm on ${settings.name} counts to ${(maxArraySize ?? 0) - 1} (MaxArraySize)`;
  const components = [input, ...input.components];
  const size = optionsSize(input, settings.gpuRequest);
  if (size > MAX_OPTIONS_BYTES) {
    const what = `the sbatch options of all components have ${size} bytes, quoted for the shell`;
    return [refusal('INVALID_INPUT', 'extraOptions', `${what}: at most ${MAX_OPTIONS_BYTES} are allowed`)];
  }
  return [
    ...(maxArraySize !== null && last >= maxArraySize ? [refusal('INVALID_INPUT', 'array', message)] : []),
    ...components.flatMap((component, index) => componentNotAllowed(settings, component, componentPath(index))),
    ...(await gpuTypesNotAllowed(cluster, components)),
  ];
}

/** `path`: where the component stands in the input. */
function componentNotAllowed(
  { name, allowedPartitions, gpuRequest }: Cluster['settings'],
  component: ComponentRequest,
  path: readonly string[],
): Refusal[] {
  const refusals: Refusal[] = [];
  // The first one is enough.
  const other = component.partition?.split(',').find((one) => allowedPartitions?.includes(one) === false);
  if (allowedPartitions !== undefined && other !== undefined) {
    const message = `Partition ${JSON.stringify(other)} isn't allowed on ${name}: ${listed(allowedPartitions)}`;
    refusals.push(refusal('PARTITION_NOT_ALLOWED', [...path, 'partition'], message));
  }
  // Those of an older job are resubmitted as they were stored, maybe before there was the rule.
  const [fault] = component.extraOptions.map(faultInOption).filter((found) => found !== null);
  if (fault !== undefined) refusals.push(refusal('INVALID_INPUT', [...path, 'extraOptions'], fault));
  const conflict = constraintConflict(component, gpuRequest);
  if (conflict !== null) refusals.push(refusal('INVALID_INPUT', [...path, 'extraOptions'], conflict));
  return refusals;
}

/** Jobs that the request names and can't refer to. */
async function danglingReferences({ reads }: ActionContext, input: LaunchJob): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  if (input.basedOnJobId !== null && (await reads.jobs.get(input.basedOnJobId)) === null) {
    refusals.push(refusal('NOT_FOUND', 'basedOnJobId', 'Job not found'));
  }
  const dependencies = await reads.jobs.getMany(input.dependsOn.map(({ jobId }) => jobId));
  for (const [index, dependency] of dependencies.entries()) {
    if (dependency === null) refusals.push(refusal('NOT_FOUND', 'dependsOn', 'Job not found'));
    else if (dependency.clusterName !== input.cluster) {
      const message = `${dependency.name} is a job of ${dependency.clusterName}: a job can only wait for jobs on the same cluster`;
      refusals.push(refusal('INVALID_INPUT', 'dependsOn', message));
    } else if (dependency.slurmJobId === null) {
      const message = `${dependency.name} has no Slurm job id (${dependency.state}), so other jobs can't wait for it`;
      refusals.push(refusal('WRONG_STATE', 'dependsOn', message));
    } else if (
      input.dependsOn[index]?.kind === 'AFTER_CORR' &&
      (!isArray(dependency) || input.resources.array === null)
    ) {
      const message = `AFTER_CORR compares the tasks of two arrays, and ${isArray(dependency) ? 'this job' : dependency.name} is none`;
      refusals.push(refusal('INVALID_INPUT', 'dependsOn', message));
    }
  }
  return refusals;
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'there are none' : `choose one of ${names.join(', ')}`;
}
