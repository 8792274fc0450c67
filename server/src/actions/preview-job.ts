import { ulid } from 'ulid';
import { type Cluster, isUnanswered, type PreviewAsker } from '../clusters/index.ts';
import type { UserActor } from '../domain/actor.ts';
import { notAllowedTo } from '../domain/policy.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import { type SubmitPreview, slurmJobName } from '../slurm/index.ts';
import { admittedRequest, notAvailable } from './admission.ts';
import { chooseSource } from './choose-source.ts';
import type { ActionContext } from './context.ts';
import { nameOf } from './launch-job.ts';
import type { LaunchJob, LaunchSource, SubmitJob } from './launch-request.ts';
import { byProjectOf, readRequest } from './submit-job.ts';
import { submitJobSizes } from './submit-job-sizes.ts';

/** Each of them is asked, and Slurm has to look for a place for the job there. */
export const MAX_PREVIEWED_CLUSTERS = 20;

/** What would become of a job on one cluster. */
export interface JobPreview {
  readonly clusterName: string;
  /** Null: it isn't submitted at all. */
  readonly script: string | null;
  readonly isAccepted: boolean;
  /** Why not; of one that is accepted, what else sbatch says. */
  readonly message: string | null;
  readonly estimatedStartAt: Date | null;
  readonly nodeList: string | null;
}

/**
 * Has Slurm judge a job without submitting it, on the cluster that it names, or on each of `names`. There, what stands
 * against the job on one of them is that one's verdict, and keeps no other from being asked. `signal`: nobody waits any
 * more, so what has not been asked yet isn't.
 */
export async function previewJob(
  context: ActionContext,
  actor: UserActor,
  asked: SubmitJob,
  names: readonly string[] | null,
  signal: AbortSignal,
): Promise<Outcome<readonly JobPreview[]>> {
  const refused = notAllowedTo(actor, 'CHANGE_JOBS');
  if (refused !== null) return refused;
  const tooLarge = submitJobSizes(asked);
  if (tooLarge.length > 0) return { ok: false, refusals: tooLarge };
  if (names !== null && (names.length === 0 || names.length > MAX_PREVIEWED_CLUSTERS)) {
    return refuse('INVALID_INPUT', null, `clusters has ${names.length} entries: name 1 to ${MAX_PREVIEWED_CLUSTERS}`);
  }
  const read = await readRequest(context, asked);
  if (!read.ok) return read;
  const { job, from } = read.value;
  const source = await chooseSource(from.path, job);
  if (!source.ok) return byProjectOf(asked, source);
  source.value[Symbol.dispose]();
  const { jobs } = context.reads;
  const on = (one: LaunchJob) => previewOn(context, one, from, { jobs, signal });
  if (names === null) {
    const outcome = byProjectOf(asked, await on(job));
    return outcome.ok ? done([outcome.value]) : outcome;
  }
  const previews = [...new Set(names)].map(async (cluster): Promise<JobPreview> => {
    const outcome = await on({ ...job, cluster });
    if (outcome.ok) return outcome.value;
    return notAccepted(cluster, null, outcome.refusals.map(({ message }) => message).join('\n'));
  });
  return done(await Promise.all(previews));
}

async function previewOn(
  context: ActionContext,
  asked: LaunchJob,
  from: LaunchSource,
  asker: PreviewAsker,
): Promise<Outcome<JobPreview>> {
  const admitted = await admittedRequest(context, asked);
  if (!admitted.ok) return admitted;
  const { cluster, input } = admitted.value;
  const unavailable = await notAvailable(cluster);
  if (unavailable !== null) return unavailable;
  const answered = await verdictOf(cluster, input, from, asker);
  if (!answered.ok) return answered;
  const { script, verdict } = answered.value;
  const { kind, message, startsAt, nodeList } = verdict;
  const clusterName = cluster.settings.name;
  if (kind === 'broken')
    return refuse('CLUSTER_UNAVAILABLE', 'cluster', `${clusterName} can't be asked now: ${message}`);
  if (kind === 'refused') return done(notAccepted(clusterName, script, message));
  const said = message === '' ? null : message;
  return done({ clusterName, script, isAccepted: true, message: said, estimatedStartAt: startsAt, nodeList });
}

async function verdictOf(
  { jobs, settings }: Cluster,
  input: LaunchJob,
  { fallbackName, condaEnv, prologue }: LaunchSource,
  asker: PreviewAsker,
): Promise<Outcome<{ readonly script: string; readonly verdict: SubmitPreview }>> {
  const { command, partition, resources } = input;
  const job = { id: ulid(), slurmName: slurmJobName(nameOf(input, fallbackName)), command, partition, resources };
  try {
    return done(await jobs.preview(job, { ...input, condaEnv, prologue }, asker));
  } catch (cause) {
    if (!isUnanswered(cause)) throw cause;
    return refuse('CLUSTER_UNAVAILABLE', 'cluster', `${settings.name} can't be asked now: ${cause.message}`);
  }
}

function notAccepted(clusterName: string, script: string | null, message: string): JobPreview {
  return { clusterName, script, isAccepted: false, message, estimatedStartAt: null, nodeList: null };
}
