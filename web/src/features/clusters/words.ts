import { formatMemory } from '../../lib/size.ts';
import type { ClusterNode, GpuPool, TestStep } from './operations.ts';

/** The steps of a test, as `slurmql doctor` names them. */
export const STEP_LABELS = {
  SETTINGS: 'Settings',
  REACH: 'Reach',
  HOST_KEY: 'Host key',
  LOGIN: 'Login',
  SHELL: 'Shell',
  SLURM: 'Slurm commands',
  QUEUE: 'Queue',
  ACCOUNTING: 'Accounting',
  NODES: 'Nodes',
  SFTP: 'SFTP',
  GIT: 'git',
  WORKSPACE: 'Workspace',
  SUBMIT: 'Submission',
} as const satisfies Record<TestStep['name'], string>;

const OBSTACLES = {
  STATE: null,
  PARTITIONS: 'None of its partitions is up',
  CPUS: 'No CPU is free',
  MEMORY: 'No memory is free',
} as const satisfies Record<NonNullable<ClusterNode['obstacle']>, string | null>;

/** "3 of 8 free, 2 idle but not available now, 1 allocated, 2 unavailable"; free is what a job could get now. */
export function describePool({ total, allocated, idle, unavailable, obtainable }: GpuPool): string {
  const parts = [`${obtainable.toLocaleString()} of ${total.toLocaleString()} free`];
  if (idle > obtainable) parts.push(`${(idle - obtainable).toLocaleString()} idle but not available now`);
  parts.push(`${allocated.toLocaleString()} allocated`);
  if (unavailable > 0) parts.push(`${unavailable.toLocaleString()} unavailable`);
  return parts.join(', ');
}

/** "shards: 10 of 16 free"; empty where there are none. They are slices of GPUs that are counted already. */
export function describeSlices(slices: Readonly<Record<'shards' | 'mps', readonly GpuPool[]>>): string {
  const words = (['shards', 'mps'] as const).map((name) => {
    const sum = (key: 'obtainable' | 'total') => slices[name].reduce((count, pool) => count + pool[key], 0);
    return slices[name].length === 0
      ? ''
      : `${name === 'mps' ? 'MPS' : name}: ${sum('obtainable')} of ${sum('total')} free`;
  });
  return words.filter(Boolean).join(', ');
}

/** What is special about a node, in a few words: why it can't be had, or what to expect of it. Null: nothing is. */
export function noteOf(node: ClusterNode): string | null {
  if (!node.isUsable) return node.reason;
  const notes = [
    node.isPlanned ? 'Planned for a waiting job' : null,
    node.isPoweredDown ? 'Powered down, starts on demand' : null,
    node.isPoweringUp ? 'Powering up' : null,
    node.obstacle === null ? null : OBSTACLES[node.obstacle],
    node.reason,
  ].filter((note) => note !== null);
  return notes.length === 0 ? null : notes.join('. ');
}

/** A node in full, for those who hover or listen. */
export function describeNode(node: ClusterNode, pool: GpuPool | null): string {
  const { name, state, cpus, memoryMb, partitions } = node;
  const parts = [
    pool === null ? name : `${name}: ${describePool(pool)}`,
    `State ${state}`,
    noteOf(node),
    `${cpus.allocated} of ${cpus.total} CPUs allocated`,
    `${formatMemory(memoryMb.allocated)} of ${formatMemory(memoryMb.total)} memory allocated`,
    describeSlices(node),
    partitions.length === 0 ? 'In no partition' : `Partitions: ${partitions.join(', ')}`,
  ];
  return parts.filter(Boolean).join('. ');
}
