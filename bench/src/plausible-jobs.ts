import type { Job } from '@slurmql/server/src/domain/job.ts';
import { isActiveState, type JobState } from '@slurmql/server/src/domain/job-state.ts';
import type { Project } from '@slurmql/server/src/domain/project.ts';
import { aJob, aProject, NO_RESOURCES } from '@slurmql/server/src/domain/testing.ts';

const DAY_MS = 86_400_000;
const YEARS = 2;
const USERS = 120;
const PROJECTS = 300;

const PARTITIONS: Readonly<Record<string, readonly string[]>> = {
  alpha: ['gpu', 'gpu', 'gpu', 'cpu', 'cpu', 'long', 'debug'],
  beta: ['a100', 'a100', 'h100', 'cpu'],
  gamma: ['standard', 'standard', 'standard', 'bigmem'],
  delta: ['gpu', 'interactive'],
  epsilon: ['cpu', 'long'],
};
export const CLUSTERS = Object.keys(PARTITIONS);
const CLUSTER_WEIGHTS = [0.4, 0.3, 0.15, 0.1, 0.05];
const STATES: readonly (readonly [JobState, number])[] = [
  ['COMPLETED', 0.72],
  ['FAILED', 0.13],
  ['CANCELLED', 0.07],
  ['TIMEOUT', 0.05],
  ['OUT_OF_MEMORY', 0.02],
  ['NODE_FAIL', 0.004],
  ['PREEMPTED', 0.003],
  ['LOST', 0.002],
  ['SUBMIT_FAILED', 0.0007],
  ['BOOT_FAIL', 0.0003],
];
export const MODELS = [
  'resnet50',
  'bert-base',
  'unet',
  'gpt-small',
  'vit',
  'ppo',
  'diffusion',
  'gnn',
  'lstm',
  'whisper',
];
export const TASKS = ['train', 'evaluate', 'preprocess', 'sweep', 'export', 'ablation', 'pretrain', 'finetune'];

const ULID_LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID of an instant, in ms since 1970, that is the same in every run. */
function ulid(instant: number, random: () => number): string {
  const letter = (value: number) => ULID_LETTERS.charAt(Math.floor(value) % 32);
  const time = Array.from({ length: 10 }, (_, place) => letter(instant / 32 ** (9 - place)));
  const rest = Array.from({ length: 16 }, () => letter(random() * 32));
  return [...time, ...rest.reverse()].join('');
}

/** Random numbers from 0 to 1 that are the same in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface PlausibleJobs {
  readonly projects: readonly Project[];
  readonly users: readonly string[];
  /** The oldest first; made while they are read, so that a million of them need no memory. */
  readonly jobs: IteratorObject<Job, void, undefined>;
}

/**
 * The jobs of two years that ended at `until`: projects that begin and end, each with a few people, one or two clusters
 * and words of its own; old jobs mostly archived; few jobs active, all of them young. The same for the same seed.
 */
export function plausibleJobs(count: number, seed: number, until: Date): PlausibleJobs {
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => {
    const value = list[Math.floor(random() * list.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  };
  const weighted = <T>(list: readonly (readonly [T, number])[]): T => {
    let rest = random() * list.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [value, weight] of list) {
      rest -= weight;
      if (rest <= 0) return value;
    }
    return pick(list)[0];
  };
  const start = until.getTime() - YEARS * 365 * DAY_MS;
  const span = until.getTime() - start;
  const users = Array.from({ length: USERS }, (_, index) => `user-${String(index).padStart(3, '0')}`);
  const clusterWeights = CLUSTERS.map((name, index) => [name, CLUSTER_WEIGHTS[index] ?? 0] as const);
  const plans = Array.from({ length: PROJECTS }, (_, index) => {
    const from = index < 5 ? 0 : random() * 0.95 - 0.1;
    return {
      project: aProject({
        id: ulid(start + index, random),
        name: `${pick(MODELS)}-${pick(TASKS)}-${index}`,
        syncedAt: until,
      }),
      from,
      to: index < 5 ? 1 : from + 0.05 + random() * 0.6,
      weight: 1 / (index + 3),
      users: Array.from({ length: 1 + Math.floor(random() * 4) }, () => users[Math.floor(random() ** 2 * USERS)] ?? ''),
      clusters: Array.from({ length: 1 + Math.floor(random() * 2) }, () => weighted(clusterWeights)),
      models: Array.from({ length: 1 + Math.floor(random() * 2) }, () => pick(MODELS)),
      isTidy: random() < 0.6,
    };
  });
  return { projects: plans.map(({ project }) => project), users, jobs: jobs() };

  function* jobs(): Generator<Job, void, undefined> {
    let alive: (readonly [(typeof plans)[number], number])[] = [];
    for (let index = 0; index < count; index += 1) {
      const moment = (index + random()) / count;
      if (index % 1000 === 0) {
        alive = plans.filter(({ from, to }) => from <= moment && moment <= to).map((plan) => [plan, plan.weight]);
      }
      const plan = weighted(alive);
      const submittedAt = new Date(Math.floor(start + moment * span));
      const age = until.getTime() - submittedAt.getTime();
      const clusterName = pick(plan.clusters);
      const model = pick(plan.models);
      const task = pick(TASKS);
      const trial = Math.floor(random() * 1000);
      const waited = random() ** 4 * DAY_MS;
      const ran = random() ** 3 * 2 * DAY_MS;
      const isOver = age > waited + ran;
      const state = isOver ? weighted(STATES) : age > waited ? 'RUNNING' : 'PENDING';
      const hasRun = state !== 'PENDING' && state !== 'SUBMIT_FAILED' && (state !== 'CANCELLED' || random() < 0.6);
      const startedAt = hasRun ? new Date(submittedAt.getTime() + Math.floor(waited)) : null;
      const isKnownEnd = isOver && state !== 'LOST' && state !== 'SUBMIT_FAILED';
      yield aJob({
        id: ulid(submittedAt.getTime(), random),
        name: `${task}-${model}-${trial}`,
        command: `python ${task}.py --model ${model} --learning-rate 0.${trial} --seed ${index % 7} --data /data/${plan.project.name}`,
        projectId: random() < 0.95 ? plan.project.id : null,
        submittedBy: pick(plan.users),
        clusterName,
        partition: random() < 0.98 ? pick(PARTITIONS[clusterName] ?? []) : null,
        slurmJobId: String(1_000_000 + index),
        state,
        evidence: { source: isActiveState(state) ? 'SQUEUE' : 'SACCT', word: state, seenAt: submittedAt },
        exitCode: state === 'COMPLETED' ? 0 : state === 'FAILED' ? 1 : null,
        isArchived: isOver && age > 90 * DAY_MS && random() < (plan.isTidy ? 0.98 : 0.3),
        gitCommit: commitOf(plan.project.id, Math.floor(moment * 500)),
        resources: {
          ...NO_RESOURCES,
          nodes: 1,
          cpusPerTask: 8,
          memoryMb: 65_536,
          gpus: trial % 4,
          timeLimitMinutes: 1440,
        },
        nodeList: hasRun ? `${clusterName}-${trial % 200}` : null,
        submittedAt,
        startedAt,
        endedAt: isKnownEnd ? new Date(submittedAt.getTime() + Math.floor(waited + (hasRun ? ran : 0))) : null,
      });
    }
  }
}

function commitOf(projectId: string, number: number): string {
  const random = seededRandom(
    number * 7919 + [...projectId].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7),
  );
  return Array.from({ length: 5 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
}
