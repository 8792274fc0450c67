import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { monotonicFactory } from 'ulid';
import { type GpuPool, PoolSums, type ResourceCount } from './inventory.ts';
import type { Job } from './job.ts';
import type { JobFilter } from './job-filter.ts';
import type { Project } from './project.ts';
import type { JobResources } from './resources.ts';
import type { Submission } from './submission.ts';

/** Ids grow in the order in which they are made, as those of a server's jobs nearly always do. */
const ulid = monotonicFactory();

export const NO_RESOURCES: JobResources = {
  nodes: null,
  maxNodes: null,
  tasks: null,
  cpusPerTask: null,
  memoryMb: null,
  gpus: null,
  gpusTotal: null,
  gpusPerTask: null,
  gpuType: null,
  timeLimitMinutes: null,
  account: null,
  qos: null,
  array: null,
};

export const NO_SUBMISSION: Submission = {
  environment: [],
  extraOptions: [],
  dependsOn: [],
  isSingleton: false,
  condaEnv: null,
  prologue: null,
  partition: null,
  gitRef: null,
  message: null,
  components: [],
};

/** Lets every job through, the tasks of arrays included. */
export const EVERY_JOB: JobFilter = {
  ids: null,
  search: null,
  states: null,
  tags: null,
  isActive: null,
  isArchived: null,
  clusters: null,
  projectIds: null,
  userIds: null,
  partitions: null,
  submittedAfter: null,
  submittedBefore: null,
  exitCodes: null,
  startedAfter: null,
  startedBefore: null,
  endedAfter: null,
  endedBefore: null,
  includeArrayTasks: true,
};

/** A job that waits on `alpha` under a number of its own; what matters to a test is given. */
export function aJob(parts: Partial<Job> = {}): Job {
  const id = parts.id ?? ulid();
  const name = parts.name ?? 'train';
  return {
    id,
    name,
    slurmName: `${name}.${id}`,
    projectId: null,
    clusterName: 'alpha',
    submittedBy: 'administrator',
    slurmJobId: '1234',
    state: 'PENDING',
    evidence: null,
    reason: null,
    exitCode: null,
    signal: null,
    attempt: 1,
    description: null,
    tags: [],
    basedOnId: null,
    isArchived: false,
    command: 'python train.py',
    gitCommit: null,
    hasUncommittedChanges: false,
    workDir: `/home/ada/slurmql/jobs/${id}`,
    partition: null,
    resources: NO_RESOURCES,
    components: [],
    nodeList: null,
    allocated: null,
    submittedAt: new Date('2026-11-24T12:00:00Z'),
    startedAt: null,
    endedAt: null,
    estimatedStartAt: null,
    cancelRequestedAt: null,
    arrayParentId: null,
    arrayTaskId: null,
    number: null,
    ...parts,
  };
}

export function aProject(parts: Partial<Project> = {}): Project {
  const id = parts.id ?? ulid();
  return {
    id,
    name: `project-${id}`,
    path: `/repositories/${id}`,
    condaEnv: null,
    prologue: null,
    git: { remoteUrl: null, branch: 'main', headCommit: null, isDirty: false },
    fault: null,
    syncedAt: new Date('2026-11-24T12:00:00Z'),
    ...parts,
  };
}

/** The memory that is held, in bytes; how much garbage there is beside it is V8's to choose. */
export function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Counts that add up. */
export const anyCount: fc.Arbitrary<ResourceCount> = fc
  .record({ allocated: fc.nat(8), idle: fc.nat(8), unavailable: fc.nat(8) })
  .map((parts) => ({ ...parts, total: parts.allocated + parts.idle + parts.unavailable }));

/** GPUs of one type, or of none that is known. */
export const anyPool: fc.Arbitrary<GpuPool> = fc
  .record({
    gpuType: fc.constantFrom('', 'a100', 'h100'),
    parts: anyCount,
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ gpuType, parts, share }) => ({ gpuType, ...parts, obtainable: Math.floor(parts.idle * share) }));

export function sumPools(pools: readonly GpuPool[]): GpuPool[] {
  const sums = new PoolSums();
  sums.add(pools);
  return sums.all();
}
