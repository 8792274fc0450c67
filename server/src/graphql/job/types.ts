import { ADMINISTRATOR } from '../../auth/index.ts';
import { clusterOfJob, isStale } from '../../clusters/index.ts';
import { currentAttempt, type JobAttempt } from '../../domain/attempt.ts';
import type { JobComponent } from '../../domain/component.ts';
import type { EvidenceSource, JobEvidence } from '../../domain/evidence.ts';
import {
  elapsedSeconds,
  isArray,
  type Job,
  type JobResources,
  type LOG_STREAMS,
  waitedSeconds,
} from '../../domain/job.ts';
import { isActiveState, JOB_STATES, type JobState } from '../../domain/job-state.ts';
import { LOG_ABSENCES, type LogAbsence, type LogChunk } from '../../domain/log-chunk.ts';
import type { DEPENDENCY_KINDS, Submission } from '../../domain/submission.ts';
import { findAbsence, MOST_LAST_LINES, readLog } from '../../logs/index.ts';
import type { StateCount } from '../../store/index.ts';
import { builder, ID_DESCRIPTION } from '../builder.ts';
import { ClusterRef } from '../cluster/types.ts';
import { forwardArguments, pageCost } from '../connection.ts';
import type { GraphQLContext } from '../context.ts';
import { fault } from '../errors.ts';
import { costs } from '../marks.ts';
import { ProjectRef } from '../project/types.ts';
import { UserRef } from '../user/types.ts';
import { JobAllocationRef } from './allocation.ts';
import { type JobList, readJobList } from './list.ts';
import { logUrl } from './log-file.ts';

const STATE_DESCRIPTIONS: Readonly<Record<JobState, string>> = {
  SUBMITTING: 'Recorded here; Slurm has not said yes or no.',
  SUBMIT_FAILED: 'Slurm did not take it; `reason` says why.',
  PENDING: 'Waits in the queue; `reason` says for what.',
  HELD: 'Waits until somebody releases it.',
  CONFIGURING: 'Has its nodes, which are being made ready.',
  RUNNING: 'Runs.',
  SUSPENDED: 'Has its nodes and is stopped for the time being.',
  COMPLETING: 'Its processes are being cleared away; how it ended is not known yet.',
  CANCELLING: 'Somebody asked for its end, which has not been seen yet.',
  COMPLETED: 'Ended with exit code 0.',
  FAILED: 'Ended with another exit code, or by a signal.',
  CANCELLED: 'Ended by its owner or an administrator.',
  TIMEOUT: 'Ended by Slurm at its time limit.',
  OUT_OF_MEMORY: 'Ended because it took more memory than it had.',
  NODE_FAIL: 'Ended because one of its nodes failed.',
  BOOT_FAIL: 'Ended because its nodes could not be started.',
  PREEMPTED: 'Ended to make way for another job.',
  DEADLINE: 'Ended by Slurm at its deadline.',
  REVOKED: 'Ended here because another cluster of the federation has taken it.',
  LOST: 'Gone without a trace. Not a success and not a failure: nobody knows.',
};

export const JobStateRef = builder.enumType('JobState', {
  description: "Slurm's own words, with four of ours: SUBMITTING, SUBMIT_FAILED, CANCELLING, LOST.",
  values: Object.fromEntries(JOB_STATES.map((state) => [state, { description: STATE_DESCRIPTIONS[state] }])) as Record<
    JobState,
    { description: string }
  >,
});

export const LogStreamRef = builder.enumType('LogStream', {
  description: "Which of a job's two output files.",
  values: {
    STDOUT: { description: 'Standard output.' },
    STDERR: { description: 'Standard error.' },
  } satisfies Record<(typeof LOG_STREAMS)[number], { description: string }>,
});

const ABSENCES = {
  NEVER_STARTED: 'The job never started, so nothing was written.',
  NO_FOLDER:
    "The job's folder is not on the cluster (any more): the workspace was cleaned, or its file system is not mounted on " +
    'the login node.',
  NO_FILE: 'The folder is there and the file is not: it was removed, or the job ended before Slurm had made it.',
} as const satisfies Record<LogAbsence, string>;

