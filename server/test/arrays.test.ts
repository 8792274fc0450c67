import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { startSlurm } from './support/slurm.ts';

let slurm: LocalSlurm;
let bench: Workbench;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startSlurm({
    clusters: [
      {
        name: 'alpha',
        nodes: [{ name: 'n1', cpus: 256, memoryMb: 900_000 }],
        partitions: [{ name: 'main', nodes: ['n1'] }],
      },
    ],
  });
  stack.defer(() => slurm.stop());
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 2 }));
  stack.use(bench);
});

afterAll(() => stack.disposeAsync());

interface Task {
  readonly id: string;
  readonly arrayTaskId: number;
  readonly slurmJobId: string;
  readonly state: string;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly reason: string | null;
  readonly attempt: number;
  readonly evidence: { readonly source: string; readonly word: string } | null;
}

interface Page {
  readonly nodes: readonly Task[];
  readonly totalCount: number;
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** All tasks by index, page by page. */
async function tasks(array: JobData): Promise<readonly Task[]> {
  const all: Task[] = [];
  for (let after: string | null = null; ; ) {
    const query = `query ($id: ID!, $after: String) { job(id: $id) { tasks(first: 300, after: $after) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes { id arrayTaskId slurmJobId state exitCode signal reason attempt evidence { source word } }
    } } }`;
    const { job }: { job: { tasks: Page } } = await bench.server.query(query, { id: array.id, after });
    all.push(...job.tasks.nodes);
    if (!job.tasks.pageInfo.hasNextPage) {
      expect(job.tasks.totalCount).toBe(all.length);
      return all;
    }
    after = job.tasks.pageInfo.endCursor;
  }
}

interface Whole {
  readonly state: string;
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly evidence: unknown;
  readonly counts: Readonly<Record<string, number>>;
}

/** An array's own row, and how many of its tasks are in each state. */
async function whole(array: JobData): Promise<Whole> {
  const query =
    'query ($id: ID!) { job(id: $id) { state exitCode reason evidence { word } taskCounts { state count } } }';
  const { job } = await bench.server.query<{
    job: Omit<Whole, 'counts'> & { taskCounts: { state: string; count: number }[] };
  }>(query, { id: array.id });
  const { taskCounts, ...row } = job;
  return { ...row, counts: Object.fromEntries(taskCounts.map(({ state, count }) => [state, count])) };
}

async function act(name: 'holdJob' | 'releaseJob' | 'cancelJob', id: string): Promise<void> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const data = await bench.server.query<Record<string, { userErrors: unknown[] }>>(
    `mutation ($input: ${type}!) { ${name}(input: $input) { userErrors { code message } } }`,
    { input: { id } },
  );
  expect(data[name]?.userErrors).toEqual([]);
}

/** How often the cluster has been asked, by kind. */
async function asked(): Promise<Readonly<Record<string, number>>> {
  const { cluster } = await bench.server.query<{
    cluster: { load: { hour: { commands: { kind: string; count: number }[] } } };
  }>('{ cluster(name: "alpha") { load { hour { commands { kind count } } } } }');
  return Object.fromEntries(cluster.load.hour.commands.map(({ kind, count }) => [kind, count]));
}

