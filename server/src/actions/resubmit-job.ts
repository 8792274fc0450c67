import type { UserActor } from '../domain/actor.ts';
import { isArray, type Job } from '../domain/job.ts';
import { isActiveState, type JobState } from '../domain/job-state.ts';
import { notAllowedTo } from '../domain/policy.ts';
import { type Outcome, type Refusal, refusal, refuse } from '../domain/refusal.ts';
import type { DependencyKind, Submission } from '../domain/submission.ts';
import type { ActionContext } from './context.ts';
import { FieldCheck, MAX_NAME } from './fields.ts';
import { earlierAnswer, type KeyedRequest, launchJob } from './launch-job.ts';

export interface ResubmitJob {
  readonly id: string;
  readonly idempotencyKey: string | null;
  readonly waitSeconds: number;
}

/**
 * A new job with an old one's exact inputs: its commit, even if the branch has moved on, and its project's prologue and
 * environment as they were then. For a task of an array, that task alone.
 */
export async function resubmitJob(context: ActionContext, actor: UserActor, input: ResubmitJob): Promise<Outcome<Job>> {
  const refused = notAllowedTo(actor, 'CHANGE_JOBS');
  if (refused !== null) return refused;
  const check = new FieldCheck();
  check.characters('idempotencyKey', input.idempotencyKey, MAX_NAME);
  if (check.refusals.length === 0) check.line('idempotencyKey', input.idempotencyKey);
  check.count('waitSeconds', input.waitSeconds, 0, 300);
  if (check.refusals.length > 0) return { ok: false, refusals: check.refusals };
  const request: KeyedRequest = {
    idempotencyKey: input.idempotencyKey,
    fields: { mutation: 'resubmitJob', id: input.id },
  };
  const earlier = await earlierAnswer(context.reads.jobs, actor, request);
  if (earlier !== null) return earlier;

  const { reads } = context;
  const job = await reads.jobs.get(input.id);
  if (job === null) return refuse('NOT_FOUND', 'id', 'Job not found');
  const submission = await reads.jobs.submissions.get(job.arrayParentId ?? job.id);
  if (submission === null || job.gitCommit === null) {
    return refuse('WRONG_STATE', 'id', `What ${job.name} was submitted with is not known: use submitJob`);
  }
  if (job.hasUncommittedChanges) {
    const message = `${job.name} ran with uncommitted changes on top of ${job.gitCommit}, and they are not kept: commit what it needs and use submitJob`;
    return refuse('WRONG_STATE', 'id', message);
  }
  const project = job.projectId === null ? null : await reads.projects.get(job.projectId);
  if (project === null) {
    const message = `The project of ${job.name} has been removed: add it again with addProject, then use submitJob with gitRef ${job.gitCommit}`;
    return refuse('WRONG_STATE', 'id', message);
  }
  const waiting = await dependenciesLeft(context, submission);
  if (waiting.refusals.length > 0) return { ok: false, refusals: waiting.refusals };

  const outcome = await launchJob(
    context,
    actor,
    {
      ...submission,
      message: null,
      waitSeconds: input.waitSeconds,
      projectId: project.id,
      cluster: job.clusterName,
      name: job.name,
      description: job.description,
      tags: job.tags,
      basedOnJobId: job.id,
      command: job.command,
      includeUncommitted: false,
      resources: isArray(job) ? job.resources : { ...job.resources, array: job.arrayTaskId?.toString() ?? null },
      dependsOn: waiting.dependsOn,
    },
    {
      path: project.path,
      fallbackName: project.name,
      condaEnv: submission.condaEnv,
      prologue: submission.prologue,
      commit: job.gitCommit,
    },
    request,
  );
  // The caller gave one field, the old job, so every fault is reported there.
  if (outcome.ok) return outcome;
  return { ok: false, refusals: outcome.refusals.map((one) => refusal(one.code, 'id', one.message)) };
}

/**
 * The jobs that are still to be waited for. One that is over and fulfilled its condition is omitted, because Slurm
 * forgets such jobs; one that can no longer fulfil it is a refusal.
 */
async function dependenciesLeft(
  { reads }: ActionContext,
  { dependsOn }: Submission,
): Promise<{ readonly dependsOn: Submission['dependsOn']; readonly refusals: readonly Refusal[] }> {
  const jobs = await reads.jobs.getMany(dependsOn.map(({ jobId }) => jobId));
  const refusals: Refusal[] = [];
  const left = dependsOn.filter(({ kind }, index) => {
    const job = jobs[index] ?? null;
    if (job !== null && isActiveState(job.state)) return true;
    if (job === null || !isFulfilled(kind, job.state)) {
      const message = `It was to wait for ${job?.name ?? 'a job'} (${WANTED[kind]}), which is ${job?.state ?? 'no longer known'}: use submitJob without that dependency`;
      refusals.push(refusal('WRONG_STATE', 'id', message));
    }
    return false;
  });
  return { dependsOn: left, refusals };
}

const WANTED: Readonly<Record<DependencyKind, string>> = {
  AFTER: 'to start',
  AFTER_OK: 'to complete',
  AFTER_NOT_OK: 'to fail',
  AFTER_ANY: 'to end',
  AFTER_CORR: 'to complete, task by task',
};

/** By a job that is over (man sbatch, --dependency). */
function isFulfilled(kind: DependencyKind, state: JobState): boolean {
  // A job that never reached Slurm, or that it lost, fulfilled none of these for certain.
  if (state === 'SUBMIT_FAILED' || state === 'LOST') return false;
  switch (kind) {
    case 'AFTER':
    case 'AFTER_ANY':
      return true;
    case 'AFTER_OK':
    case 'AFTER_CORR':
      return state === 'COMPLETED';
    case 'AFTER_NOT_OK':
      return state !== 'COMPLETED';
  }
}