const LogAbsenceRef = builder.enumType('LogAbsence', {
  description: 'Why there is no log file of a job that is over.',
  values: Object.fromEntries(LOG_ABSENCES.map((name) => [name, { description: ABSENCES[name] }])) as Record<
    LogAbsence,
    { description: string }
  >,
});

export const LogChunkRef = builder.objectRef<LogChunk>('LogChunk').implement({
  description: 'A part of a log file. Offsets count bytes from the beginning of the file.',
  fields: (t) => ({
    startOffset: t.expose('startOffset', { type: 'SafeInt', description: 'Of the first byte of `text`.' }),
    endOffset: t.expose('endOffset', {
      type: 'SafeInt',
      description: 'Of the byte behind the last one of `text`: pass it as `after` to go on exactly here.',
    }),
    text: t.exposeString('text', {
      description: 'A character is never cut in two; bytes that are no UTF-8 are shown as U+FFFD.',
    }),
    isReset: t.exposeBoolean('isReset', {
      description:
        'The file was truncated or replaced: what was read before is void, and it starts again from `startOffset`.',
    }),
    isComplete: t.exposeBoolean('isComplete', { description: 'No more will come.' }),
    absence: t.expose('absence', {
      type: LogAbsenceRef,
      nullable: true,
      description:
        'Why there is no file (any more), on the last chunk: without it, a log that is empty holds nothing. Null: there ' +
        'is a file, or more will come.',
    }),
    recordedBytes: t.expose('recordedBytes', {
      type: 'SafeInt',
      nullable: true,
      description:
        'On the last chunk: how long the file was when the job ended, as its batch script noted. More than `endOffset`: ' +
        'it was cut or replaced since. Null: the job left no note, as when it was killed, or more will come.',
    }),
  }),
});

const JobResourcesRef = builder.objectRef<JobResources>('JobResources').implement({
  description: "What was asked for. Null: not asked for, so the cluster's default holds.",
  fields: (t) => ({
    nodes: t.exposeInt('nodes', { nullable: true, description: 'Number of nodes; with `maxNodes`, the fewest.' }),
    maxNodes: t.exposeInt('maxNodes', {
      nullable: true,
      description: 'The most nodes, of a range. Null: as many as `nodes`.',
    }),
    tasks: t.exposeInt('tasks', { nullable: true, description: 'Number of tasks (processes that srun starts).' }),
    cpusPerTask: t.exposeInt('cpusPerTask', { nullable: true, description: 'CPUs for each task.' }),
    memoryMb: t.expose('memoryMb', {
      type: 'SafeInt',
      nullable: true,
      description: 'MiB on each node; 0: all it has.',
    }),
    gpus: t.exposeInt('gpus', { nullable: true, description: 'GPUs on each node.' }),
    gpusTotal: t.exposeInt('gpusTotal', { nullable: true, description: 'GPUs in all, where not those of a node.' }),
    gpusPerTask: t.exposeInt('gpusPerTask', { nullable: true, description: 'GPUs for each task, likewise.' }),
    gpuType: t.exposeString('gpuType', { nullable: true, description: 'As Slurm names it. Null: any.' }),
    timeLimitMinutes: t.exposeInt('timeLimitMinutes', { nullable: true, description: 'The longest it may run.' }),
    account: t.exposeString('account', { nullable: true, description: "Slurm's account to charge." }),
    qos: t.exposeString('qos', { nullable: true, description: "Slurm's quality of service." }),
    array: t.exposeString('array', { nullable: true, description: 'Task indexes of an array, "0-9%2".' }),
  }),
});

interface ShownComponent extends Pick<JobComponent, 'state' | 'word' | 'nodeList' | 'partition'> {
  readonly slurmJobId: string | null;
  readonly resources: JobResources;
  readonly extraOptions: readonly string[];
}

