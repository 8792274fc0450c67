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

/** What a job asked for, the scarcest first: "4 × a100 · 2 nodes"; without GPUs "8 CPUs · 32 GB". */
export function describeResources(resources: Resources): string {
  const { nodes, tasks, cpusPerTask, memoryMb } = resources;
  const cpus = (tasks ?? 1) * (cpusPerTask ?? 1);
  const gpus = describeGpus(resources);
  const parts = [
    gpus,
    nodes !== null && nodes > 1 ? `${nodes} nodes` : null,
    gpus === null && (tasks ?? cpusPerTask) !== null ? `${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}` : null,
    gpus === null && memoryMb !== null && memoryMb > 0 ? formatMemory(memoryMb) : null,
  ];
  return parts.filter((part) => part !== null).join(' · ');
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
