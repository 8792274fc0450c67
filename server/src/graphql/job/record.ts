import { encodeGlobalID } from '@pothos/plugin-relay';
import type { Job } from '../../domain/job.ts';
import type { ClusterFacts, Submission } from '../../domain/submission.ts';
import { builder } from '../builder.ts';
import type { GraphQLContext } from '../context.ts';
import { costs } from '../marks.ts';
import { JobRef } from './ref.ts';

/** Grows when a field changes its meaning or goes. */
const RECORD_VERSION = 1;

/** What is known of a job's settings besides the job itself. */
interface Parts {
  readonly project: string | null;
  readonly submission: Submission | null;
  readonly cluster: ClusterFacts | null;
}

/** All that made a run what it was: without values of variables, and without what only names this one. */
export function settingsOf(job: Job, { project, submission, cluster }: Parts) {
  return {
    project,
    gitCommit: job.gitCommit,
    gitRef: submission?.gitRef ?? null,
    hasUncommittedChanges: job.hasUncommittedChanges,
    command: job.command,
    condaEnv: submission?.condaEnv ?? cluster?.condaEnv ?? null,
    prologue: submission?.prologue ?? null,
    environmentNames: submission?.environment.map(({ name }) => name) ?? null,
    partition: submission?.partition ?? null,
    resources: { ...job.resources },
    arrayTaskId: job.arrayTaskId,
    extraOptions: submission === null ? null : [...submission.extraOptions],
    components:
      submission?.components.map(({ partition, resources, extraOptions }) => ({
        partition,
        resources: { ...resources },
        extraOptions: [...extraOptions],
      })) ?? null,
    dependsOn: submission?.dependsOn.map(({ jobId, kind }) => ({ job: encodeGlobalID('Job', jobId), kind })) ?? null,
    isSingleton: submission?.isSingleton ?? null,
    cluster: {
      name: job.clusterName,
      slurmVersion: cluster?.slurmVersion ?? null,
      prologue: cluster?.prologue ?? null,
      gpuRequest: cluster?.gpuRequest ?? null,
    },
  };
}

function recordOf(job: Job, parts: Parts, script: string | null): Record<string, unknown> {
  return {
    version: RECORD_VERSION,
    job: {
      id: encodeGlobalID('Job', job.id),
      name: job.name,
      description: job.description,
      tags: [...job.tags],
      slurmJobId: job.slurmJobId,
      basedOn: job.basedOnId === null ? null : encodeGlobalID('Job', job.basedOnId),
    },
    settings: settingsOf(job, parts),
    script,
    run: {
      state: job.state,
      exitCode: job.exitCode,
      signal: job.signal,
      attempt: job.attempt,
      partition: job.partition,
      nodeList: job.nodeList,
      allocated: job.allocated,
      submittedAt: job.submittedAt,
      startedAt: job.startedAt,
      endedAt: job.endedAt,
      workDir: job.workDir,
    },
  };
}

/** Read with the job's array, of which a task has them. */
export async function partsOf(
  { id, arrayParentId, projectId }: Job,
  { loaders }: Pick<GraphQLContext, 'loaders'>,
): Promise<Parts> {
  const submitted = arrayParentId ?? id;
  const [project, submission, cluster] = await Promise.all([
    projectId === null ? null : loaders.project.load(projectId),
    loaders.submission.load(submitted),
    loaders.clusterFacts.load(submitted),
  ]);
  return { project: project?.name ?? null, submission, cluster };
}

builder.objectField(JobRef, 'record', (t) =>
  t.field({
    type: 'JSONObject',
    nullable: true,
    description:
      'All that is known of how it was run, to explain it or to run it again: `settings` made it what it is, `script` is what Slurm got, `run` says what became of it. ' +
      'Of environment variables it has the names alone. What is not known is null. `version` is 1. Null: nothing is known of how it was submitted.',
    ...costs({ own: 60 }),
    resolve: async (job, _args, context) => {
      const { loaders, work } = context;
      const script = loaders.script.load(job.arrayParentId ?? job.id);
      const [parts, text] = await Promise.all([partsOf(job, context), script]);
      // All of a list are read at once; each is made in its turn.
      return parts.submission === null ? null : work.read(async () => recordOf(job, parts, text));
    },
  }),
);
