import { allocationOf } from './allocation.ts';
import { isActiveState, type JobState } from './job-state.ts';
import { MAX_NODE_LIST } from './node-list.ts';
import type { JobResources } from './resources.ts';
import type { Seen } from './seen.ts';
import { bounded } from './text.ts';

/** The resources that each component of a heterogeneous job requests by itself. The others apply to the whole job. */
export type ComponentResources = Pick<
  JobResources,
  'nodes' | 'maxNodes' | 'tasks' | 'cpusPerTask' | 'memoryMb' | 'gpus' | 'gpusTotal' | 'gpusPerTask' | 'gpuType'
>;

/** The request for one component. */
export interface ComponentRequest {
  /** Null: the cluster's default. */
  readonly partition: string | null;
  readonly resources: ComponentResources;
  /** sbatch options in full, "--constraint=a100". */
  readonly extraOptions: readonly string[];
}

/** One component of a heterogeneous job as Slurm last showed it. */
export interface JobComponent extends Seen {
  /** 0 is the leader, which runs the batch script and whose number is the job's. */
  readonly offset: number;
}

/** A component that Slurm has not reported yet. */
export function unseenComponent(offset: number): JobComponent {
  return {
    offset,
    state: null,
    word: null,
    reason: null,
    exitCode: null,
    signal: null,
    attempt: null,
    startedAt: null,
    endedAt: null,
    estimatedStartAt: null,
    nodeList: null,
    partition: null,
    allocated: null,
  };
}

/** While any component is active, the job is too: it has the first of these states that a component has. */
const ACTIVE_PRECEDENCE: readonly JobState[] = [
  'RUNNING',
  'COMPLETING',
  'SUSPENDED',
  'CONFIGURING',
  'CANCELLING',
  // All start together, so one that is held holds all.
  'HELD',
  'PENDING',
  'SUBMITTING',
];

/** If the leader completed and another component did not, the worst end counts. */
const END_PRECEDENCE: readonly JobState[] = [
  'LOST',
  'SUBMIT_FAILED',
  'NODE_FAIL',
  'BOOT_FAIL',
  'OUT_OF_MEMORY',
  'FAILED',
  'TIMEOUT',
  'DEADLINE',
  'PREEMPTED',
  'REVOKED',
  'CANCELLED',
  'COMPLETED',
];

/**
 * The state of a heterogeneous job from those of its components, the leader first. It is active while any of them is,
 * and over only once the end of every one is known. The leader ran the batch script, so its end is the job's, except
 * that a job is COMPLETED only when every component is. Null: a component that nothing is known of keeps it open.
 */
export function heterogeneousState(states: readonly (JobState | null)[]): JobState | null {
  const active = ACTIVE_PRECEDENCE.find((state) => states.includes(state));
  if (active !== undefined) return active;
  const [leader] = states;
  if (leader === undefined || states.includes(null)) return null;
  return leader === 'COMPLETED' ? (END_PRECEDENCE.find((state) => states.includes(state)) ?? null) : leader;
}

/** The observation of a heterogeneous job, from those of its components, the leader first. */
export function wholeOf(components: readonly JobComponent[]): Omit<JobComponent, 'offset'> {
  const state = heterogeneousState(components.map((component) => component.state));
  const [leader = unseenComponent(0)] = components;
  // Whoever is in the job's state says why.
  const telling = components.find((component) => component.state === state) ?? leader;
  const nodeLists = new Set(components.flatMap(({ nodeList }) => nodeList ?? []));
  return {
    state,
    word: telling.word,
    reason: telling.reason,
    exitCode: leader.exitCode,
    signal: leader.signal,
    attempt: latest(components.map(({ attempt }) => attempt)),
    startedAt: leader.startedAt,
    endedAt: state === null || isActiveState(state) ? null : latest(components.map(({ endedAt }) => endedAt)),
    estimatedStartAt: latest(components.map(({ estimatedStartAt }) => estimatedStartAt)),
    nodeList: nodeLists.size === 0 ? null : bounded([...nodeLists].join(','), MAX_NODE_LIST),
    partition: leader.partition,
    allocated: allocationOf(components.map(({ allocated }) => allocated)),
  };
}

/** However many components a job has, each may name as many nodes. */
const LEAST_NODE_LIST = 1000;

/** The components of one job, whose lists of nodes share the room of a list. */
export function withBoundedNodes(components: readonly JobComponent[]): readonly JobComponent[] {
  const most = Math.max(LEAST_NODE_LIST, Math.floor(MAX_NODE_LIST / components.length));
  return components.map((component) => {
    const { nodeList } = component;
    return nodeList === null || nodeList.length <= most
      ? component
      : { ...component, nodeList: bounded(nodeList, most) };
  });
}

function latest<T extends number | Date>(values: readonly (T | null)[]): T | null {
  return values.reduce((last, value) => (last === null || (value !== null && value > last) ? value : last), null);
}
