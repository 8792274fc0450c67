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
import { type JobList, readJobList } from './list.ts';
import { DEFAULT_LOG_BYTES, LogAbsenceRef, LogChunkRef, LogStreamRef, readJobLog, withLogFile } from './log.ts';
import { logUrl } from './log-address.ts';
import { JobRef } from './ref.ts';
import { JobComponentRef, JobResourcesRef, shownComponents } from './resources.ts';
import { JobAttemptRef, JobEvidenceRef, JobStateCountRef, JobStateRef } from './state.ts';
import { JobSubmissionRef } from './submission.ts';

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
      description: 'Number of the signal that ended it. Null: none did.',
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
        "What there is to tell about how the job was taken, a line each: sbatch's own words beside the job's number, such as a warning that fewer nodes are enough. A task has its array's. Null: nothing was said.",
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