const JobComponentRef = builder.objectRef<ShownComponent>('JobComponent').implement({
  description: 'One component of a heterogeneous job.',
  fields: (t) => ({
    slurmJobId: t.exposeString('slurmJobId', {
      nullable: true,
      description: 'As Slurm writes it, "1234+1". Null: sbatch has not answered.',
    }),
    partition: t.exposeString('partition', { nullable: true, description: 'As `Job.partition`.' }),
    resources: t.expose('resources', {
      type: JobResourcesRef,
      description: "What was asked for; time limit, account and quality of service are the whole job's.",
    }),
    extraOptions: t.stringList({
      description: 'Further sbatch options that stand with this component.',
      resolve: ({ extraOptions }) => [...extraOptions],
    }),
    state: t.expose('state', {
      type: JobStateRef,
      nullable: true,
      description: 'As last seen. Null: not known.',
    }),
    word: t.exposeString('word', { nullable: true, description: "Slurm's own word for the state. Null: not known." }),
    nodeList: t.exposeString('nodeList', { nullable: true, description: 'As `Job.nodeList`.' }),
  }),
});

function shownComponents(job: Job, submission: Submission | null): ShownComponent[] {
  return job.components.map(({ offset, state, word, nodeList, partition }) => {
    const asked = offset === 0 ? submission : submission?.components[offset - 1];
    const own = offset === 0 ? {} : submission?.components[offset - 1]?.resources;
    return {
      slurmJobId: job.slurmJobId === null ? null : `${job.slurmJobId}+${offset}`,
      ...{ state, word, nodeList },
      partition: partition ?? (offset === 0 ? job.partition : (asked?.partition ?? null)),
      resources: { ...job.resources, ...own },
      extraOptions: asked?.extraOptions ?? [],
    };
  });
}

const JobStateCountRef = builder.objectRef<StateCount>('JobStateCount').implement({
  description: 'How many tasks of an array are in one state.',
  fields: (t) => ({
    state: t.expose('state', { type: JobStateRef, description: 'The state.' }),
    count: t.exposeInt('count', { description: 'Number of tasks, never 0.' }),
  }),
});

const EvidenceSourceRef = builder.enumType('JobEvidenceSource', {
  description: "What a job's state was taken from.",
  values: {
    SBATCH: { description: "sbatch's answer to the submission." },
    SQUEUE: { description: "A whole snapshot of Slurm's queue." },
    SACCT: { description: "Slurm's accounting, which was asked because the job had left the queue." },
    MARKER: {
      description: 'What the batch script itself wrote when it ended, because neither queue nor accounting knew more.',
    },
    ABSENCE: { description: 'Nothing: it is gone without a trace.' },
  } satisfies Record<EvidenceSource, { description: string }>,
});

const JobEvidenceRef = builder.objectRef<JobEvidence>('JobEvidence').implement({
  description: 'Why a job is in the state that it is in.',
  fields: (t) => ({
    source: t.expose('source', { type: EvidenceSourceRef, description: 'Who said so.' }),
    word: t.exposeString('word', {
      nullable: true,
      description: "Slurm's own word for the state. Null: the source has none.",
    }),
    seenAt: t.expose('seenAt', { type: 'DateTime', description: 'When it was first seen so.' }),
  }),
});

const JobAttemptRef = builder.objectRef<JobAttempt>('JobAttempt').implement({
  description: 'One run of a job between requeues. All attempts write to the same two log files, one behind the other.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: '1 is the first.' }),
    outcome: t.exposeString('outcome', {
      nullable: true,
      description:
        "Slurm's own word for how it ended, such as REQUEUED or NODE_FAIL. Null: it has not, or Slurm has not told yet.",
    }),
    exitCode: t.exposeInt('exitCode', { nullable: true, description: 'As `Job.exitCode`.' }),
    signal: t.exposeInt('signal', { nullable: true, description: 'As `Job.signal`.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'Null: it has not started.' }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true, description: 'Null: as for `outcome`.' }),
    nodeList: t.exposeString('nodeList', {
      nullable: true,
      description: 'The nodes it ran on, as Slurm writes them. Null: it has not started.',
    }),
  }),
});

