import type { UserActor } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { notAllowedTo } from '../domain/policy.ts';
import type { Project } from '../domain/project.ts';
import { done, type Outcome, type Refusal, refuse } from '../domain/refusal.ts';
import type { ActionContext } from './context.ts';
import { MOST_FAULTS } from './fields.ts';
import { earlierAnswer, type KeyedRequest, launchJob } from './launch-job.ts';
import type { LaunchJob, LaunchSource, SubmitJob } from './launch-request.ts';
import { checkSubmitJob } from './submit-job-fields.ts';
import { submitJobSizes } from './submit-job-sizes.ts';
import { takeOver } from './take-over.ts';

/**
 * Records a job and submits it. A recorded job is never lost: if Slurm has not answered after `waitSeconds`, the
 * submission continues in the background. A refusal before that leaves nothing behind.
 */
export async function submitJob(context: ActionContext, actor: UserActor, asked: SubmitJob): Promise<Outcome<Job>> {
  const refused = notAllowedTo(actor, 'CHANGE_JOBS');
  if (refused !== null) return refused;
  const tooLarge = submitJobSizes(asked);
  if (tooLarge.length > 0) return { ok: false, refusals: tooLarge };
  const request = keyedRequest(asked);
  const earlier = await earlierAnswer(context.reads.jobs, actor, request);
  if (earlier !== null) return earlier;
  const read = await readRequest(context, asked);
  if (!read.ok) return read;
  const { job, from } = read.value;
  return byProjectOf(asked, await launchJob(context, actor, job, from, request));
}

/** What a request of the right size asks for: its fields, the #SBATCH lines of its command, and its project. */
export async function readRequest(
  context: ActionContext,
  asked: SubmitJob,
): Promise<Outcome<{ readonly job: LaunchJob; readonly from: LaunchSource }>> {
  const { input, refusals, message } = takeOver(asked);
  const faults = [...checkSubmitJob(input), ...refusals];
  if (faults.length > 0) return { ok: false, refusals: faults.slice(0, MOST_FAULTS) };
  const project = await chosenProject(context, input);
  if (!project.ok) return project;
  const { id, name, path, condaEnv, prologue } = project.value;
  return done({
    job: { ...input, projectId: id, message },
    from: { path, fallbackName: name, condaEnv: input.condaEnv ?? condaEnv, prologue, commit: null },
  });
}

/** Faults of the project are those of the field by which the request names it. */
export function byProjectOf<T>({ project }: SubmitJob, outcome: Outcome<T>): Outcome<T> {
  return outcome.ok || project === null ? outcome : { ok: false, refusals: outcome.refusals.map(byName) };
}

function byName(refusal: Refusal): Refusal {
  return refusal.path.at(-1) === 'projectId' ? { ...refusal, path: ['input', 'project'] } : refusal;
}

async function chosenProject(
  { reads }: ActionContext,
  { projectId, project: name }: SubmitJob,
): Promise<Outcome<Project>> {
  if (projectId !== null && name !== null) {
    return refuse('INVALID_INPUT', 'project', 'projectId and project both name a project: set only one of them');
  }
  if (name !== null) {
    const named = await reads.projects.byName(name);
    return named === null
      ? refuse('NOT_FOUND', 'project', `There is no project named ${JSON.stringify(name)}`)
      : done(named);
  }
  if (projectId === null) return refuse('INVALID_INPUT', 'projectId', 'projectId or project is required');
  const found = await reads.projects.get(projectId);
  return found === null ? refuse('NOT_FOUND', 'projectId', 'Project not found') : done(found);
}

/** How long a request waits is not part of what it asks for; nor is the order of independent entries. */
function keyedRequest({ idempotencyKey, waitSeconds: _, environment, dependsOn, ...rest }: SubmitJob): KeyedRequest {
  const { resources, isSingleton, ...others } = rest;
  return {
    idempotencyKey,
    fields: {
      mutation: 'submitJob',
      ...others,
      ...resources,
      singleton: isSingleton,
      environment: environment.toSorted((left, right) => (left.name < right.name ? -1 : 1)),
      dependsOn: dependsOn.toSorted((left, right) => (left.jobId < right.jobId ? -1 : 1)),
    },
  };
}
