import type { GpuRequestStyle } from '../domain/cluster.ts';
import type { ComponentRequest, ComponentResources } from '../domain/component.ts';
import { type FurtherOption, readOption } from './further-options.ts';

/**
 * What one component is asked for with, as sbatch's options. Of those that sbatch takes once, --gres and --constraint,
 * one is made of what fields and further options say, so that neither undoes the other.
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

/** Per node in the way that the cluster wants; for GPUs in all and per task Slurm has one way, besides the type's. */
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

/** What the --gres of further options ask for, one entry each: "nvme:100". */
export function gresIn(options: readonly FurtherOption[]): string[] {
  return options.flatMap(({ name, value }) =>
    name === 'gres' && value !== null ? value.split(',').filter(Boolean) : [],
  );
}

/** The features that a constraint asks for, all of them; null: it says more than that. */
export function plainConstraint(constraint: string): string[] | null {
  return /^[\w.:=+-]+(?:&[\w.:=+-]+)*$/.test(constraint) ? constraint.split('&') : null;
}

/** What a component is asked for with as its one constraint; null: none. */
export function joinedConstraint(gpuType: string | null, own: string | null): string | null {
  if (gpuType === null || own === null) return gpuType ?? own;
  const features = plainConstraint(own);
  // What can't be joined is refused before; of an older job, its own words hold.
  if (features === null || features.includes(gpuType)) return own;
  return `${gpuType}&${own}`;
}