export const JobRef = builder.objectRef<Job>('Job');

/** Of `Job.log`. */
const DEFAULT_LOG_BYTES = 65_536;

export const JobDependencyKind = builder.enumType('JobDependencyKind', {
  description: 'What a job waits for in another one (man sbatch, --dependency).',
  values: {
    AFTER: { description: 'It has started, or was cancelled.' },
    AFTER_OK: { description: 'It has ended with exit code 0.' },
    AFTER_NOT_OK: { description: 'It has failed.' },
    AFTER_ANY: { description: 'It has ended, however it did.' },
    AFTER_CORR: {
      description: "Both are arrays: each task waits for the other array's task of its index to end with exit code 0.",
    },
  } satisfies Record<(typeof DEPENDENCY_KINDS)[number], { description: string }>,
});

const JobDependencyRef = builder.objectRef<Submission['dependsOn'][number]>('JobDependency').implement({
  description: 'A job that another one was to wait for.',
  fields: (t) => ({
    job: t.field({
      type: JobRef,
      nullable: true,
      description: 'Null: it is no longer known.',
      resolve: ({ jobId }, _args, { loaders }) => loaders.job.load(jobId),
    }),
    kind: t.expose('kind', { type: JobDependencyKind, description: 'What it waited for.' }),
  }),
});

const JobSubmissionRef = builder.objectRef<Submission>('JobSubmission').implement({
  description: 'What a job was submitted with besides its command and resources. Values of variables are never told.',
  fields: (t) => ({
    environmentNames: t.stringList({
      description: 'The names of the variables that it was given.',
      resolve: ({ environment }) => environment.map(({ name }) => name),
    }),
    extraOptions: t.stringList({
      description: 'Further sbatch options.',
      resolve: ({ extraOptions }) => [...extraOptions],
    }),
    condaEnv: t.exposeString('condaEnv', {
      nullable: true,
      description: "Its own or its project's of then. Null: the cluster's, if that has one.",
    }),
    gitRef: t.exposeString('gitRef', {
      nullable: true,
      description: "Branch, tag or commit as it was asked for. Null: the project's HEAD.",
    }),
    partition: t.exposeString('partition', {
      nullable: true,
      description: "As it was asked for. Null: the cluster's default.",
    }),
    dependsOn: t.field({
      type: [JobDependencyRef],
      description: 'Jobs that it was to wait for.',
      resolve: ({ dependsOn }) => [...dependsOn],
    }),
    isSingleton: t.exposeBoolean('isSingleton', {
      description: 'It was to wait for every earlier job of its name.',
    }),
  }),
});

export const JobConnection = builder.connectionObject<typeof JobRef, JobList>(
  {
    type: JobRef,
    name: 'JobConnection',
    description: 'A page of a list of jobs.',
    fields: (t) => ({
      eventCursor: t.exposeString('eventCursor', {
        description: 'Where in `jobEvents` this list was read: with it as `after`, no change of these jobs is missed.',
      }),
    }),
  },
  { name: 'JobEdge', description: 'One entry of a list of jobs.' },
);

