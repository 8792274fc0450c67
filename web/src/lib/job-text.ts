import { countNodes } from './node-count.ts';
import { formatMemory } from './size.ts';

interface Resources {
  readonly nodes: number | null;
  readonly tasks: number | null;
  readonly cpusPerTask: number | null;
  readonly memoryMb: number | null;
  readonly gpus: number | null;
  readonly gpusTotal: number | null;
  readonly gpusPerTask: number | null;
  readonly gpuType: string | null;
}

interface Gpus {
  readonly gpuType: string;
  readonly count: number;
}

interface ResourcesOfJob {
  /** What was asked for. */
  readonly resources: Resources;
  /** What Slurm gave it; null: nothing yet. Of it, null is what Slurm doesn't tell. */
  readonly allocated: {
    readonly cpus: number | null;
    readonly memoryMb: number | null;
    readonly gpus: readonly Gpus[] | null;
  } | null;
  readonly nodeList: string | null;
}

/**
 * What a job has by Slurm's word, and what it asked for where Slurm says nothing (yet), the scarcest first:
 * "4 × a100 · 2 nodes"; without GPUs "8 CPUs · 32 GB".
 */
export function describeResources({ resources: asked, allocated, nodeList }: ResourcesOfJob): string {
  const gpus = allocated?.gpus ? describeGivenGpus(allocated.gpus) : describeGpus(asked);
  const given = allocated === null || nodeList === null ? null : countNodes(nodeList);
  const nodes = given ?? asked.nodes;
  const cpus = allocated?.cpus ?? askedCpus(asked);
  const memoryMb = allocated?.memoryMb ?? asked.memoryMb;
  const parts = [
    gpus,
    nodes !== null && nodes > 1 ? `${nodes} nodes` : null,
    gpus === null && cpus !== null ? `${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}` : null,
    gpus === null && memoryMb !== null && memoryMb > 0 ? formatMemory(memoryMb) : null,
  ];
  return parts.filter((part) => part !== null).join(' · ');
}

/** "4 × a100, 1 × h100"; null: none. */
export function describeGivenGpus(gpus: readonly Gpus[]): string | null {
  return gpus.map(({ gpuType, count }) => `${count} × ${gpuType || 'GPU'}`).join(', ') || null;
}

function askedCpus({ tasks, cpusPerTask }: Resources): number | null {
  return tasks === null && cpusPerTask === null ? null : (tasks ?? 1) * (cpusPerTask ?? 1);
}

function describeGpus({ gpus, gpusTotal, gpusPerTask, gpuType }: Resources): string | null {
  const count = gpus ?? gpusTotal ?? gpusPerTask ?? 0;
  if (count === 0) return null;
  const whose = gpusTotal !== null ? ' in total' : gpusPerTask !== null ? ' per task' : '';
  return `${count} × ${gpuType ?? 'GPU'}${whose}`;
}

interface Outcome {
  readonly reason: string | null;
  readonly exitCode: number | null;
  readonly signal: number | null;
}

/** Why it waits, or how it ended: "Resources", "exit 1", "signal 9 · node went down". Empty for a plain success. */
export function describeOutcome({ reason, exitCode, signal }: Outcome): string {
  const parts = [
    exitCode !== null && exitCode !== 0 ? `exit ${exitCode}` : null,
    signal !== null && signal !== 0 ? `signal ${signal}` : null,
    reason === 'None' ? null : reason,
  ];
  return parts.filter((part) => part !== null && part !== '').join(' · ');
}
