import { setTimeout as pause } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { UserActor } from '../domain/actor.ts';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import type { Submission } from '../domain/submission.ts';
import { GitError, type JobFiles, leftOut } from '../projects/index.ts';
import { rejectedField, slurmJobName } from '../slurm/index.ts';
import type { JobReader } from '../store/index.ts';
import { admittedRequest, noCluster, notAvailable } from './admission.ts';
import { cantBeSent, chooseSource } from './choose-source.ts';
import type { ActionContext } from './context.ts';
import type { LaunchJob, LaunchSource } from './launch-request.ts';
import { differingFields, digestRequest, type RequestFields } from './request-digest.ts';
import { eachOnce } from './tags.ts';

/** A request as its sender knows it: a second one with the same key must ask for the same. */
export interface KeyedRequest {
  readonly idempotencyKey: string | null;
  readonly fields: RequestFields;
}

/** The outcome of the earlier request with this key; null: there was none. */
export async function earlierAnswer(
  jobs: JobReader,
  { user }: UserActor,
  request: KeyedRequest,
): Promise<Outcome<Job> | null> {
  const { idempotencyKey, fields } = request;
  if (idempotencyKey === null) return null;
  const earlier = await jobs.byIdempotencyKey(user.id, idempotencyKey);
  if (earlier === null) return null;
  const digest = await jobs.submissions.requestDigest(earlier.id);
  const differing = digest === null ? [] : differingFields(digest, fields);
  if (differing.length === 0) return answerFor(earlier);
  const key = `The idempotency key ${JSON.stringify(idempotencyKey)}`;
  const message = differing.includes('mutation')
    ? `${key} was already used with another mutation: use a new one`
    : `${key} was used for ${earlier.name}, with other inputs: ${differing.join(', ')}. Use a new key for another job`;
  return refuse('INVALID_INPUT', 'idempotencyKey', message);
}

/** The steps of every new job, once its fields are well formed. */
export async function launchJob(
  context: ActionContext,
  actor: UserActor,
  asked: LaunchJob,
  from: LaunchSource,
  request: KeyedRequest,
): Promise<Outcome<Job>> {
  const { reads, clusters } = context;
  const admitted = await admittedRequest(context, asked);
  if (!admitted.ok) return admitted;
  const { cluster, input } = admitted.value;
  const source = await chooseSource(from.path, { ...input, gitRef: from.commit ?? input.gitRef });
  if (!source.ok) return source;
  using files = source.value;
  // Choosing the files may have taken long.
  const now = await clusters.successor(cluster);
  const unavailable = now === null ? noCluster(context, asked.cluster) : await notAvailable(now);
  if (unavailable !== null) return unavailable;

  const id = ulid();
  const name = nameOf(input, from.fallbackName);
  const job: Job = {
    id,
    name,
    slurmName: slurmJobName(name),
    projectId: input.projectId,
    clusterName: input.cluster,
    submittedBy: actor.user.id,
    slurmJobId: null,
    state: 'SUBMITTING',
    evidence: null,
    reason: null,
    exitCode: null,
    signal: null,
    attempt: 1,
    description: input.description,
    tags: eachOnce(input.tags),
    basedOnId: input.basedOnJobId,
    isArchived: false,
    command: input.command,
    gitCommit: files.sha,
    hasUncommittedChanges: files.isDirty,
    workDir: null,
    partition: input.partition,
    resources: input.resources,
    components:
      input.components.length === 0 ? [] : [input, ...input.components].map((_, offset) => unseenComponent(offset)),
    nodeList: null,
    allocated: null,
    submittedAt: new Date(),
    startedAt: null,
    endedAt: null,
    estimatedStartAt: null,
    cancelRequestedAt: null,
    arrayParentId: null,
    arrayTaskId: null,
    number: null,
  };
  const submission: Submission = {
    environment: input.environment,
    extraOptions: input.extraOptions,
    dependsOn: input.dependsOn,
    isSingleton: input.isSingleton,
    condaEnv: from.condaEnv,
    prologue: from.prologue,
    partition: asked.partition,
    gitRef: input.gitRef,
    message: inLines(input.message, leftOut(files)),
    components: input.components,
  };
  try {
    const refused = await recorded(context, actor, { job, submission, files, request });
    if (refused !== null) return refused;
  } catch (cause) {
    if (cause instanceof GitError) return cantBeSent(from.path, input.includeUncommitted, cause);
    throw cause;
  }

  const answered = clusters.submit(input.cluster, id);
  const deadline = new AbortController();
  await Promise.race([
    answered,
    pause(input.waitSeconds * 1000, undefined, { signal: deadline.signal, ref: false }).catch(() => undefined),
  ]);
  deadline.abort();
  return answerFor((await reads.jobs.get(id)) ?? job);
}

interface Launch {
  readonly job: Job;
  readonly submission: Submission;
  readonly files: JobFiles;
  readonly request: KeyedRequest;
}

/**
 * Packs a job's files and records it. Null: done; else the outcome of an earlier request with its key, or a refusal. Of what
 * is not recorded, no files stay. Throws GitError.
 */
async function recorded(
  context: ActionContext,
  actor: UserActor,
  { job, submission, files, request }: Launch,
): Promise<Outcome<Job> | null> {
  const { reads, journal, clusters, staging } = context;
  // Not only at the end, because Slurm's answer may take long.
  await using _packed = await staging.pack(job.id, files).finally(() => files[Symbol.dispose]());
  try {
    return await journal.write(actor, async (writer) => {
      // Looked up again inside the transaction, where two equal requests can't both find nothing.
      const answer = await earlierAnswer(writer.jobs, actor, request);
      if (answer !== null) return answer;
      if (clusters.get(job.clusterName) === null) return noCluster(context, job.clusterName);
      const { idempotencyKey, fields } = request;
      const requestDigest = idempotencyKey === null ? null : digestRequest(fields);
      await writer.create([{ job, idempotencyKey, requestDigest, submission }]);
      return null;
    });
  } catch (cause) {
    const project = await reads.projects.get(job.projectId ?? '').catch(() => undefined);
    if (project !== null) throw cause;
    return refuse('NOT_FOUND', 'projectId', 'The project was removed while its files were being packed');
  }
}

/** A job that Slurm refused comes back as that refusal, however often its idempotency key is sent. */
function answerFor(job: Job): Outcome<Job> {
  if (job.state !== 'SUBMIT_FAILED') return done(job);
  const message = job.reason ?? 'Slurm did not accept the job';
  return refuse('SLURM_REJECTED', rejectedField(message), `Slurm did not accept the job: ${message}`);
}

/** Null: none of them has a message. */
function inLines(...messages: readonly (string | null)[]): string | null {
  return messages.filter((message) => message !== null).join('\n') || null;
}

/** The name of a job: if it has none, what it runs. */
export function nameOf({ name, command }: Pick<LaunchJob, 'name' | 'command'>, fallback: string): string {
  return name ?? (firstWord(command) || fallback);
}

function firstWord(command: string): string {
  // Of a script, the first line that does something.
  const line = command.split('\n').find((text) => !/^\s*(?:#|set\s|$)/.test(text)) ?? command;
  const words = line.trim().split(/\s+/).slice(0, 3);
  return words
    .join(' ')
    .replace(/\p{Cc}/gu, '')
    .slice(0, 60);
}
