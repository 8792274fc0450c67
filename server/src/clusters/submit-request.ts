import type { ClusterSettings } from '../domain/cluster.ts';
import type { Job } from '../domain/job.ts';
import type { ClusterFacts, Submission } from '../domain/submission.ts';
import { batchScript, type SubmitRequest } from '../slurm/index.ts';
import type { JobReader } from '../store/index.ts';

/** Of a job that is recorded, or is to be. */
export type SubmittedJob = Pick<Job, 'id' | 'slurmName' | 'partition' | 'resources' | 'command'>;
export type SubmittedWith = Omit<Submission, 'environment' | 'partition' | 'gitRef' | 'message'>;

/** What sbatch is asked for. `workDir`: the job's directory. */
export async function submitRequest(
  jobs: JobReader,
  { slurmName, partition, resources }: SubmittedJob,
  { dependsOn, isSingleton, extraOptions, components }: SubmittedWith,
  workDir: string,
): Promise<SubmitRequest> {
  const dependencies = await jobs.getMany(dependsOn.map(({ jobId }) => jobId));
  return {
    ...{ slurmName, workDir, partition, resources, isSingleton, extraOptions, components },
    dependsOn: dependsOn.flatMap(({ kind }, index) => {
      const slurmJobId = dependencies[index]?.slurmJobId ?? null;
      return slurmJobId === null ? [] : [{ slurmJobId, kind }];
    }),
  };
}

/** The batch script that sbatch gets. */
export function scriptOf(
  settings: ClusterSettings,
  { id, command }: Pick<Job, 'id' | 'command'>,
  { condaEnv, prologue }: Pick<Submission, 'condaEnv' | 'prologue'>,
  workDir: string,
): string {
  return batchScript({
    jobId: id,
    workDir,
    clusterPrologue: settings.prologue ?? null,
    projectPrologue: prologue,
    condaEnv: condaEnv ?? settings.condaEnv ?? null,
    command,
  });
}

/** What of the cluster is part of that. */
export function factsOf(settings: ClusterSettings, slurmVersion: string | null): ClusterFacts {
  const { gpuRequest, condaEnv, prologue } = settings;
  return { slurmVersion, gpuRequest, condaEnv: condaEnv ?? null, prologue: prologue ?? null };
}
