import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Cluster, isUnanswered } from '../clusters/index.ts';
import type { ClusterSettings } from '../domain/cluster.ts';
import type { ComponentRequest } from '../domain/component.ts';
import type { ClusterNode } from '../domain/inventory.ts';
import { nodeNames } from '../domain/node-list.ts';
import { type Refusal, refusal } from '../domain/refusal.ts';
import { bounded } from '../domain/text.ts';
import { type GpuDemand, gpuDemands, MOST_NODE_NAMES, mayGetNode } from '../slurm/index.ts';
import { componentPath } from './fields.ts';

/** Partitions, and what nodes have, change seldom. */
export const MAX_INVENTORY_AGE_MS = 10 * 60_000;

/** In a message. */
const MOST_NODES_TOLD = 3;
const MOST_CHARACTERS = 100;

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
  const rule = new GpuTypeRule(settings, settings.allowedGpuTypes, nodes);
  const all: Refusal[] = [];
  for (const [index, component] of components.entries()) {
    // Each is compared with all nodes.
    if (index > 0) await nextTurn();
    const refusals = new Map<string, Refusal>();
    const reachable = rule.reachable(component);
    for (const demand of demands[index] ?? []) {
      // The first fault of an option is enough.
      const key = `${demand.kind} ${demand.asker}`;
      const message = refusals.has(key) ? null : rule.fault(demand, reachable);
      if (message === null) continue;
      const field = demand.asker.startsWith('--') ? 'extraOptions' : 'gpuType';
      refusals.set(key, refusal('GPU_TYPE_NOT_ALLOWED', [...componentPath(index), field], message));
    }
    all.push(...refusals.values());
  }
  return all;
}

class GpuTypeRule {
  readonly #settings: ClusterSettings;
  readonly #allowed: readonly string[];
  readonly #nodes: ReadonlyMap<string, ClusterNode>;
  readonly #bearers = new Map<string, ClusterNode[]>();

  constructor(settings: ClusterSettings, allowed: readonly string[], nodes: readonly ClusterNode[]) {
    this.#settings = settings;
    this.#allowed = allowed;
    this.#nodes = new Map(nodes.map((node) => [node.name, node]));
    for (const node of nodes) {
      for (const feature of node.features) {
        const bearers = this.#bearers.get(feature);
        if (bearers === undefined) this.#bearers.set(feature, [node]);
        else bearers.push(node);
      }
    }
  }

  /** The nodes with GPUs that aren't allowed, of those that the component may get; looked up once, when asked first. */
  reachable(component: ComponentRequest): () => readonly ClusterNode[] {
    let found: readonly ClusterNode[] | null = null;
    return () => {
      if (found !== null) return found;
      const mayGet = mayGetNode(component, this.#settings.gpuRequest);
      found = [...this.#nodes.values()].filter((node) => mayGet(node) && this.#others(node).length > 0);
      return found;
    };
  }

  /** Null: it is certain that the type is allowed. `reachable`: of the component that asks. */
  fault(demand: GpuDemand, reachable: () => readonly ClusterNode[]): string | null {
    const { name: cluster } = this.#settings;
    const { asker } = demand;
    const choice = `choose one of ${this.#allowed.join(', ')}`;
    switch (demand.kind) {
      case 'type':
        if (this.#allowed.includes(demand.type)) return null;
        return `GPU type ${JSON.stringify(demand.type)} isn't allowed on ${cluster}: ${choice}`;
      case 'untyped': {
        const found = reachable();
        if (found.length === 0) return null;
        const advice = asker.startsWith('--') ? 'leave it out' : `write gpuType, and ${choice}`;
        return `${asker} could allocate GPUs that ${this.#told(found)}: ${advice}, or choose a partition, a --constraint or an --exclude without such nodes`;
      }
      case 'feature': {
        const bearers = this.#bearers.get(demand.feature) ?? [];
        if (bearers.length === 0 || !bearers.every((node) => this.#hasOnlyOthers(node))) return null;
        return `${asker} names ${demand.feature}, a feature that only nodes have whose GPUs ${this.#told(bearers)}: name other features`;
      }
      case 'nodes': {
        if (demand.list === null) return `${asker} names nodes in a file, which isn't read: name them with --nodelist`;
        for (const name of nodeNames(demand.list, MOST_NODE_NAMES)) {
          const node = this.#nodes.get(name);
          if (node === undefined) {
            return `${asker} names ${JSON.stringify(bounded(name, MOST_CHARACTERS))}, which is not a known node of ${cluster}: use Slurm's names of nodes`;
          }
          if (this.#hasOnlyOthers(node)) return `${asker} names a node whose GPUs ${this.#told([node])}: name others`;
        }
        return null;
      }
    }
  }

  /** The types of its GPUs that aren't allowed; its features decide if GPUs have no type, or types are constraints. */
  #others({ gpus, features }: ClusterNode): readonly string[] {
    const isNamed = features.some((feature) => this.#allowed.includes(feature));
    const isConstraint = this.#settings.gpuRequest === 'constraint';
    return gpus.flatMap(({ gpuType }) =>
      this.#allowed.includes(gpuType) || (isNamed && (isConstraint || gpuType === '')) ? [] : [gpuType],
    );
  }

  #hasOnlyOthers(node: ClusterNode): boolean {
    return node.gpus.length > 0 && this.#others(node).length === node.gpus.length;
  }

  /** "aren't allowed on alpha (h100, of n2)". */
  #told(nodes: readonly ClusterNode[]): string {
    const types = new Set(nodes.flatMap((node) => this.#others(node)));
    const names = nodes.slice(0, MOST_NODES_TOLD).map(({ name }) => name);
    const more = nodes.length > names.length ? ' and others' : '';
    const kinds = [...types].map((type) => type || 'without a type').join(' and ');
    return `aren't allowed on ${this.#settings.name} (${kinds}, of ${names.join(', ')}${more})`;
  }
}
