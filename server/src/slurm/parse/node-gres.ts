import type { ClusterNode, GpuPool } from '../../domain/inventory.ts';
import { UnreadableAnswer } from '../errors.ts';
import { countByType, type Gres, parseGres } from './gres.ts';
import { Budget, MAX_DEVICES, MAX_GPU_TYPES, MAX_NODE_COUNT, MAX_NODE_TYPES } from './limits.ts';
import { countValue } from './values.ts';

type Counts = ReadonlyMap<string, number>;

/** The gres fields of a node's line. */
export interface GresFields {
  /** Gres= */
  readonly configured: string;
  /** GresUsed=, which only `--details` shows. */
  readonly used: string;
  /** AllocTRES=; contains gres only if AccountingStorageTRES lists them. */
  readonly allocatedTres: string;
}

export interface NodeOffer {
  readonly isUsable: boolean;
  readonly isObtainable: boolean;
}

export type NodeGres = Pick<ClusterNode, 'gpus' | 'allocatedGpuIndexes' | 'shards' | 'mps'>;

const SLICES = ['shard', 'mps'] as const;
const isSlice = (name: string) => SLICES.some((slice) => slice === name);

/**
 * Reads the gres of one answer's nodes: equal fields, which most nodes have, are read once, and counted for each node.
 * Throws UnreadableAnswer for more than any node, or any cluster, has.
 */
export function gresReader(): (fields: GresFields, offer: NodeOffer) => NodeGres {
  const known = new Map<string, NodeGres>();
  const devices = new Budget(MAX_DEVICES, 'devices in use and types of devices of nodes');
  const types = new Set<string>();
  const newTypes = new Budget(MAX_GPU_TYPES, 'types of GPUs');
  return ({ configured, used, allocatedTres }, offer) => {
    const tres = SLICES.some((name) => configured.includes(name)) ? allocatedTres : '';
    const key = `${offer.isUsable} ${offer.isObtainable} ${configured} ${used} ${tres}`;
    let gres = known.get(key);
    if (gres === undefined) {
      gres = nodeGres({ configured, used, allocatedTres }, offer);
      known.set(key, gres);
      for (const { gpuType } of [...gres.gpus, ...gres.shards, ...gres.mps]) {
        if (!types.has(gpuType)) newTypes.take(1);
        types.add(gpuType);
      }
    }
    devices.take(gres.allocatedGpuIndexes.length + gres.gpus.length + gres.shards.length + gres.mps.length);
    return gres;
  };
}

/** A node's GPUs, and separately the slices of them that jobs can get instead. */
function nodeGres(fields: GresFields, offer: NodeOffer): NodeGres {
  const configured = parseGres(fields.configured);
  const used = parseGres(fields.used);
  for (const { name, count } of [...configured, ...used]) {
    if (count > MAX_NODE_COUNT && (name === 'gpu' || isSlice(name))) {
      throw new UnreadableAnswer(`a node has ${count} of ${name}`);
    }
  }
  const totals = countByType(configured, 'gpu');
  const allocated = place(countByType(used, 'gpu'), totals);
  const allocatedGpuIndexes = devicesOf(used, 'gpu');

  const whole = sumOf(totals);
  const slices = (name: string): GpuPool[] => {
    const sliceTotals = countByType(configured, name);
    if (sliceTotals.size === 0) return [];
    const perGpu = whole === 0 ? 0 : sumOf(sliceTotals) / whole;
    const sliceUsed = usedSlices(name, used, fields.allocatedTres);
    // A GPU that is allocated whole takes its slices with it.
    const taken = new Map([...allocated].map(([type, gpus]) => [type, Math.ceil(gpus * perGpu)]));
    return pools(sliceTotals, place(sliceUsed, sliceTotals), taken, offer);
  };
  const sliced = new Map<string, number>();
  for (const name of SLICES) {
    for (const [type, gpus] of slicedGpus(name, configured, used, whole)) {
      sliced.set(type, (sliced.get(type) ?? 0) + gpus);
    }
  }
  return {
    gpus: pools(totals, allocated, sliced, offer),
    allocatedGpuIndexes,
    shards: slices('shard'),
    mps: slices('mps'),
  };
}

/** `blocked`: idle by Slurm's count, but unavailable, because another kind of gres uses the device. */
function pools(totals: Counts, allocated: Counts, blocked: Counts, offer: NodeOffer): GpuPool[] {
  if (totals.size > MAX_NODE_TYPES) throw new UnreadableAnswer(`a node has ${totals.size} types of GPUs`);
  const free = new Map([...totals].map(([type, total]) => [type, total - (allocated.get(type) ?? 0)]));
  const notToBeHad = place(blocked, free);
  return [...totals].map(([gpuType, total]) => {
    const left = free.get(gpuType) ?? 0;
    return {
      gpuType,
      total,
      allocated: total - left,
      idle: offer.isUsable ? left : 0,
      unavailable: offer.isUsable ? 0 : left,
      obtainable: offer.isObtainable ? left - (notToBeHad.get(gpuType) ?? 0) : 0,
    };
  });
}

/**
 * Assigns the counts of one list to the types of another, never more than fit: each to its own type, and the rest to
 * types with room. Slurm may show types in one list and not in the other.
 */
function place(amounts: Counts, room: Counts): Counts {
  const placed = new Map<string, number>();
  let left = 0;
  for (const [type, amount] of amounts) {
    const here = Math.min(amount, room.get(type) ?? 0);
    if (here > 0) placed.set(type, here);
    left += amount - here;
  }
  for (const [type, most] of room) {
    const before = placed.get(type) ?? 0;
    const here = Math.min(left, most - before);
    if (here > 0) placed.set(type, before + here);
    left -= here;
  }
  return placed;
}

/** In 22.05, GresUsed counts the devices of slices, not the slices; AllocTRES, if it has them, counts slices. */
function usedSlices(name: string, used: readonly Gres[], allocatedTres: string): Counts {
  const counts = countByType(used, name);
  const start = `gres/${name}=`;
  const entry = allocatedTres.split(',').find((one) => one.startsWith(start));
  const told = countValue(entry?.slice(start.length) ?? '') ?? 0;
  const more = Math.min(told, MAX_NODE_COUNT) - sumOf(counts);
  const [first = ['', 0]] = [...counts].filter(([, count]) => count > 0);
  return more > 0 ? new Map([...counts, [first[0], first[1] + more]]) : counts;
}

/** GPUs, by type, of which a slice is in use: none of them can be allocated whole. */
function slicedGpus(name: string, configured: readonly Gres[], used: readonly Gres[], gpus: number): Counts {
  const perGpu = Math.max(1, sumOf(countByType(configured, name)) / Math.max(1, gpus));
  const counts = new Map<string, number>();
  for (const entry of used) {
    if (entry.name !== name) continue;
    const devices = entry.devices.length > 0 ? entry.devices.length : Math.ceil(entry.count / perGpu);
    counts.set(entry.type, (counts.get(entry.type) ?? 0) + devices);
  }
  return counts;
}

function devicesOf(entries: readonly Gres[], name: string): readonly number[] {
  const devices = entries.flatMap((entry) => (entry.name === name ? entry.devices : []));
  return [...new Set(devices)].sort((left, right) => left - right);
}

function sumOf(counts: Counts): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}
