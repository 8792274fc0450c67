import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JOB_ORDER_FIELDS, type JobFilter, type JobOrder } from '@slurmql/server/src/domain/job-filter.ts';
import type { JobState } from '@slurmql/server/src/domain/job-state.ts';
import { EVERY_JOB } from '@slurmql/server/src/domain/testing.ts';
import { Store } from '@slurmql/server/src/store/index.ts';
import type { Benchmark, Row } from '../benchmark.ts';
import { watched } from '../event-loop.ts';
import { CLUSTERS, MODELS, type PlausibleJobs, plausibleJobs, seededRandom, TASKS } from '../plausible-jobs.ts';
import { record } from '../recorded-jobs.ts';
import { median, percentile, timed } from '../statistics.ts';

const SEED = 42;
const UNTIL = new Date('2026-11-25T00:00:00Z');
const DAY_MS = 86_400_000;
const COMBINATIONS = 200;
const NEWEST_FIRST: JobOrder = { field: 'SUBMITTED_AT', direction: 'DESC' };
/** What the dashboard shows at first. */
const LISTED: JobFilter = { ...EVERY_JOB, isArchived: false, includeArrayTasks: false };

/** Lists of a million jobs: what a page costs whatever is asked for. */
export const benchmark: Benchmark = {
  about: 'pages, sorts and counts of a million jobs',
  async run({ stack, progress, jobs }) {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-lists-'));
    stack.defer(() => rm(directory, { recursive: true }));
    const file = join(directory, 'slurmql.db');
    const world = plausibleJobs(jobs, SEED, UNTIL);
    const recordedMs = await timed(() => record(file, world, progress));

    let opened: Store | undefined;
    const startMs = await timed(async () => {
      opened = await Store.open(file);
      await opened.jobs.allActive();
    });
    const store = opened ?? (await Store.open(file));
    stack.defer(() => store.close());
    const page = (filter: JobFilter, order: JobOrder, from: string | null = null) =>
      store.jobs.page(filter, order, { limit: 50, backwards: false, from });
    const timedPage = (...asked: Parameters<typeof page>) => timed(() => page(...asked));

    await page(LISTED, NEWEST_FIRST);
    const plain: number[] = [];
    for (let round = 0; round < 100; round += 1) plain.push(await timedPage(LISTED, NEWEST_FIRST));

    progress('pages by two filters');
    const filters = twoFilters(world, jobs);
    const first: number[] = [];
    const deep: number[] = [];
    for (let round = 0; round < COMBINATIONS; round += 1) {
      const filter = filters.next();
      first.push(await timedPage(filter, NEWEST_FIRST));
      const { rows } = await page({ ...LISTED, isArchived: null, submittedBefore: filters.instant() }, NEWEST_FIRST);
      deep.push(await timedPage(filter, NEWEST_FIRST, rows.at(-1)?.cursor ?? null));
    }

    progress('sorts and counts');
    const sorted: number[] = [];
    for (const field of JOB_ORDER_FIELDS) {
      for (const direction of ['ASC', 'DESC'] as const) sorted.push(await timedPage(LISTED, { field, direction }));
    }
    const held: number[] = [];
    const counted: Partial<JobFilter>[] = [{}, { isArchived: null }, { states: ['COMPLETED'] }, { search: 'resnet50' }];
    for (const parts of counted) {
      held.push((await watched(() => store.jobs.count({ ...LISTED, ...parts }))).heldMs);
    }
    const { size } = await stat(file);
    return [
      limit('first page, p50', 'ms', median(plain), 2, plain.length),
      limit('first page by two filters, p95', 'ms', percentile(first, 0.95), 25, first.length),
      limit('page from anywhere by two filters, p95', 'ms', percentile(deep, 0.95), 25, deep.length),
      limit('first page by any order, the slowest', 'ms', Math.max(...sorted), 25, sorted.length),
      limit('event loop held by a count, the longest', 'ms', Math.max(...held), 100, held.length),
      limit('open, and read the active jobs', 'ms', startMs, 1000, 1),
      limit('file', 'MiB', size / 1024 ** 2, 2048, 1),
      { ...limit('jobs recorded', '/s', jobs / (recordedMs / 1000), 1000, 1), goal: { atLeast: 1 } },
    ];
  },
};

function limit(work: string, unit: Row['unit'], ours: number, figure: number, samples: number): Row {
  return { work, unit, ours, against: { name: 'limit', kind: 'limit', figure }, goal: { atMost: 1 }, samples };
}

/** Filters as people make them, of two parts each, beside what the list leaves out anyway; the same in every run. */
function twoFilters({ projects, users }: PlausibleJobs, jobs: number) {
  const random = seededRandom(7);
  const pick = <T>(list: readonly T[]): T => {
    const value = list[Math.floor(random() * list.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  };
  const some = <T>(list: readonly T[], most: number) => [
    ...new Set(Array.from({ length: 1 + Math.floor(random() * most) }, () => pick(list))),
  ];
  const instant = () => new Date(UNTIL.getTime() - Math.floor(random() * 730) * DAY_MS);
  /** Jobs that ended in some week. */
  const span = (): Partial<JobFilter> => {
    const from = instant();
    return { endedAfter: from, endedBefore: new Date(from.getTime() + 7 * DAY_MS) };
  };
  const states: readonly JobState[][] = [
    ['FAILED'],
    ['COMPLETED'],
    ['RUNNING', 'PENDING'],
    ['FAILED', 'TIMEOUT', 'OUT_OF_MEMORY', 'NODE_FAIL'],
    ['LOST'],
    ['CANCELLED'],
  ];
  const searches = [
    () => pick(MODELS),
    () => `${pick(TASKS)}-${pick(MODELS)}`,
    () => `${pick(TASKS)} ${pick(MODELS)}`,
    () => `${pick(TASKS)}-${pick(MODELS)}-${Math.floor(random() * 1000)}`,
    () => Math.floor(random() * 16 ** 6).toString(16),
    () => String(1_000_000 + Math.floor(random() * jobs)),
    () => pick(projects).name,
    () => 'nothing-like-it',
  ];
  const parts: readonly (() => Partial<JobFilter>)[] = [
    () => ({ search: pick(searches)() }),
    () => ({ states: pick(states) }),
    () => ({ isActive: random() < 0.5 }),
    () => ({ isArchived: pick([true, null]) }),
    () => ({ clusters: some(CLUSTERS, 2) }),
    () => ({
      projectIds: some(
        projects.map(({ id }) => id),
        3,
      ),
    }),
    () => ({ userIds: some(users, 2) }),
    () => ({ partitions: some(['gpu', 'cpu', 'long', 'debug', 'a100', 'h100', 'standard', 'bigmem'], 2) }),
    () => ({ submittedAfter: instant() }),
    () => ({ submittedBefore: instant() }),
    () => ({ exitCodes: pick([[0], [1], [137, 139]]) }),
    () => ({ startedAfter: instant() }),
    () => ({ startedBefore: instant() }),
    () => span(),
  ];
  return {
    instant,
    next(): JobFilter {
      const one = Math.floor(random() * parts.length);
      const other = (one + 1 + Math.floor(random() * (parts.length - 1))) % parts.length;
      return { ...LISTED, ...parts[one]?.(), ...parts[other]?.() };
    },
  };
}