async function logOf(id: string): Promise<string> {
  const query = 'query ($id: ID!) { job(id: $id) { log { text } } }';
  return (await bench.server.query<{ job: { log: { text: string } | null } }>(query, { id })).job.log?.text ?? '';
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

describe('an array of a thousand tasks', () => {
  it('is one job with its tasks under it, which are held, released and cancelled together or one by one', async () => {
    const before = await asked();
    const array = await bench.submit({
      partition: 'main',
      array: '0-999%8',
      // Those that are let go one by one at the end stay.
      command:
        'echo "task $SLURM_ARRAY_TASK_ID"; [ "$SLURM_ARRAY_TASK_ID" -lt 990 ] || sleep 300; exit $((SLURM_ARRAY_TASK_ID % 3))',
    });
    expect(array.slurmJobId).toMatch(/^\d+$/);
    const started = await until(
      () => whole(array),
      ({ counts }) => (counts['COMPLETED'] ?? 0) + (counts['FAILED'] ?? 0) >= 40,
      200_000,
    );
    expect(started).toMatchObject({
      state: expect.stringMatching(/^(?:RUNNING|COMPLETING|PENDING)$/),
      exitCode: null,
      evidence: null,
    });
    expect(sum(Object.values(started.counts))).toBe(1000);

    await act('holdJob', array.id);
    const held = await until(
      () => whole(array),
      ({ state }) => state === 'HELD',
    );
    const byIndex = await tasks(array);
    expect(byIndex.map(({ arrayTaskId, slurmJobId }) => [arrayTaskId, slurmJobId])).toEqual(
      Array.from({ length: 1000 }, (_, index) => [index, `${array.slurmJobId}_${index}`]),
    );
    const over = byIndex.filter(({ state }) => state !== 'HELD');
    expect(held.counts).toEqual({
      COMPLETED: over.filter(({ state }) => state === 'COMPLETED').length,
      FAILED: over.filter(({ state }) => state === 'FAILED').length,
      HELD: 1000 - over.length,
    });
    // They start in their order.
    expect(over.map(({ arrayTaskId }) => arrayTaskId)).toEqual(over.map((_, index) => index));
    for (const [index, task] of byIndex.entries()) {
      const code = index % 3;
      expect(task).toMatchObject({
        ...(index < over.length
          ? { state: code === 0 ? 'COMPLETED' : 'FAILED', exitCode: code, signal: null }
          : { state: 'HELD', exitCode: null, reason: 'JobHeldUser' }),
        attempt: 1,
        evidence: { source: 'SQUEUE' },
      });
    }
    for (const index of [0, 7, over.length - 1])
      expect(await bench.wholeLog(byIndex[index]?.id ?? '')).toBe(`task ${index}\n`);

    const [alone, dropped] = [byIndex[998], byIndex[500]];
    await act('cancelJob', dropped?.id ?? '');
    expect(await bench.ended(dropped?.id ?? '')).toMatchObject({ state: 'CANCELLED', exitCode: null, startedAt: null });
    await act('releaseJob', alone?.id ?? '');
    await bench.reaches(alone?.id ?? '', 'RUNNING');
    // Until then the signal that ends it may come before there is anything to catch it.
    await until(
      () => logOf(alone?.id ?? ''),
      (text) => text === 'task 998\n',
    );
    expect(await whole(array)).toMatchObject({
      state: 'RUNNING',
      counts: { ...held.counts, HELD: 1000 - over.length - 2, CANCELLED: 1, RUNNING: 1 },
    });

    await act('cancelJob', array.id);
    await bench.ended(array.id);
    const { COMPLETED = 0, FAILED = 0 } = held.counts;
    expect(await whole(array)).toMatchObject({
      state: 'FAILED',
      // The highest of its tasks': what was running when it was cancelled was ended by a signal.
      exitCode: 2,
      reason: `${1000 - COMPLETED} of 1000 tasks did not complete`,
      counts: { COMPLETED, FAILED, CANCELLED: 1000 - COMPLETED - FAILED },
    });
    const last = await tasks(array);
    expect(last.slice(0, over.length)).toEqual(over);
    expect(await bench.job(alone?.id ?? '')).toMatchObject({ state: 'CANCELLED', startedAt: expect.any(String) });
    for (const task of last.slice(over.length))
      expect(task).toMatchObject({ state: 'CANCELLED', evidence: { source: 'SQUEUE', word: 'CANCELLED' } });

    // Whatever the number of tasks: what grows with them are the looks at their own log files.
    const after = await asked();
    const more = (kind: string) => (after[kind] ?? 0) - (before[kind] ?? 0);
    expect(more('queue')).toBeLessThan(250);
    // Those that a look shows to have ended have their records read together, so a slow machine needs more of it.
    expect(more('markers')).toBeLessThanOrEqual(more('queue'));
    const others = Object.keys(after).filter((kind) => !['files', 'queue', 'markers'].includes(kind));
    // To submit it are two, and one each of the test's own changes; the others find out what Slurm can do.
    expect(sum(others.map(more))).toBeLessThan(15);
  });
});

it.concurrent('an array of which Slurm lists the tasks in thousands of letters is seen whole', async () => {
  const array = await bench.submit({ array: '0-998:2', command: 'true', extraOptions: ['--hold'] });
  await bench.reaches(array.id, 'HELD');
  const all = await until(
    () => tasks(array),
    (now) => now.every(({ state }) => state === 'HELD'),
  );
  expect(all.map(({ slurmJobId }) => slurmJobId)).toEqual(
    Array.from({ length: 500 }, (_, index) => `${array.slurmJobId}_${2 * index}`),
  );
  expect(new Set(all.map(({ evidence }) => evidence?.source))).toEqual(new Set(['SQUEUE']));
  await bench.cancel(array.id);
  expect(await bench.ended(array.id)).toMatchObject({ state: 'CANCELLED' });
  expect((await whole(array)).counts).toEqual({ CANCELLED: 500 });
});

/** A job that waits until it is let go, then ends with this code. */
const gate = (code: number, input = {}) =>
  bench.submit({ command: `exit ${code}`, extraOptions: ['--hold'], ...input });
const letGo = (job: JobData) => slurm.run('alpha', 'scontrol', ['release', job.slurmJobId ?? '']);
const dependent = (job: JobData, kind: string, input = {}) =>
  bench.submit({ command: 'true', dependsOn: [{ jobId: job.id, kind }], ...input });

async function waitsFor(job: Pick<JobData, 'id'>, reason: string): Promise<void> {
  await until(
    () => bench.job(job.id),
    (now) => now.state === 'PENDING' && now.reason === reason,
  );
}

describe.concurrent('a job that depends on another', () => {
  it('AFTER starts once the other has started', async () => {
    const first = await gate(0, { command: 'sleep 300' });
    const second = await dependent(first, 'AFTER');
    await waitsFor(second, 'Dependency');
    await letGo(first);
    expect(await bench.ended(second.id)).toMatchObject({ state: 'COMPLETED', reason: null });
    expect(await bench.job(first.id)).toMatchObject({ state: 'RUNNING' });
    await bench.cancel(first.id);
    await bench.ended(first.id);
  });

  it.each([
    [0, 'a job'],
    [0, 'an array'],
    [1, 'a job'],
    [1, 'an array'],
  ])('that ends with code %i and is %s starts, or waits for what never comes', async (code, what) => {
    const isRun = { AFTER_OK: code === 0, AFTER_NOT_OK: code !== 0, AFTER_ANY: true };
    const first = await gate(code, what === 'an array' ? { array: '0-2' } : {});
    const kinds = Object.entries(isRun);
    const seconds = await Promise.all(kinds.map(([kind]) => dependent(first, kind)));
    for (const second of seconds) await waitsFor(second, 'Dependency');
    await letGo(first);
    expect(await bench.ended(first.id)).toMatchObject({ state: code === 0 ? 'COMPLETED' : 'FAILED', exitCode: code });
    for (const [index, [, isMet]] of kinds.entries()) {
      const id = seconds[index]?.id ?? '';
      if (isMet) {
        const { startedAt, ...end } = await bench.ended(id);
        expect(end).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
        const { endedAt } = await bench.job(first.id);
        expect(Date.parse(startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(endedAt ?? ''));
      } else {
        await waitsFor({ id }, 'DependencyNeverSatisfied');
        await bench.cancel(id);
        expect(await bench.ended(id)).toMatchObject({ state: 'CANCELLED', startedAt: null });
      }
    }
  });

  it('is an array, too, which waits and starts as a whole', async () => {
    const first = await gate(0);
    const array = await dependent(first, 'AFTER_OK', { array: '0-3' });
    const never = await dependent(first, 'AFTER_NOT_OK', { array: '0-3' });
    await until(
      () => tasks(array),
      (all) => all.length === 4 && all.every(({ state, reason }) => state === 'PENDING' && reason === 'Dependency'),
    );
    await letGo(first);
    expect(await bench.ended(array.id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
    await until(
      () => tasks(never),
      (all) => all.every(({ reason }) => reason === 'DependencyNeverSatisfied'),
    );
    expect(await whole(never)).toMatchObject({ state: 'PENDING', counts: { PENDING: 4 } });
    await bench.cancel(never.id);
    expect(await bench.ended(never.id)).toMatchObject({ state: 'CANCELLED' });
  });
});
