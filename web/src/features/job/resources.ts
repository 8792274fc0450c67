import { formatMinutes } from '../../lib/duration.ts';
import { describeGivenGpus } from '../../lib/job-text.ts';
import { formatMemory } from '../../lib/size.ts';
import type { JobDetails } from './operations.ts';

/** One kind of thing that a job runs with: what was asked for, and what Slurm gave. */
export interface ResourceFact {
  readonly label: string;
  /** Null: nothing was, so that the cluster's default holds. */
  readonly asked: string | null;
  /** Null: nothing yet, or it is not known. */
  readonly given: string | null;
}

type Asked = JobDetails['resources'];
type Given = NonNullable<JobDetails['allocated']>;

/** Those that were asked for or given; what says the same twice is said once. */
export function resourceFacts(asked: Asked, given: Given | null): readonly ResourceFact[] {
  const facts: readonly ResourceFact[] = [
    {
      label: 'GPUs',
      asked: askedGpus(asked),
      given: optional(given?.gpus, (gpus) => describeGivenGpus(gpus) ?? 'none'),
    },
    { label: 'Nodes', asked: askedNodes(asked), given: optional(given?.nodes.length, String) },
    { label: 'Tasks', asked: optional(asked.tasks, String), given: null },
    { label: 'CPUs per task', asked: optional(asked.cpusPerTask, String), given: null },
    { label: 'CPUs', asked: null, given: optional(given?.cpus, String) },
    { label: 'Memory', asked: optional(asked.memoryMb, askedMemory), given: optional(given?.memoryMb, formatMemory) },
    {
      label: 'Time limit',
      asked: optional(asked.timeLimitMinutes, formatMinutes),
      given: given === null ? null : (optional(given.timeLimitMinutes, formatMinutes) ?? 'none'),
    },
  ];
  return facts
    .map((fact) => (fact.asked === fact.given ? { ...fact, given: null } : fact))
    .filter((fact) => fact.asked !== null || fact.given !== null);
}

/** What was asked for, of a job or of a component of it. */
export function askedGpus({
  gpus,
  gpusTotal,
  gpusPerTask,
  gpuType,
}: Pick<Asked, 'gpus' | 'gpusTotal' | 'gpusPerTask' | 'gpuType'>): string | null {
  const type = gpuType ?? 'any type';
  if (gpusTotal !== null) return `${gpusTotal} × ${type} in total`;
  if (gpusPerTask !== null) return `${gpusPerTask} × ${type} per task`;
  if (gpus === 0) return 'none';
  return gpus === null ? null : `${gpus} × ${type} per node`;
}

function askedNodes({ nodes, maxNodes }: Asked): string | null {
  return maxNodes === null ? optional(nodes, String) : `${nodes ?? 1} to ${maxNodes}`;
}

function askedMemory(megabytes: number): string {
  return megabytes === 0 ? 'all of each node' : `${formatMemory(megabytes)} per node`;
}

function optional<T>(value: T | null | undefined, format: (value: T) => string): string | null {
  return value === null || value === undefined ? null : format(value);
}
