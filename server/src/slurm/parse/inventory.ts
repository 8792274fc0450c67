import type { ClusterNode, ClusterPartition, GpuPool } from '../../domain/inventory.ts';
import { gpusByType } from './gres.ts';
import { durationSeconds, textValue } from './values.ts';

/** Words in a node's state that mean it takes no job now (man sinfo, NODE STATE CODES). */
const UNUSABLE = new Set([
  'DOWN',
  'DRAIN',
  'DRAINING',
  'DRAINED',
  'FAIL',
  'FAILING',
  'MAINT',
  'MAINTENANCE',
  'RESERVED',
  'NOT_RESPONDING',
  'POWERING_DOWN',
  'POWERING_UP',
  'REBOOT',
  'REBOOT_ISSUED',
  'REBOOT_REQUESTED',
  'INVAL',
  'INVALID_REG',
  'BLOCKED',
  'FUTURE',
  'UNKNOWN',
]);

/** One node a line, as `scontrol --details --oneliner show node` prints them. Lines that are no node are passed over. */
export function parseNodes(output: string): readonly ClusterNode[] {
  return output.split('\n').flatMap((line) => {
    const name = field(line, 'NodeName');
    const state = field(line, 'State');
    if (name === null || state === null) return [];
    // Up to 20.11 "DOWN*" says not responding; other marks are for power saving and reboots.
    const words = state
      .split('+')
      .flatMap((word) => (word.endsWith('*') ? [word.slice(0, -1), 'NOT_RESPONDING'] : [word]));
    const isUsable = !words.some((word) => UNUSABLE.has(word));
    return [
      {
        name,
        state: words.join('+'),
        isUsable,
        reason: reasonOf(line),
        partitions: (field(line, 'Partitions') ?? '').split(',').filter(Boolean),
        cpusTotal: Number(field(line, 'CPUTot') ?? 0),
        cpusAllocated: Number(field(line, 'CPUAlloc') ?? 0),
        gpus: pools(gpusByType(field(line, 'Gres') ?? ''), gpusByType(field(line, 'GresUsed') ?? ''), isUsable),
      },
    ];
  });
}

/** With whoever set it behind it; without, what stands before the free texts in which anything could be written. */
function reasonOf(line: string): string | null {
  const signed = /\sReason=(.*?)\s\[[^\s\]]+@[^\s\]]+\]/.exec(line)?.[1];
  const unsigned = /\sReason=(.*)$/.exec(line.split(/\s(?:Comment|Extra)=/, 1)[0] ?? '')?.[1]?.trim();
  return textValue(signed ?? unsigned ?? '');
}

function pools(total: ReadonlyMap<string, number>, used: ReadonlyMap<string, number>, isUsable: boolean): GpuPool[] {
  return [...total].map(([gpuType, count]) => {
    const allocated = Math.min(count, used.get(gpuType) ?? 0);
    const free = count - allocated;
    return {
      gpuType,
      total: count,
      allocated,
      idle: isUsable ? free : 0,
      unavailable: isUsable ? 0 : free,
    };
  });
}

/** One partition a line, as `scontrol --oneliner show partition` prints them. */
export function parsePartitions(output: string): readonly ClusterPartition[] {
  return output.split('\n').flatMap((line) => {
    const name = field(line, 'PartitionName');
    if (name === null) return [];
    return [
      {
        name,
        isDefault: field(line, 'Default') === 'YES',
        state: field(line, 'State') ?? 'UNKNOWN',
        timeLimitSeconds: durationSeconds(field(line, 'MaxTime') ?? ''),
      },
    ];
  });
}

/** The first `Key=value` of a line. Free text (Comment, Reason, Extra) stands behind the keys read here. */
function field(line: string, key: string): string | null {
  return new RegExp(`(?:^|\\s)${key}=(\\S*)`).exec(line)?.[1] ?? null;
}
