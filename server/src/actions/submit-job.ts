import type { Job } from '../domain/job.ts';
import { type Outcome, refuse } from '../domain/refusal.ts';
import type { User } from '../domain/user.ts';
import type { ActionContext } from './context.ts';
import { earlierAnswer, type LaunchJob, launchJob } from './launch-job.ts';
import { checkSubmitJob } from './submit-job-fields.ts';

/**
 * Records a job and brings it to Slurm. Once it is recorded nothing loses it: what isn't through after `waitSeconds`
 * goes on in the background. Whatever is refused before that leaves nothing behind.
 */
export async function submitJob(context: ActionContext, viewer: User, input: LaunchJob): Promise<Outcome<Job>> {
  const earlier = await earlierAnswer(context, viewer, input.idempotencyKey);
  if (earlier !== null) return earlier;
  const faults = checkSubmitJob(input);
  if (faults.length > 0) return { ok: false, refusals: faults };
  const project = await context.store.projects.get(input.projectId);
  if (project === null) return refuse('NOT_FOUND', 'projectId', 'There is no such project');
  return launchJob(context, viewer, input, {
    path: project.path,
    fallbackName: project.name,
    condaEnv: input.condaEnv ?? project.condaEnv,
    prologue: project.prologue,
    commit: null,
  });
}
