import type { GpuRequestStyle } from '../domain/cluster.ts';
import type { ComponentRequest } from '../domain/component.ts';
import type { ClusterNode } from '../domain/inventory.ts';
import { nodeNames } from '../domain/node-list.ts';
import { type FurtherOption, readOption } from './further-options.ts';
import { gpuRequest, joinedConstraint, plainConstraint } from './requests.ts';

/** One way in which a component asks Slurm for GPUs, or for nodes that may have some. */
export type GpuDemand = {
  /** The source: a field such as "gpusTotal", or an option such as "--exclusive". */
  readonly asker: string;
} & (
  | { readonly kind: 'type'; readonly type: string }
  /** For GPUs of any type. */
  | { readonly kind: 'untyped' }
  | { readonly kind: 'feature'; readonly feature: string }
  /** In Slurm's syntax for lists of nodes; null: in a file on the cluster. */
  | { readonly kind: 'nodes'; readonly list: string | null }
);

/** A list of more nodes is not expanded, and counts as unreadable. */
export const MOST_NODE_NAMES = 10_000;

/** Options whose values are features of nodes. */
const FEATURE_OPTIONS: ReadonlySet<string> = new Set(['batch', 'constraint', 'prefer']);

/** Without a number of GPUs, they derive it from the number of tasks (man sbatch). */
const TASKS_PER_GPU: ReadonlySet<string> = new Set(['ntasks-per-gpu', 'ntasks-per-tres']);

/** Cores reserved for the system make a job exclusive (src/plugins/select/cons_tres/job_test.c). */
const SYSTEM_CORES: ReadonlySet<string> = new Set(['core-spec', 'thread-spec']);

/** Everything by which a component may get GPUs, or certain nodes. */
export function gpuDemands(component: ComponentRequest, style: GpuRequestStyle): readonly GpuDemand[] {
  const { resources } = component;
  const options = optionsOf(component);
  const asker = (['gpus', 'gpusTotal', 'gpusPerTask'] as const).find((field) => (resources[field] ?? 0) > 0) ?? null;
  // Slurm tries --prefer instead of the constraint, which then no longer sets the type.
  const isTyped =
    resources.gpuType !== null && !(style === 'constraint' && options.some(({ name }) => name === 'prefer'));
  const demands: GpuDemand[] = [];
  if (resources.gpuType !== null) demands.push({ kind: 'type', asker: 'gpuType', type: resources.gpuType });
  if (asker !== null && !isTyped) demands.push({ kind: 'untyped', asker });
  for (const option of options) demands.push(...optionDemands(option, asker !== null));
  return demands;
}

function optionDemands({ name, value }: FurtherOption, hasCount: boolean): readonly GpuDemand[] {
  const asker = `--${name}`;
  const text = value ?? '';
  if (FEATURE_OPTIONS.has(name)) {
    const features = new Set(text.split(/\*[^&|,()[\]]*|[&|,()[\]]/).filter(Boolean));
    return [...features].map((feature) => ({ kind: 'feature', asker, feature }));
  }
  if (name === 'gres' || name.startsWith('tres-per-')) {
    const types = new Set(text.split(',').flatMap(gpuType));
    return [...types].map((type) => (type === null ? { kind: 'untyped', asker } : { kind: 'type', asker, type }));
  }
  if (name === 'nodelist') return [{ kind: 'nodes', asker, list: text }];
  if (name === 'nodefile') return [{ kind: 'nodes', asker, list: null }];
  return takesWholeNodes(name, text) || (TASKS_PER_GPU.has(name) && !hasCount) ? [{ kind: 'untyped', asker }] : [];
}

/** The type of GPUs, or of parts of one, in "gres/shard:h100:2"; null: any; undefined: it requests something else. */
function gpuType(entry: string): readonly (string | null)[] {
  const [name = '', first, second] = entry.replace(/^gres[:/]/, '').split(/[:=]/);
  if (!/^(?:gpu|mps|shard)$/i.test(name)) return [];
  const isCount = first === undefined || (second === undefined && /^\d+[kmgtp]?$/i.test(first));
  return [isCount ? null : first];
}

/** Such a job gets all GPUs of its nodes (man sbatch, --exclusive). */
function takesWholeNodes(name: string, value: string): boolean {
  return SYSTEM_CORES.has(name) || (name === 'exclusive' && !/^(?:user|mcs|topo|oversubscribe)$/i.test(value));
}

/** Whether Slurm may give the component this node; true if that can't be decided. */
export function mayGetNode(component: ComponentRequest, style: GpuRequestStyle): (node: ClusterNode) => boolean {
  const options = optionsOf(component);
  const lastOf = (wanted: string) => options.findLast(({ name }) => name === wanted)?.value ?? null;
  const { partition, resources } = component;
  const partitions = partition === null ? null : new Set(partition.split(','));
  const excluded = new Set(nodeNames(lastOf('exclude') ?? '', MOST_NODE_NAMES));
  const constraint = joinedConstraint(gpuRequest(resources, style).constraint, lastOf('constraint'));
  // Slurm tries --prefer instead.
  const isMet = constraint === null || lastOf('prefer') !== null ? () => true : constraintTest(constraint);
  // GPUs in total or per task may all be on other nodes.
  const type = style === 'constraint' || (resources.gpus ?? 0) === 0 ? null : resources.gpuType;
  return (node) =>
    (partitions === null || node.partitions.some((one) => partitions.has(one))) &&
    !excluded.has(node.name) &&
    isMet(node.features) &&
    (type === null || node.gpus.some((pool) => pool.gpuType === type));
}

/** An expression other than "all of these" or "one of these" counts as one that any node may fulfil. */
function constraintTest(constraint: string): (features: readonly string[]) => boolean {
  const plain = plainConstraint(constraint);
  if (plain !== null) {
    const all = new Set(plain);
    // A node has each feature once. Both lists may be long.
    return (features) => features.filter((one) => all.has(one)).length === all.size;
  }
  const parts = constraint.split('|').map(plainConstraint);
  if (parts.some((part) => part?.length !== 1)) return () => true;
  const some = new Set(parts.flatMap((part) => part ?? []));
  return (features) => features.some((one) => some.has(one));
}

function optionsOf({ extraOptions }: ComponentRequest): readonly FurtherOption[] {
  return extraOptions.flatMap((one) => readOption(one) ?? []);
}
