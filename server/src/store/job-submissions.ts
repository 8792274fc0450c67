import type { Selectable } from 'kysely';
import { z } from 'zod';
import { DEPENDENCY_KINDS, type Submission } from '../domain/submission.ts';
import { componentRequestsSchema } from './job-components.ts';
import type { JobSubmissionsTable } from './tables.ts';

type SubmissionRow = Selectable<JobSubmissionsTable>;

const listsSchema = z.object({
  environment: z.array(z.object({ name: z.string(), value: z.string() })),
  extraOptions: z.array(z.string()),
  dependsOn: z.array(z.object({ jobId: z.string(), kind: z.enum(DEPENDENCY_KINDS) })),
  components: componentRequestsSchema,
});

export function toSubmission(row: Omit<SubmissionRow, 'script' | 'request_digest'>): Submission {
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

/** Every column but the script, which is written later, and the digest, which belongs to the request. */
export function fromSubmission(
  jobId: string,
  submission: Submission,
): Omit<SubmissionRow, 'script' | 'request_digest'> {
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
