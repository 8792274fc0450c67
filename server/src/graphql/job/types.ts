import { ADMINISTRATOR } from '../../auth/index.ts';
import { clusterOfJob, isStale } from '../../clusters/index.ts';
import { currentAttempt } from '../../domain/attempt.ts';
import { elapsedSeconds, isArray, waitedSeconds } from '../../domain/job.ts';
import { isActiveState } from '../../domain/job-state.ts';
import { findAbsence, MOST_LAST_LINES } from '../../logs/index.ts';
import { builder, ID_DESCRIPTION } from '../builder.ts';
import { ClusterRef } from '../cluster/types.ts';
import { forwardArguments, pageCost } from '../connection.ts';
import { costs } from '../marks.ts';
import { ProjectRef } from '../project/types.ts';
import { UserRef } from '../user/types.ts';
import { JobAllocationRef } from './allocation.ts';
import { JobConnection } from './connection.ts';
import { readJobList } from './list.ts';
import { DEFAULT_LOG_BYTES, LogAbsenceRef, LogChunkRef, LogStreamRef, readJobLog, withLogFile } from './log.ts';
import { logUrl } from './log-address.ts';
import { JobRef } from './ref.ts';
import { JobComponentRef, JobResourcesRef, shownComponents } from './resources.ts';
import { JobAttemptRef, JobEvidenceRef, JobStateCountRef, JobStateRef } from './state.ts';
import { JobSubmissionRef } from './submission.ts';

