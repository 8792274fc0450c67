import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import type { JobState } from '../domain/job-state.ts';
import { type TasksObservation, taskOf } from '../domain/observation.ts';
import { TaskList } from '../domain/task-list.ts';
import { aJob, NO_RESOURCES } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { Store } from '../store/index.ts';
import { DatabaseWork } from '../store/testing.ts';
import { isInQueue } from './comparison.ts';
import { Reconciler } from './reconciler.ts';
import { anObservation, ToldSlurm } from './testing.ts';

// What a row says of several tasks holds for each of them as if it had a row of its own.

const SIZE = 8;
const NOW = new Date('2026-11-24T12:30:00Z');
const log = { debug() {}, info() {}, warn() {}, error() {} } as never;
const ARRAY = aJob({
  ...{ id: '01K00000000000000000000001', slurmJobId: '12', state: 'RUNNING', submittedAt: NOW },
  resources: { ...NO_RESOURCES, array: `0-${SIZE - 1}` },
});

function aTask(arrayTaskId: number, state: JobState): Job {
  return aJob({
    ...{ id: `01K0000000000000000000001${arrayTaskId}`, slurmJobId: `12_${arrayTaskId}`, arrayParentId: ARRAY.id },
    ...{ arrayTaskId, state, workDir: '/w/array', submittedAt: NOW, startedAt: state === 'RUNNING' ? NOW : null },
  });
}

function aRow(slurmArrayId: string, list: string, parts: Partial<TasksObservation> = {}): TasksObservation {
  const tasks = TaskList.read(list);
  if (tasks === null) throw new Error(`${list} is no list`);
  const { slurmJobId: _, ...said } = anObservation({
    ...{ ownerId: ARRAY.id, state: 'PENDING', startedAt: null, nodeList: null },
  });
  return { ...said, slurmArrayId, tasks, ...parts };
}

interface Stage {
  readonly store: Store;
  readonly journal: Journal;
  readonly slurm: ToldSlurm;
  readonly reconciler: Reconciler;
}

async function aStage(jobs: readonly Job[]): Promise<Stage> {
  const store = await Store.open(':memory:');
  const journal = new Journal(store);
  await journal.start();
  await journal.write(SYSTEM, (writer) =>
    writer.create(jobs.map((job) => ({ job, idempotencyKey: null, submission: null }))),
  );
  const slurm = new ToldSlurm();
  const [onAccounting, onRequeueExpected] = [() => undefined, () => undefined];
  const options = { clusterName: 'alpha', slurm, jobs: store.jobs, journal, log, onAccounting, onRequeueExpected };
  return { store, journal, slurm, reconciler: new Reconciler(options) };
}

/** Everything that follows from rows, taken as they are or task by task. */
async function outcome(jobs: readonly Job[], rows: readonly TasksObservation[], isTogether: boolean) {
  const { store, journal, slurm, reconciler } = await aStage(jobs);
  slurm.claims.set('/w/array/0', '12_0').set('/w/array/1', '11_1').set('/w/array/2', '11_2');
  const observations = rows.flatMap((row) => [...row.tasks.indexes()].map((index) => taskOf(row, index)));
  const asked = [...journal.active('alpha').values()].filter(isInQueue).map(({ id }) => id);
  const found = [];
  for (let poll = 0; poll < 2; poll += 1) {
    const snapshot = isTogether ? { observations: [], shared: rows } : { observations, shared: [] };
    const { hasNews, isEndNear } = await reconciler.take({ ...snapshot, faultyRows: [] }, asked, NOW);
    await reconciler.stopped();
    const after = await store.jobs.getMany(jobs.map(({ id }) => id));
    found.push({ hasNews, isEndNear, after: after.map((job) => job && { ...job, evidence: job.evidence?.word }) });
  }
  await store.close();
  return { found, asked: slurm.asked.map((question) => question.split(/[ ,]/).sort()).sort() };
}

const STATES: readonly JobState[] = ['PENDING', 'HELD', 'RUNNING', 'COMPLETED', 'CANCELLED'];
const list = fc
  .uniqueArray(fc.integer({ min: 0, max: SIZE + 1 }), { minLength: 2 })
  .map((indexes) => indexes.sort((left, right) => left - right).join(','));
const row = fc.record({
  list: fc.oneof(list, fc.constantFrom(`0-${SIZE - 1}`, '0-6:2', '1-7:2')),
  state: fc.constantFrom<JobState | null>('PENDING', 'HELD', 'RUNNING', 'CANCELLED', null),
  attempt: fc.constantFrom(1, 2),
  ownerId: fc.constantFrom(ARRAY.id, ARRAY.id, '01K00000000000000000000099', null),
});

