import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Cluster, isUnanswered } from '../clusters/index.ts';
import type { ClusterSettings } from '../domain/cluster.ts';
import type { ComponentRequest } from '../domain/component.ts';
import type { ClusterNode } from '../domain/inventory.ts';
import { nodeNames } from '../domain/node-list.ts';
import { type Refusal, refusal } from '../domain/refusal.ts';
import { bounded } from '../domain/text.ts';
import {
  type GpuDemand,
  gpuDemands,
  inTurns,
  MOST_NODE_NAMES,
  mayGetNode,
  Pace,
  type Reading,
} from '../slurm/index.ts';
import { componentPath } from './fields.ts';

/** Partitions, and what nodes have, change seldom. */
export const MAX_INVENTORY_AGE_MS = 10 * 60_000;

/** In a message. */
const MOST_NODES_TOLD = 3;
const MOST_TYPES_TOLD = 8;
const MOST_CHARACTERS = 100;

/** Costs between two turns of the event loop (`Pace`): a node has lists, and a demand may name thousands of nodes. */
const NODE_COST = 10;
const DEMAND_COST = 100;

/** Whether the component's partition is needed to know that it gets only GPUs of allowed types. */
export function dependsOnPartition(settings: ClusterSettings, component: ComponentRequest): boolean {
  const { allowedGpuTypes, gpuRequest } = settings;
  return allowedGpuTypes !== undefined && gpuDemands(component, gpuRequest).some(({ kind }) => kind === 'untyped');
}

/**
 * The one rule of allowed_gpu_types: however a job may get GPUs, they must be certain to be of an allowed type. The
 * cluster is asked for its nodes only where the names don't decide it. `components`: including the first one.
 */
export async function gpuTypesNotAllowed(
  cluster: Cluster,
  components: readonly ComponentRequest[],
): Promise<readonly Refusal[]> {
  const { settings } = cluster;
  if (settings.allowedGpuTypes === undefined) return [];
  const demands = components.map((component) => gpuDemands(component, settings.gpuRequest));
  let nodes: readonly ClusterNode[] = [];
  if (demands.flat().some(({ kind }) => kind !== 'type')) {
    try {
      ({ nodes } = (await cluster.inventory(MAX_INVENTORY_AGE_MS)).value);
    } catch (cause) {
      if (!isUnanswered(cause)) throw cause;
      const message = `The GPU types of ${settings.name} can't be determined now (${cause.message}): write gpuType, and use no options that choose nodes`;
      return [refusal('CLUSTER_UNAVAILABLE', 'gpuType', message)];
    }
  }
  const rule = await inTurns(GpuTypeRule.of(settings, settings.allowedGpuTypes, nodes, demands.flat()));
  const all: Refusal[] = [];
  for (const [index, component] of components.entries()) {
    // Each is compared with all nodes.
    if (index > 0) await nextTurn();
    all.push(...(await inTurns(rule.refusals(component, demands[index] ?? [], componentPath(index)))));
  }
  return all;
}

class GpuTypeRule {
  readonly #settings: ClusterSettings;
  readonly #allowed: ReadonlySet<string>;
  /** By name, each with the types of its GPUs that aren't allowed. */
  readonly #nodes = new Map<string, { readonly node: ClusterNode; readonly others: readonly string[] }>();
  /** The nodes with each feature that is demanded. */
  readonly #bearers = new Map<string, { readonly told: ToldNodes; areAllWrong: boolean }>();

  /** Compares each node once, however many demands there are. */
  static *of(
    settings: ClusterSettings,
    allowed: readonly string[],
    nodes: readonly ClusterNode[],
    demands: readonly GpuDemand[],
  ): Reading<GpuTypeRule> {
    const rule = new GpuTypeRule(settings, allowed);
    const features = new Set(demands.flatMap((demand) => (demand.kind === 'feature' ? [demand.feature] : [])));
    const pace = new Pace();
    for (const node of nodes) {
      if (pace.isDue(NODE_COST)) yield;
      rule.#add(node, features);
    }
    return rule;
  }

  private constructor(settings: ClusterSettings, allowed: readonly string[]) {
    this.#settings = settings;
    this.#allowed = new Set(allowed);
  }