builder.node(JobRef, {
  description: 'A batch job, an array of them, or one task of an array.',
  id: { resolve: ({ id }) => id, description: ID_DESCRIPTION },
  loadManyWithoutCache: (ids, { reads, work }) => work.read(() => reads.jobs.getMany(ids, (jobs) => work.jobs(jobs))),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'slurmName' in value,
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'The name that the user gave. Default: the beginning of the command.',
    }),
    project: t.field({
      type: ProjectRef,
      nullable: true,
      description: 'Null: the project has been removed.',
      resolve: ({ projectId }, _args, { loaders }) => (projectId === null ? null : loaders.project.load(projectId)),
    }),
    cluster: t.field({
      type: ClusterRef,
      description: 'The cluster it runs on. A job is kept after its cluster was removed from clusters.yaml.',
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
      description: '"1234", or "1234_7" for a task of an array. Null: sbatch has not answered yet.',
    }),
    state: t.expose('state', { type: JobStateRef, description: 'The state as last seen; see `isStale`.' }),
    evidence: t.expose('evidence', {
      type: JobEvidenceRef,
      nullable: true,
      description:
        'The source of `state`. Null: Slurm has reported nothing about the job yet, or it is an array, whose state follows from its tasks.',
    }),
    attempts: t.field({
      type: [JobAttemptRef],
      description: 'Its runs, the oldest first. The last one is the current one.',
      resolve: async (job, _args, { loaders }) => [...(await loaders.closedAttempts.load(job.id)), currentAttempt(job)],
    }),
    isActive: t.boolean({
      description: 'The job is not over: its state can still change by itself.',
      resolve: ({ state }) => isActiveState(state),
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: "While the job waits, Slurm's reason; after a failure, the cause. Null: none is given.",
    }),
    exitCode: t.exposeInt('exitCode', {
      nullable: true,
      description:
        'Exit code of the batch script; for an array, the highest of its tasks. Null: the job is not over, or the script did not exit by itself.',
    }),
    signal: t.exposeInt('signal', {
      nullable: true,
      description: 'Number of the signal that ended the job. Null: no signal did, as far as is known.',
    }),
    attempt: t.exposeInt('attempt', { description: '1, plus one for each requeue.' }),
    description: t.exposeString('description', {
      nullable: true,
      description: "The user's description of what this run is meant to show. Null: none was given.",
    }),
    tags: t.exposeStringList('tags', {
      description:
        'What users sort it by, each once, in the order in which they were given. A task has those of its array.',
    }),
    basedOn: t.field({
      type: JobRef,
      nullable: true,
      description: 'The job that this one is based on. Null: there is none, or it is no longer known.',
      resolve: ({ basedOnId }, _args, { loaders }) => (basedOnId === null ? null : loaders.job.load(basedOnId)),
    }),
    isArchived: t.exposeBoolean('isArchived', { description: 'Hidden from lists that do not ask for archived jobs.' }),
    command: t.exposeString('command', { description: 'The shell lines that bash runs in the checked-out project.' }),
    script: t.string({
      nullable: true,
      description:
        'The exact batch script, without the values of environment variables. A task has the script of its array. Null: it has not been written yet.',
      ...costs({ own: 20 }),
      resolve: ({ id, arrayParentId }, _args, { loaders }) => loaders.script.load(arrayParentId ?? id),
    }),
    submission: t.field({
      type: JobSubmissionRef,
      nullable: true,
      description: 'What it was submitted with. A task has the submission of its array. Null: not known.',
      resolve: ({ id, arrayParentId }, _args, { loaders }) => loaders.submission.load(arrayParentId ?? id),
    }),
    submitMessage: t.string({
      nullable: true,
      description:
        'Remarks on the submission, one per line: #SBATCH lines that are not used, submodules and other repositories whose files are not sent, and what sbatch printed besides the job id, such as a warning that fewer nodes are enough. A task has the remarks of its array. Null: there are none.',
      resolve: ({ id, arrayParentId }, _args, { loaders }) => loaders.submitMessage.load(arrayParentId ?? id),
    }),
    gitCommit: t.exposeString('gitCommit', {
      nullable: true,
      description: 'The full hash of the commit it runs. Null: not determined yet.',
    }),
    hasUncommittedChanges: t.exposeBoolean('hasUncommittedChanges', {
      description: 'Its files differ from those of `gitCommit`, because uncommitted changes were included.',
    }),
    workDir: t.exposeString('workDir', {
      nullable: true,
      description:
        'Its directory on the cluster, which contains source/, stdout.log and stderr.log. Null: there is none.',
    }),
    partition: t.exposeString('partition', {
      nullable: true,
      description:
        "The partition it waits or runs in. Null: none was requested, and Slurm's choice has not been seen yet.",
    }),
    resources: t.expose('resources', {
      type: JobResourcesRef,
      description: 'The requested resources; for a heterogeneous job, those of its first component.',
    }),
    components: t.field({
      type: [JobComponentRef],
      description:
        'The components of a heterogeneous job, including the first one, which runs the batch script. Empty for every other job.',
      resolve: async (job, _args, { loaders, work }) => {
        if (job.components.length === 0) return [];
        const submission = await loaders.submission.load(job.id);
        // Those of all jobs of a list are read at once.
        return work.read(async () => shownComponents(job, submission));
      },
    }),
    nodeList: t.exposeString('nodeList', {
      nullable: true,
      description:
        'The nodes it runs on, as Slurm writes them; for a heterogeneous job, those of every component. Null: none yet.',
    }),
    allocated: t.field({
      type: JobAllocationRef,
      nullable: true,
      description:
        'The resources that Slurm allocated. Null: the job has not run, it is an array, or Slurm did not report them.',
      resolve: (job) => (job.allocated === null ? null : job),
    }),
    submittedAt: t.expose('submittedAt', { type: 'DateTime', description: 'When the server recorded it.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When Slurm started it. Null: it has not started.',
    }),
    endedAt: t.expose('endedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended, as Slurm reported. Null: it is not over, or its end was not seen.',
    }),
    estimatedStartAt: t.expose('estimatedStartAt', {
      type: 'DateTime',
      nullable: true,
      description: "Slurm's estimate while it waits. Null: Slurm has none.",
    }),
    elapsedSeconds: t.int({
      nullable: true,
      description:
        'Whole seconds from its start to its end, or until now. Null: it has not started, or it is over and its end was not seen.',
      resolve: (job) => elapsedSeconds(job, new Date()),
    }),
    waitedSeconds: t.int({
      nullable: true,
      description:
        'Whole seconds from its submission until its first start, until its end if it never started, or until now. ' +
        'Null: it is over, and its start was not seen.',
      resolve: async (job, _args, { loaders }) => {
        const first = job.attempt === 1 ? null : await loaders.firstStart.load(job.id);
        return waitedSeconds(job, first, new Date());
      },
    }),
    isStale: t.boolean({
      description:
        'The job is active, and its cluster is stale (`Cluster.isStale`). What is shown is the last known state. ' +
        'No event of the job tells of it: `clusterStatus` does.',
      resolve: (job, _args, { clusters }) =>
        isActiveState(job.state) && isStale(clusterOfJob(clusters, job.clusterName)),
    }),
    log: t.field({
      type: LogChunkRef,
      nullable: true,
      description: 'A part of its output. Null: there is no file yet, or it is an array, whose tasks have the files.',
      args: {
        stream: t.arg({
          type: LogStreamRef,
          defaultValue: 'STDOUT',
          description: 'Standard output or standard error.',
        }),
        offset: t.arg({
          type: 'SafeInt',
          defaultValue: 0,
          description: 'The first byte to read; -N begins N bytes before the end.',
        }),
        limit: t.arg.int({
          defaultValue: DEFAULT_LOG_BYTES,
          description: 'The maximum number of bytes; clamped to 4 … 262,144.',
        }),
        lastLines: t.arg.int({
          description:
            `Read this many lines from the end of the file instead of reading at \`offset\`: 1 to ${MOST_LAST_LINES}. At most \`limit\` ` +
            'bytes: longer lines give fewer lines, or only the end of the last one. Null: read at `offset`.',
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
      args: {
        stream: t.arg({
          type: LogStreamRef,
          defaultValue: 'STDOUT',
          description: 'Standard output or standard error.',
        }),
      },
      ...costs({ own: 20 }),
      resolve: (job, { stream }, { clusters }) =>
        isArray(job) ? null : withLogFile(job, clusters, (files) => findAbsence(files, job, stream ?? 'STDOUT')),
    }),
    logUrl: t.string({
      nullable: true,
      description:
        'Path on this server that serves the whole log, byte for byte, to GET and HEAD requests ' +
        'with the same credential. Range requests are supported. Null: there is no directory yet, or it is an array.',
      args: {
        stream: t.arg({
          type: LogStreamRef,
          defaultValue: 'STDOUT',
          description: 'Standard output or standard error.',
        }),
      },
      resolve: (job, { stream }) => (isArray(job) || job.workDir === null ? null : logUrl(job, stream ?? 'STDOUT')),
    }),
    tasks: t.field({
      type: JobConnection,
      description: 'The tasks of an array, by index. Empty for every other job.',
      args: forwardArguments(t),
      ...pageCost,
      resolve: ({ id }, args, context) =>
        readJobList(
          context,
          args,
          (request, onRead) => context.reads.jobs.tasksPage(id, request, onRead),
          async () => (await context.loaders.taskCounts.load(id)).reduce((sum, { count }) => sum + count, 0),
        ),
    }),
    arrayParent: t.field({
      type: JobRef,
      nullable: true,
      description: 'The array that a task belongs to. Null for every other job.',
      resolve: ({ arrayParentId }, _args, { loaders }) =>
        arrayParentId === null ? null : loaders.job.load(arrayParentId),
    }),
    isArray: t.boolean({
      description: 'It is an array of jobs. A task of one is not an array itself.',
      resolve: (job) => isArray(job),
    }),
    arrayTaskId: t.exposeInt('arrayTaskId', {
      nullable: true,
      description: 'The index of an array task. Null for every other job.',
    }),
    number: t.expose('number', {
      type: 'SafeInt',
      nullable: true,
      description:
        'Increases with each recorded job. It breaks ties in the order of a list, in the direction of that order. Null for array tasks.',
    }),
    taskCounts: t.field({
      type: [JobStateCountRef],
      description: 'How many tasks of an array are in each state. Empty for every other job.',
      resolve: async (job, _args, { loaders }) => (isArray(job) ? [...(await loaders.taskCounts.load(job.id))] : []),
    }),
  }),
});
