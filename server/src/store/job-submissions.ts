import type { Selectable } from 'kysely';
import { z } from 'zod';
import { GPU_REQUEST_STYLES } from '../domain/cluster.ts';
import { type ClusterFacts, DEPENDENCY_KINDS, type Submission } from '../domain/submission.ts';
import { componentRequestsSchema } from './job-components.ts';
import { readJson } from './json.ts';
import type { JobSubmissionsTable } from './tables.ts';

type SubmissionRow = Selectable<JobSubmissionsTable>;

const listsSchema = z.object({
  environment: z.array(z.object({ name: z.string(), value: z.string() })),
  extraOptions: z.array(z.string()),
  dependsOn: z.array(z.object({ jobId: z.string(), kind: z.enum(DEPENDENCY_KINDS) })),
  components: componentRequestsSchema,
});

const factsSchema = z.object({
  slurmVersion: z.string().nullable(),
  gpuRequest: z.enum(GPU_REQUEST_STYLES),
  condaEnv: z.string().nullable(),
  prologue: z.string().nullable(),
});

export function toClusterFacts(json: string | null): ClusterFacts | null {
  return json === null ? null : readJson(json, factsSchema);
}

export function toSubmission(row: Omit<SubmissionRow, 'script' | 'cluster_facts' | 'request_digest'>): Submission {
  const lists = listsSchema.parse({
    environment: JSON.parse(row.environment),
    extraOptions: JSON.parse(row.extra_options),
    dependsOn: JSON.parse(row.depends_on),
    components: JSON.parse(row.components),
  });
  return {
    ...lists,
    isSingleton: row.is_singleton === 1,
    condaEnv: row.conda_env,
    prologue: row.prologue,
    partition: row.requested_partition,
    gitRef: row.git_ref,
    message: row.message,
  };
}

/** Every column but the script and its cluster, which are written later, and the digest, which belongs to the request. */
export function fromSubmission(
  jobId: string,
  submission: Submission,
): Omit<SubmissionRow, 'script' | 'cluster_facts' | 'request_digest'> {
  return {
    job_id: jobId,
    environment: JSON.stringify(submission.environment),
    extra_options: JSON.stringify(submission.extraOptions),
    depends_on: JSON.stringify(submission.dependsOn),
    conda_env: submission.condaEnv,
    prologue: submission.prologue,
    requested_partition: submission.partition,
    git_ref: submission.gitRef,
    components: JSON.stringify(submission.components),
    is_singleton: submission.isSingleton ? 1 : 0,
    message: submission.message,
  };
}
