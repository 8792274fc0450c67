import { setTimeout as pause } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { Cluster } from '../clusters/index.ts';
import type { UserActor } from '../domain/actor.ts';
import { arrayTaskIds } from '../domain/array-spec.ts';
import { type ComponentRequest, unseenComponent } from '../domain/component.ts';
import { isArray, type Job } from '../domain/job.ts';
import { done, type Outcome, type Refusal, refusal, refuse } from '../domain/refusal.ts';
import type { Submission } from '../domain/submission.ts';
import { GitError, type JobFiles, leftOut } from '../projects/index.ts';
import {
  constraintConflict,
  faultInOption,
  MAX_OPTIONS_BYTES,
  optionsSize,
  rejectedField,
  slurmJobName,
} from '../slurm/index.ts';
import type { JobReader } from '../store/index.ts';
import { gpuTypesNotAllowed } from './allowed-gpu-types.ts';
import { cantBeSent, chooseSource } from './choose-source.ts';
import type { ActionContext } from './context.ts';
import { withDefaultPartition } from './default-partition.ts';
import { componentPath } from './fields.ts';
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
  const cluster = clusters.get(asked.cluster);
  if (cluster === null) return noCluster(context, asked.cluster);
  // The cluster is also asked for its default partition.
  await cluster.wanted();
  const placed = await withDefaultPartition(cluster, asked);
  if (!placed.ok) return placed;
  const input = placed.value;
  const refusals = [...(await notAllowed(cluster, input)), ...(await danglingReferences(context, input))];
  if (refusals.length > 0) return { ok: false, refusals };

  const source = await chooseSource(from.path, { ...input, gitRef: from.commit ?? input.gitRef });
  if (!source.ok) return source;
  using files = source.value;
  // Choosing the files may have taken long.
  const now = await clusters.successor(cluster);
  if (now === null) return noCluster(context, asked.cluster);
  await now.wanted();
  const { health } = now;
  if (health.status === 'UNREACHABLE' || health.status === 'AUTH_REQUIRED') {
    const why = health.message ?? health.status;
    return refuse('CLUSTER_UNAVAILABLE', 'cluster', `${input.cluster} can't accept jobs now: ${why}`);
  }

  const id = ulid();
  const name = input.name ?? (firstWord(input.command) || from.fallbackName);
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

function noCluster({ clusters }: ActionContext, name: string): Outcome<never> {
  const names = clusters.all().map(({ settings }) => settings.name);
  return refuse('NOT_FOUND', 'cluster', `There is no cluster ${JSON.stringify(name)}: ${listed(names)}`);
}

/** A job that Slurm refused comes back as that refusal, however often its idempotency key is sent. */
function answerFor(job: Job): Outcome<Job> {
  if (job.state !== 'SUBMIT_FAILED') return done(job);
  const message = job.reason ?? 'Slurm did not accept the job';
  return refuse('SLURM_REJECTED', rejectedField(message), `Slurm did not accept the job: ${message}`);
}

/** What the cluster's configuration forbids. */
async function notAllowed(cluster: Cluster, input: LaunchJob): Promise<Refusal[]> {
  const { settings, maxArraySize } = cluster;
  const last = arrayTaskIds(input.resources.array ?? '')?.at(-1) ?? 0;
  const message = `array goes up to ${last}, and Slurm on ${settings.name} counts to ${(maxArraySize ?? 0) - 1} (MaxArraySize)`;
  const components = [input, ...input.components];
  const size = optionsSize(input, settings.gpuRequest);
  if (size > MAX_OPTIONS_BYTES) {
    const what = `the sbatch options of all components have ${size} bytes, quoted for the shell`;
    return [refusal('INVALID_INPUT', 'extraOptions', `${what}: at most ${MAX_OPTIONS_BYTES} are allowed`)];
  }
  return [
    ...(maxArraySize !== null && last >= maxArraySize ? [refusal('INVALID_INPUT', 'array', message)] : []),
    ...components.flatMap((component, index) => componentNotAllowed(settings, component, componentPath(index))),
    ...(await gpuTypesNotAllowed(cluster, components)),
  ];
}

/** `path`: where the component stands in the input. */
function componentNotAllowed(
  { name, allowedPartitions, gpuRequest }: Cluster['settings'],
  component: ComponentRequest,
  path: readonly string[],
): Refusal[] {
  const refusals: Refusal[] = [];
  // The first one is enough.
  const other = component.partition?.split(',').find((one) => allowedPartitions?.includes(one) === false);
  if (allowedPartitions !== undefined && other !== undefined) {
    const message = `Partition ${JSON.stringify(other)} isn't allowed on ${name}: ${listed(allowedPartitions)}`;
    refusals.push(refusal('PARTITION_NOT_ALLOWED', [...path, 'partition'], message));
  }
  // Those of an older job are resubmitted as they were stored, maybe before there was the rule.
  const [fault] = component.extraOptions.map(faultInOption).filter((found) => found !== null);
  if (fault !== undefined) refusals.push(refusal('INVALID_INPUT', [...path, 'extraOptions'], fault));
  const conflict = constraintConflict(component, gpuRequest);
  if (conflict !== null) refusals.push(refusal('INVALID_INPUT', [...path, 'extraOptions'], conflict));
  return refusals;
}

/** Jobs that the request names and can't refer to. */
async function danglingReferences({ reads }: ActionContext, input: LaunchJob): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  if (input.basedOnJobId !== null && (await reads.jobs.get(input.basedOnJobId)) === null) {
    refusals.push(refusal('NOT_FOUND', 'basedOnJobId', 'Job not found'));
  }
  const dependencies = await reads.jobs.getMany(input.dependsOn.map(({ jobId }) => jobId));
  for (const [index, dependency] of dependencies.entries()) {
    if (dependency === null) refusals.push(refusal('NOT_FOUND', 'dependsOn', 'Job not found'));
    else if (dependency.clusterName !== input.cluster) {
      const message = `${dependency.name} is a job of ${dependency.clusterName}: a job can only wait for jobs on the same cluster`;
      refusals.push(refusal('INVALID_INPUT', 'dependsOn', message));
    } else if (dependency.slurmJobId === null) {
      const message = `${dependency.name} has no Slurm job id (${dependency.state}), so other jobs can't wait for it`;
      refusals.push(refusal('WRONG_STATE', 'dependsOn', message));
    } else if (
      input.dependsOn[index]?.kind === 'AFTER_CORR' &&
      (!isArray(dependency) || input.resources.array === null)
    ) {
      const message = `AFTER_CORR compares the tasks of two arrays, and ${isArray(dependency) ? 'this job' : dependency.name} is none`;
      refusals.push(refusal('INVALID_INPUT', 'dependsOn', message));
    }
  }
  return refusals;
}

/** Null: none of them has a message. */
function inLines(...messages: readonly (string | null)[]): string | null {
  return messages.filter((message) => message !== null).join('\n') || null;
}

/** A readable name for a job without one: what it runs. */
function firstWord(command: string): string {
  // Of a script, the first line that does something.
  const line = command.split('\n').find((text) => !/^\s*(?:#|set\s|$)/.test(text)) ?? command;
  const words = line.trim().split(/\s+/).slice(0, 3);
  return words
    .join(' ')
    .replace(/\p{Cc}/gu, '')
    .slice(0, 60);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'there are none' : `choose one of ${names.join(', ')}`;
}