builder.node(JobRef, {
  description: 'A batch job, an array of them, or one task of an array.',
  id: { resolve: ({ id }) => id, description: ID_DESCRIPTION },
  loadManyWithoutCache: (ids, { store, work }) => work.read(async () => [...work.jobs(await store.jobs.getMany(ids))]),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'slurmName' in value,
  fields: (t) => ({
    name: t.exposeString('name', { description: "The user's own; default: the beginning of the command." }),
    project: t.field({
      type: ProjectRef,
      nullable: true,
      description: 'Null: the project has been removed.',
      resolve: ({ projectId }, _args, { loaders }) => (projectId === null ? null : loaders.project.load(projectId)),
    }),
    cluster: t.field({
      type: ClusterRef,
      description: 'Where it runs. Its history outlives the entry in clusters.yaml.',
      resolve: ({ clusterName }, _args, { clusters }) => clusterOfJob(clusters, clusterName),
    }),
    submittedBy: t.field({
      type: UserRef,
      nullable: true,
      description: 'Null: the user no longer exists.',
      resolve: ({ submittedBy }) => (submittedBy === ADMINISTRATOR.id ? ADMINISTRATOR : null),
    }),
    slurmJobId: t.exposeString('slurmJobId', {
      nullable: true,
      description: '"1234", or "1234_7" for a task of an array. Null: sbatch has not answered.',
    }),
    state: t.expose('state', { type: JobStateRef, description: 'As last seen; see `isStale`.' }),
    evidence: t.expose('evidence', {
      type: JobEvidenceRef,
      nullable: true,
      description:
        'Where `state` comes from. Null: nothing was heard of the job; or an array, which follows its tasks.',
    }),
    attempts: t.field({
      type: [JobAttemptRef],
      description: 'Its runs, the first one first; the last one is the current one.',
      resolve: async (job, _args, { loaders }) => [...(await loaders.closedAttempts.load(job.id)), currentAttempt(job)],
    }),
    isActive: t.boolean({ description: 'It still moves on by itself.', resolve: ({ state }) => isActiveState(state) }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: "Slurm's reason while it waits, the cause once it failed. Null: none is given.",
    }),
    exitCode: t.exposeInt('exitCode', {
      nullable: true,
      description:
        "Of the batch script; an array's is the highest of its tasks'. Null: not over, or it never came to an end of its own.",
    }),
    signal: t.exposeInt('signal', {
      nullable: true,
      description: 'Number of the signal that ended it. Null: none did, as far as is known.',
    }),
    attempt: t.exposeInt('attempt', { description: '1, and one more for each time Slurm put it back into the queue.' }),
    description: t.exposeString('description', {
      nullable: true,
      description: "The user's own words on what this run is to show. Null: there are none.",
    }),
    basedOn: t.field({
      type: JobRef,
      nullable: true,
      description: 'The job that this one was made from. Null: none, or it is no longer known.',
      resolve: ({ basedOnId }, _args, { loaders }) => (basedOnId === null ? null : loaders.job.load(basedOnId)),
    }),
    isArchived: t.exposeBoolean('isArchived', { description: 'Left out of lists that do not ask for archived jobs.' }),
    command: t.exposeString('command', { description: 'What it runs with bash, in the checked-out project.' }),
    script: t.string({
      nullable: true,
      description:
        "The exact batch script, without the values of environment variables. Null: not made yet. A task has its array's.",
      ...costs({ own: 20 }),
      resolve: ({ id, arrayParentId }, _args, { loaders }) => loaders.script.load(arrayParentId ?? id),
    }),
    submission: t.field({
      type: JobSubmissionRef,
      nullable: true,
      description: "What it was submitted with; a task has its array's. Null: not known.",
      resolve: ({ id, arrayParentId }, _args, { loaders }) => loaders.submission.load(arrayParentId ?? id),
    }),
    submitMessage: t.string({
      nullable: true,
      description:
        "What there is to tell about how the job was taken, a line each: #SBATCH lines that aren't used, submodules and other repositories whose files aren't sent, and sbatch's own words beside the job's number, such as a warning that fewer nodes are enough. A task has its array's. Null: nothing was said.",
      resolve: async ({ id, arrayParentId }, _args, { loaders }) =>
        (await loaders.submission.load(arrayParentId ?? id))?.message ?? null,
    }),
    gitCommit: t.exposeString('gitCommit', {
      nullable: true,
      description: 'The commit it runs, in full. Null: not settled yet.',
    }),
    hasUncommittedChanges: t.exposeBoolean('hasUncommittedChanges', {
      description: 'It was sent other files than those of `gitCommit`: changes that were not committed.',
    }),
    workDir: t.exposeString('workDir', {
      nullable: true,
      description: 'The folder of its files on the cluster: source/, stdout.log, stderr.log. Null: there is none.',
    }),
    partition: t.exposeString('partition', {
      nullable: true,
      description: "Where it waits or runs. Null: it named none, and Slurm's choice has not been seen.",
    }),
    resources: t.expose('resources', {
      type: JobResourcesRef,
      description: "What was asked for; of a heterogeneous job, its first component's.",
    }),
    components: t.field({
      type: [JobComponentRef],
      description:
        'The components of a heterogeneous job, the first one included, which runs the batch script. Empty for every other job.',
      resolve: async (job, _args, { loaders }) =>
        job.components.length === 0 ? [] : shownComponents(job, await loaders.submission.load(job.id)),
    }),
    nodeList: t.exposeString('nodeList', {
      nullable: true,
      description:
        'The nodes it runs on, as Slurm writes them; of a heterogeneous job those of every component. Null: none yet.',
    }),
    allocated: t.field({
      type: JobAllocationRef,
      nullable: true,
      description: 'What Slurm gave it. Null: it has not run, it is an array, or Slurm did not tell.',
      resolve: (job) => (job.allocated === null ? null : job),
    }),
    submittedAt: t.expose('submittedAt', { type: 'DateTime', description: 'When it was recorded here.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When Slurm started it. Null: it has not started.',
    }),
    endedAt: t.expose('endedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When Slurm saw its end. Null: it is not over, or nobody saw it.',
    }),
    estimatedStartAt: t.expose('estimatedStartAt', {
      type: 'DateTime',
      nullable: true,
      description: "Slurm's estimate while it waits. Null: Slurm has none.",
    }),
    elapsedSeconds: t.int({
      nullable: true,
      description: 'Whole seconds from its start to its end, or to now. Null: it has not started.',
      resolve: (job) => elapsedSeconds(job, new Date()),
    }),
    waitedSeconds: t.int({
      nullable: true,
      description:
        'Whole seconds from its submission until it started for the first time, or ended without that, or until now. ' +
        'Null: it is over, and its start was not seen.',
      resolve: async (job, _args, { loaders }) => {
        const earlier = job.attempt === 1 ? [] : await loaders.closedAttempts.load(job.id);
        const first = earlier.find(({ startedAt }) => startedAt !== null);
        return waitedSeconds(job, first?.startedAt ?? null, new Date());
      },
    }),
    isStale: t.boolean({
      description:
        'It is active, and its cluster has not been heard from within three poll intervals: shown as it was.',
      resolve: (job, _args, { clusters }) =>
        isActiveState(job.state) && isStale(clusterOfJob(clusters, job.clusterName), job.submittedAt, new Date()),
    }),
    log: t.field({
      type: LogChunkRef,
      nullable: true,
      description: 'A part of its output. Null: there is no file yet, or it is an array, whose tasks have the files.',
      args: {
        stream: t.arg({ type: LogStreamRef, defaultValue: 'STDOUT', description: 'Which of the two files.' }),
        offset: t.arg({ type: 'SafeInt', defaultValue: 0, description: 'In bytes; -N begins N bytes before the end.' }),
        limit: t.arg.int({
          defaultValue: DEFAULT_LOG_BYTES,
          description: 'Bytes at most; kept between 4 and 262,144.',
        }),
        lastLines: t.arg.int({
          description:
            `The last lines instead of what stands at \`offset\`, 1 to ${MOST_LAST_LINES}; of \`limit\` bytes at most, so that ` +
            'fewer lines come, or only the end of one, where they are longer. Null: by `offset`.',
        }),
      },
      // As long as a thousand values of some bytes, for each file.
      ...costs(({ limit }: { readonly limit?: number | null }) => ({
        own: 4 + Math.ceil((limit ?? DEFAULT_LOG_BYTES) / 1024),
      })),
      resolve: (job, args, context) => readJobLog(job, args, context),
    }),
    logAbsence: t.field({
      type: LogAbsenceRef,
      nullable: true,
      description: 'Why `log` is null. Null: there is a file, or the job is not over and may still write one.',
      args: { stream: t.arg({ type: LogStreamRef, defaultValue: 'STDOUT', description: 'Which of the two files.' }) },
      ...costs({ own: 20 }),
      resolve: (job, { stream }, { clusters }) =>
        isArray(job) ? null : withLogFile(job, clusters, (files) => findAbsence(files, job, stream ?? 'STDOUT')),
    }),
    logUrl: t.string({
      nullable: true,
      description:
        "Where the whole log is to be had over HTTP, byte for byte: a path at this server's address, for GET and HEAD, " +
        'with the same credential; Range requests are answered. Null: there is no folder yet, or it is an array.',
      args: { stream: t.arg({ type: LogStreamRef, defaultValue: 'STDOUT', description: 'Which of the two files.' }) },
      resolve: (job, { stream }) => (isArray(job) || job.workDir === null ? null : logUrl(job, stream ?? 'STDOUT')),
    }),
    tasks: t.field({
      type: JobConnection,
      description: 'The tasks of an array by index; empty for every other job.',
      args: forwardArguments(t),
      ...pageCost,
      resolve: ({ id }, args, context) =>
        readJobList(
          context,
          args,
          (request) => context.store.jobs.tasksPage(id, request),
          async () => (await context.loaders.taskCounts.load(id)).reduce((sum, { count }) => sum + count, 0),
        ),
    }),
    arrayParent: t.field({
      type: JobRef,
      nullable: true,
      description: 'The array of a task. Null for every other job.',
      resolve: ({ arrayParentId }, _args, { loaders }) =>
        arrayParentId === null ? null : loaders.job.load(arrayParentId),
    }),
    arrayTaskId: t.exposeInt('arrayTaskId', {
      nullable: true,
      description: 'The index of a task. Null for every other job.',
    }),
    number: t.expose('number', {
      type: 'SafeInt',
      nullable: true,
      description:
        'Grows with each job that is recorded: jobs that are equal in the order of a list stand by it, in the direction of that order. Null for array tasks.',
    }),
    taskCounts: t.field({
      type: [JobStateCountRef],
      description: 'How many tasks of an array are in each state; empty for every other job.',
      resolve: async (job, _args, { loaders }) => (isArray(job) ? [...(await loaders.taskCounts.load(job.id))] : []),
    }),
  }),
});

