/** What was asked of Slurm. Null: not asked for, so the cluster's default holds. */
export interface JobResources {
  /** The fewest where `maxNodes` allows more. */
  readonly nodes: number | null;
  readonly maxNodes: number | null;
  readonly tasks: number | null;
  readonly cpusPerTask: number | null;
  /** Per node, in MiB as Slurm counts them; 0: all that a node has. */
  readonly memoryMb: number | null;
  /** Per node. */
  readonly gpus: number | null;
  /** Of the whole job, instead of those per node. */
  readonly gpusTotal: number | null;
  /** Instead of those per node. */
  readonly gpusPerTask: number | null;
  readonly gpuType: string | null;
  readonly timeLimitMinutes: number | null;
  readonly account: string | null;
  readonly qos: string | null;
  /** In sbatch's own syntax, "0-9%2". */
  readonly array: string | null;
}
