import type { GpuRequestStyle } from '../domain/cluster.ts';
import type { ComponentRequest, ComponentResources } from '../domain/component.ts';
import { type FurtherOption, readOption } from './further-options.ts';

/**
 * The request of one component as sbatch's options. sbatch takes --gres and --constraint only once, so those of fields
 * and of further options are joined.
 */
export function componentOptions(
  { partition, resources, extraOptions }: ComponentRequest,
  style: GpuRequestStyle,
): string[] {
  const gpus = gpuRequest(resources, style);
  const options = extraOptions.flatMap((option) => readOption(option) ?? []);
  const own = options.findLast(({ name }) => name === 'constraint')?.value ?? null;
  const gres = [gpus.gres, ...gresIn(options)].filter((one) => one !== null);
  return [
    ...option('partition', partition),
    ...option('nodes', nodeRange(resources)),
    ...option('ntasks', resources.tasks),
    ...option('cpus-per-task', resources.cpusPerTask),
    ...option('mem', resources.memoryMb === null ? null : resources.memoryMb === 0 ? '0' : `${resources.memoryMb}M`),
    ...option('constraint', joinedConstraint(gpus.constraint, own)),
    ...option('gres', gres.length === 0 ? null : gres.join(',')),
    ...gpus.others,
    ...extraOptions.filter((one) => !/^--(?:gres|constraint)=/.test(one)),
  ];
}

export function option(name: string, value: string | number | null): string[] {
  return value === null ? [] : [`--${name}=${value}`];
}

function nodeRange({ nodes, maxNodes }: ComponentResources): string | null {
  if (maxNodes === null || maxNodes === nodes) return nodes === null ? null : `${nodes}`;
  return `${nodes ?? 1}-${maxNodes}`;
}

interface GpuRequest {
  readonly gres: string | null;
  readonly constraint: string | null;
  readonly others: readonly string[];
}

/** GPUs per node as the cluster is configured; for GPUs in total and per task Slurm has only one option each. */
export function gpuRequest(resources: ComponentResources, style: GpuRequestStyle): GpuRequest {
  const { gpus, gpusTotal, gpusPerTask, gpuType } = resources;
  const none = { gres: null, constraint: null, others: [] };
  const constraint = style === 'constraint' ? gpuType : null;
  const typed = (count: number) => (gpuType === null || style === 'constraint' ? `${count}` : `${gpuType}:${count}`);
  if (gpusTotal !== null) return { ...none, constraint, others: [`--gpus=${typed(gpusTotal)}`] };
  if (gpusPerTask !== null) return { ...none, constraint, others: [`--gpus-per-task=${typed(gpusPerTask)}`] };
  if (gpus === null || gpus === 0) return none;
  if (style === 'gpus') return { ...none, others: [`--gpus-per-node=${typed(gpus)}`] };
  return { ...none, constraint, gres: `gpu:${typed(gpus)}` };
}

/** The entries of --gres in further options: "nvme:100". */
export function gresIn(options: readonly FurtherOption[]): string[] {
  return options.flatMap(({ name, value }) =>
    name === 'gres' && value !== null ? value.split(',').filter(Boolean) : [],
  );
}

/** The features that a constraint joins by "&"; null: it is more complex. */
export function plainConstraint(constraint: string): string[] | null {
  return /^[\w.:=+-]+(?:&[\w.:=+-]+)*$/.test(constraint) ? constraint.split('&') : null;
}

/** The one constraint of a component; null: none. */
export function joinedConstraint(gpuType: string | null, own: string | null): string | null {
  if (gpuType === null || own === null) return gpuType ?? own;
  const features = plainConstraint(own);
  // What can't be joined was refused before; an older job keeps its own constraint.
  if (features === null || features.includes(gpuType)) return own;
  return `${gpuType}&${own}`;
}