async function readJobLog(
  job: Job,
  args: {
    readonly stream?: (typeof LOG_STREAMS)[number] | null | undefined;
    readonly offset?: number | null | undefined;
    readonly limit?: number | null | undefined;
    readonly lastLines?: number | null | undefined;
  },
  { clusters, work }: GraphQLContext,
): Promise<LogChunk | null> {
  const wrong = faultInLines(args.offset, args.lastLines);
  if (wrong !== null) throw fault('BAD_USER_INPUT', wrong);
  if (isArray(job) || job.workDir === null) return null;
  const { stream, offset, limit, lastLines } = args;
  const request = {
    stream: stream ?? 'STDOUT',
    offset: offset ?? 0,
    limit: limit ?? DEFAULT_LOG_BYTES,
    lastLines: lastLines ?? null,
  };
  const chunk = await withLogFile(job, clusters, (files) => readLog(files, job, request));
  work.texts(chunk?.text ?? null);
  return chunk;
}

function faultInLines(offset: number | null | undefined, lastLines: number | null | undefined): string | null {
  if (lastLines == null) return null;
  if (lastLines < 1 || lastLines > MOST_LAST_LINES) {
    return `lastLines is ${lastLines}: ask for 1 to ${MOST_LAST_LINES}`;
  }
  return offset == null || offset === 0 ? null : 'lastLines: leave out offset, which names another place';
}

async function withLogFile<T>(
  job: Job,
  clusters: GraphQLContext['clusters'],
  read: (files: Parameters<typeof readLog>[0]) => Promise<T>,
): Promise<T> {
  const cluster = clusters.get(job.clusterName);
  if (cluster === null) throw fault('CLUSTER_UNAVAILABLE', `${job.clusterName} is no longer in clusters.yaml`);
  try {
    return await read(cluster.files);
  } catch (cause) {
    throw fault('CLUSTER_UNAVAILABLE', `The log can't be read: ${cause instanceof Error ? cause.message : cause}`);
  }
}
