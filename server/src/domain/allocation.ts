/** The resources that Slurm allocated to a job. Slurm shows them while the job runs and keeps them afterwards. */
export interface JobAllocation {
  readonly cpus: number | null;
  /** On all nodes together, in MiB as Slurm counts them. */
  readonly memoryMb: number | null;
  /** Empty: none. Null: this cluster doesn't account for GPUs. */
  readonly gpus: readonly AllocatedGpus[] | null;
  /** In force now, whoever set it. Null: there is none. */
  readonly timeLimitSeconds: number | null;
}

export interface AllocatedGpus {
  /** Slurm's name of the type; empty if Slurm doesn't report it. */
  readonly gpuType: string;
  /** On all nodes together. */
  readonly count: number;
}

/** The sum over the components of a heterogeneous job. Null until it is known for each. */
export function allocationOf(components: readonly (JobAllocation | null)[]): JobAllocation | null {
  const known = components.filter((allocation) => allocation !== null);
  const [first] = known;
  if (first === undefined || known.length < components.length) return null;
  const sum = (values: readonly (number | null)[]) =>
    values.reduce((total, value) => (total === null || value === null ? null : total + value), 0);
  const gpus = known.map((allocation) => allocation.gpus);
  return {
    cpus: sum(known.map(({ cpus }) => cpus)),
    memoryMb: sum(known.map(({ memoryMb }) => memoryMb)),
    gpus: gpus.some((list) => list === null) ? null : byType(gpus.flatMap((list) => list ?? [])),
    timeLimitSeconds: first.timeLimitSeconds,
  };
}

function byType(gpus: readonly AllocatedGpus[]): readonly AllocatedGpus[] {
  return [...Map.groupBy(gpus, ({ gpuType }) => gpuType)].map(([gpuType, list]) => ({
    gpuType,
    count: list.reduce((total, { count }) => total + count, 0),
  }));
}