  #add(node: ClusterNode, demanded: ReadonlySet<string>): void {
    const others = this.#others(node);
    this.#nodes.set(node.name, { node, others });
    for (const feature of node.features) {
      if (!demanded.has(feature)) continue;
      const bearers = this.#bearers.get(feature) ?? { told: new ToldNodes(), areAllWrong: true };
      bearers.told.add(node.name, others);
      bearers.areAllWrong &&= hasOnly(node, others);
      this.#bearers.set(feature, bearers);
    }
  }

  /** `path`: of the component in the input. */
  *refusals(
    component: ComponentRequest,
    demands: readonly GpuDemand[],
    path: readonly string[],
  ): Reading<readonly Refusal[]> {
    const reachable = demands.some(({ kind }) => kind === 'untyped') ? yield* this.#reachable(component) : null;
    const refusals = new Map<string, Refusal>();
    const pace = new Pace();
    for (const demand of demands) {
      if (pace.isDue(DEMAND_COST)) yield;
      // The first fault of an option is enough.
      const key = `${demand.kind} ${demand.asker}`;
      const message = refusals.has(key) ? null : this.#fault(demand, reachable);
      if (message === null) continue;
      const field = demand.asker.startsWith('--') ? 'extraOptions' : 'gpuType';
      refusals.set(key, refusal('GPU_TYPE_NOT_ALLOWED', [...path, field], message));
    }
    return [...refusals.values()];
  }

  /** The nodes with GPUs that aren't allowed, of those that the component may get; null: none. */
  *#reachable(component: ComponentRequest): Reading<ToldNodes | null> {
    const mayGet = mayGetNode(component, this.#settings.gpuRequest);
    const told = new ToldNodes();
    const pace = new Pace();
    for (const { node, others } of this.#nodes.values()) {
      if (pace.isDue(NODE_COST)) yield;
      if (others.length > 0 && mayGet(node)) told.add(node.name, others);
    }
    return told.isEmpty ? null : told;
  }

  /** Null: it is certain that the type is allowed. `reachable`: of the component that asks. */
  #fault(demand: GpuDemand, reachable: ToldNodes | null): string | null {
    const { name: cluster } = this.#settings;
    const { asker } = demand;
    const choice = `choose one of ${[...this.#allowed].join(', ')}`;
    switch (demand.kind) {
      case 'type':
        if (this.#allowed.has(demand.type)) return null;
        return `GPU type ${JSON.stringify(demand.type)} isn't allowed on ${cluster}: ${choice}`;
      case 'untyped': {
        if (reachable === null) return null;
        const advice = asker.startsWith('--') ? 'leave it out' : `write gpuType, and ${choice}`;
        return `${asker} could allocate GPUs that ${this.#told(reachable)}: ${advice}, or choose a partition, a --constraint or an --exclude without such nodes`;
      }
      case 'feature': {
        const bearers = this.#bearers.get(demand.feature);
        if (bearers === undefined || !bearers.areAllWrong) return null;
        return `${asker} names ${demand.feature}, a feature that only nodes have whose GPUs ${this.#told(bearers.told)}: name other features`;
      }
      case 'nodes': {
        if (demand.list === null) return `${asker} names nodes in a file, which isn't read: name them with --nodelist`;
        for (const name of nodeNames(demand.list, MOST_NODE_NAMES)) {
          const found = this.#nodes.get(name);
          if (found === undefined) {
            return `${asker} names ${JSON.stringify(bounded(name, MOST_CHARACTERS))}, which is not a known node of ${cluster}: use Slurm's names of nodes`;
          }
          if (!hasOnly(found.node, found.others)) continue;
          const told = new ToldNodes();
          told.add(name, found.others);
          return `${asker} names a node whose GPUs ${this.#told(told)}: name others`;
        }
        return null;
      }
    }
  }

  /** The types of its GPUs that aren't allowed; its features decide if GPUs have no type, or types are constraints. */
  #others({ gpus, features }: ClusterNode): readonly string[] {
    const isNamed = features.some((feature) => this.#allowed.has(feature));
    const isConstraint = this.#settings.gpuRequest === 'constraint';
    return gpus.flatMap(({ gpuType }) =>
      this.#allowed.has(gpuType) || (isNamed && (isConstraint || gpuType === '')) ? [] : [gpuType],
    );
  }

  /** "aren't allowed on alpha (h100, of n2)". */
  #told(nodes: ToldNodes): string {
    return `aren't allowed on ${this.#settings.name} (${nodes})`;
  }
}

/** Whether a node has GPUs, and none but these others. */
function hasOnly({ gpus }: ClusterNode, others: readonly string[]): boolean {
  return gpus.length > 0 && others.length === gpus.length;
}

/** The first of some nodes and their GPU types, as a message names them. */
class ToldNodes {
  readonly #names = new Set<string>();
  readonly #types = new Set<string>();
  #count = 0;
  #hasMoreTypes = false;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(name: string, types: readonly string[]): void {
    this.#count += 1;
    if (this.#names.size < MOST_NODES_TOLD) this.#names.add(name);
    if (this.#hasMoreTypes) return;
    for (const type of types) {
      if (this.#types.size < MOST_TYPES_TOLD) this.#types.add(type);
      else if (!this.#types.has(type)) this.#hasMoreTypes = true;
    }
  }

  /** "h100 and v100, of n1, n2, n3 and others". */
  toString(): string {
    const kinds = [...this.#types].map((type) => type || 'without a type');
    if (this.#hasMoreTypes) kinds.push('others');
    const more = this.#count > this.#names.size ? ' and others' : '';
    return `${kinds.join(' and ')}, of ${[...this.#names].join(', ')}${more}`;
  }
}
