import type { GpuRequestStyle } from './cluster.ts';
import type { ComponentRequest } from './component.ts';

export const DEPENDENCY_KINDS = ['AFTER', 'AFTER_OK', 'AFTER_NOT_OK', 'AFTER_ANY', 'AFTER_CORR'] as const;
export type DependencyKind = (typeof DEPENDENCY_KINDS)[number];

export interface EnvironmentVariable {
  readonly name: string;
  /** May be a secret: it reaches a file on the cluster that only its owner reads, and nothing else. */
  readonly value: string;
}

/** What of a cluster decides how a job runs there, as it was when the job's script was made. */
export interface ClusterFacts {
  readonly slurmVersion: string | null;
  readonly gpuRequest: GpuRequestStyle;
  readonly condaEnv: string | null;
  readonly prologue: string | null;
}

/** What a submission needs beside the job itself. */
export interface Submission {
  readonly environment: readonly EnvironmentVariable[];
  /** sbatch options in full, "--constraint=a100". */
  readonly extraOptions: readonly string[];
  readonly dependsOn: readonly { readonly jobId: string; readonly kind: DependencyKind }[];
  /** It runs only while no other job of the same name and user does that was submitted before. */
  readonly isSingleton: boolean;
  readonly condaEnv: string | null;
  /** Shell lines of the project; the cluster's own come from its settings. */
  readonly prologue: string | null;
  /** What was asked for; the job's own partition becomes the one that Slurm chose. */
  readonly partition: string | null;
  /** What was asked for; the job has the commit that it stood for. Null: the project's HEAD. */
  readonly gitRef: string | null;
  /**
   * What there is to tell about how it was taken, in lines: what isn't used of its #SBATCH lines, files that weren't sent,
   * sbatch's own words beside the job's number. Null: nothing.
   */
  readonly message: string | null;
  /** Those of a heterogeneous job behind the first, which is asked for like every other job. */
  readonly components: readonly ComponentRequest[];
}