describe('a row of several tasks', () => {
  it('says of each what a row of its own would say', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...STATES), { minLength: SIZE, maxLength: SIZE }),
        fc.option(row),
        fc.option(row),
        async (states, own, other) => {
          const jobs = [ARRAY, ...states.map((state, index) => aTask(index, state))];
          const rows = [['12', own] as const, ['11', other] as const].flatMap(([number, parts]) =>
            parts === null
              ? []
              : [
                  aRow(number, parts.list, {
                    ...parts,
                    word: parts.state,
                    startedAt: parts.state === 'RUNNING' ? NOW : null,
                  }),
                ],
          );
          expect(await outcome(jobs, rows, true)).toEqual(await outcome(jobs, rows, false));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('changes nothing for tasks that another job has, or that are not known', async () => {
    const jobs = [ARRAY, aTask(0, 'PENDING')];
    const { found, asked } = await outcome(
      jobs,
      [aRow('12', '0-49999'), aRow('13', '0-49999', { ownerId: '01K00000000000000000000099' })],
      true,
    );
    expect(found.map(({ after }) => after.map((job) => job?.state))).toEqual([
      ['PENDING', 'PENDING'],
      ['PENDING', 'PENDING'],
    ]);
    expect(asked).toEqual([]);
  });

  it('costs what is stored, and not what it names', async () => {
    const { store, journal, reconciler } = await aStage([ARRAY, aTask(0, 'RUNNING')]);
    const read = { jobs: 0 };
    for (const method of ['getMany', 'tasksAt', 'inSlurm'] as const) {
      const original = store.jobs[method].bind(store.jobs) as (...words: never[]) => Promise<readonly unknown[]>;
      Object.assign(store.jobs, {
        [method]: async (...words: never[]) => {
          const found = await original(...words);
          read.jobs += found.length;
          return found;
        },
      });
    }
    const asked = [...journal.active('alpha').values()].filter(isInQueue).map(({ id }) => id);
    // As foreign ones, and as the array's own script that was submitted again and again.
    for (const ownerId of ['01K00000000000000000000099', ARRAY.id]) {
      const shared = Array.from({ length: 1000 }, (_, index) => aRow(`${100 + index}`, '0-49999', { ownerId }));
      const tasks = anObservation({ slurmJobId: '12_0', ownerId: ARRAY.id });
      await reconciler.take({ observations: [tasks], shared, faultyRows: [] }, asked, NOW);
      expect(read.jobs).toBeLessThan(250);
    }
    await reconciler.stopped();
    await store.close();
  });
});

describe('rows of arrays of which tasks are over', () => {
  const TASKS = 400;
  const ROWS = 300;
  const alive = aJob({ slurmJobId: '6', state: 'RUNNING' });
  /** Every other one is over, or all are. */
  const anArray = (slurmJobId: string, areAllOver = true) => {
    const array = aJob({ slurmJobId, state: 'RUNNING', resources: { ...NO_RESOURCES, array: `0-${TASKS - 1}` } });
    const tasks = Array.from({ length: TASKS }, (_, arrayTaskId) =>
      aJob({
        ...{ slurmJobId: `${slurmJobId}_${arrayTaskId}`, arrayParentId: array.id, arrayTaskId },
        state: areAllOver || arrayTaskId % 2 === 0 ? 'COMPLETED' : 'PENDING',
      }),
    );
    return { array, all: [array, ...tasks] };
  };
  const pairs = (row: (first: number) => TasksObservation) =>
    Array.from({ length: ROWS }, (_, index) => row(2 * index));
  const both = (first: number) => `${first},${first + 1}`;

  it.each<[string, (ownerId: string) => readonly TasksObservation[]]>([
    ['of none that is stored', (ownerId) => pairs((first) => aRow('5', both(first + TASKS), { ownerId }))],
    ['of all that are stored, and of others', (ownerId) => pairs((first) => aRow('5', both(first), { ownerId }))],
    [
      'of ends of a later attempt',
      (ownerId) => pairs((first) => aRow('5', both(first + TASKS), { ownerId, state: 'CANCELLED', attempt: 2 })),
    ],
    ['of foreign jobs', () => pairs((first) => aRow('5', both(first), { ownerId: '01K00000000000000000000099' }))],
    ['of jobs of nobody', () => pairs((first) => aRow('5', both(first), { ownerId: null }))],
    [
      'of two arrays in turns',
      (ownerId) => pairs((first) => aRow(first % 4 === 0 ? '5' : '7', both(first + TASKS), { ownerId })),
    ],
  ])('cost what they are and what is stored, not each what all cost: %s', async (_what, rowsOf) => {
    for (const areAllOver of [true, false]) {
      using work = new DatabaseWork();
      const [one, other] = [anArray('5', areAllOver), anArray('7', areAllOver)];
      const { store, journal, reconciler } = await aStage([...one.all, ...other.all, alive]);
      const asked = [...journal.active('alpha').values()].filter(isInQueue).map(({ id }) => id);
      const before = work.rowsRead;
      const snapshot = { observations: [anObservation({ slurmJobId: '6' })], shared: rowsOf(one.array.id) };
      await reconciler.take({ ...snapshot, faultyRows: [] }, asked, NOW);
      // Each is read by its number, as a job, and to be written.
      expect(work.rowsRead - before).toBeLessThan(4 * (ROWS + 2 * TASKS));
      await reconciler.stopped();
      await store.close();
    }
  });
});

describe('a task that was over', () => {
  it('is found in a row of its array that shows it alive, whatever else is stored under the number', async () => {
    const jobs = [
      ARRAY,
      ...Array.from({ length: SIZE }, (_, index) => aTask(index, index % 2 === 0 ? 'COMPLETED' : 'PENDING')),
      aJob({ slurmJobId: '12', state: 'COMPLETED' }),
      aJob({ slurmJobId: '120_0', state: 'COMPLETED' }),
    ];
    const { found } = await outcome(jobs, [aRow('12', '0-7', { attempt: 2 })], true);
    expect(found[0]?.after.map((job) => job?.state)).toEqual([
      'PENDING',
      ...Array.from({ length: SIZE }, () => 'PENDING'),
      'COMPLETED',
      'COMPLETED',
    ]);
  });
});
