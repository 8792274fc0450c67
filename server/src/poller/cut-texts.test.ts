import { afterEach, beforeEach, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import type { JobObservation } from '../domain/observation.ts';
import { aJob } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { Store } from '../store/index.ts';
import { Reconciler } from './reconciler.ts';
import { anObservation, ToldSlurm } from './testing.ts';

// A job whose texts have no room beside those of others is shown with the whole texts by each answer.

const NOW = new Date('2026-11-24T12:30:00Z');
const log = { debug() {}, info() {}, warn() {}, error() {} } as never;
const NODES = `gpu[${Array.from({ length: 1500 }, (_, index) => 1000 + 2 * index).join(',')}]`;
const GPUS = Array.from({ length: 20 }, (_, index) => ({ gpuType: `type${index}`, count: 1 }));
const ALLOCATED = { cpus: 4, memoryMb: 8, gpus: GPUS, timeLimitSeconds: 60 };
const TEXTS = { nodeList: NODES, partition: 'p'.repeat(900), reason: 'w'.repeat(900), allocated: ALLOCATED };
const PARTS = [0, 1].map((offset) => ({ ...unseenComponent(offset), state: 'RUNNING' as const, ...TEXTS }));

let store: Store;
let journal: Journal;
let reconciler: Reconciler;
let job: Job;
let fillers: readonly Job[];
beforeEach(async () => {
  store = await Store.open(':memory:');
  journal = new Journal(store);
  await journal.start();
  fillers = Array.from({ length: 66 }, () =>
    aJob({ state: 'SUBMITTING', slurmJobId: null, reason: 'r'.repeat(1024 * 1024) }),
  );
  job = aJob({
    slurmJobId: '7',
    state: 'PENDING',
    submittedAt: NOW,
    components: PARTS.map(({ offset }) => unseenComponent(offset)),
  });
  await journal.write(SYSTEM, (writer) =>
    writer.create([...fillers, job].map((one) => ({ job: one, idempotencyKey: null, submission: null }))),
  );
  const [onAccounting, onRequeueExpected] = [() => undefined, () => undefined];
  const options = { clusterName: 'alpha', slurm: new ToldSlurm(), jobs: store.jobs, journal, log };
  reconciler = new Reconciler({ ...options, onAccounting, onRequeueExpected });
});
afterEach(async () => {
  await reconciler.stopped();
  await store.close();
});

const seen = (parts: Partial<JobObservation> = {}) =>
  anObservation({
    ...{ slurmJobId: '7', ownerId: job.id, startedAt: NOW, ...TEXTS, components: PARTS, ...parts },
  });
const take = (observation: JobObservation) =>
  reconciler.take({ observations: [observation], shared: [], faultyRows: [] }, [job.id], NOW);
const stored = async () => (await store.jobs.get(job.id)) ?? job;

it('is news once, and not again with each answer that shows the whole texts', async () => {
  expect((await take(seen())).hasNews).toBe(true);
  const cut = await stored();
  expect(cut.state).toBe('RUNNING');
  for (const text of [cut.nodeList, cut.partition, cut.components[1]?.nodeList]) {
    expect(text).toMatch(/characters cut\)$/);
  }
  expect(JSON.stringify(cut).length).toBeLessThan(5000);
  const { newest } = journal;
  for (let poll = 0; poll < 3; poll += 1) expect((await take(seen())).hasNews).toBe(false);
  expect(journal.newest).toBe(newest);
  // Others are texts of their own.
  expect(
    (await take(seen({ components: PARTS.map((part) => ({ ...part, nodeList: `other${NODES}` })) }))).hasNews,
  ).toBe(true);
  expect((await stored()).nodeList).toMatch(/^othergpu\[1000,.* characters cut\)$/);
});

it('follows the job all the same, and its end has the whole texts', async () => {
  await take(seen());
  await take(seen({ components: PARTS.map((part) => ({ ...part, state: 'COMPLETING' as const })) }));
  expect(await stored()).toMatchObject({ state: 'COMPLETING', nodeList: expect.stringMatching(/characters cut\)$/) });
  const ended = { state: 'COMPLETED', word: 'COMPLETED', exitCode: 0, endedAt: NOW } as const;
  await take(seen({ components: PARTS.map((part) => ({ ...part, ...ended })) }));
  expect(await stored()).toMatchObject({ state: 'COMPLETED', nodeList: NODES });
});

it('shows the whole texts with the next change once there is room', async () => {
  await take(seen());
  await journal.write(SYSTEM, async (writer) => {
    for (const { id } of fillers) await writer.update(id, (one) => ({ ...one, state: 'CANCELLED' }));
  });
  await take(seen({ components: PARTS.map((part) => ({ ...part, state: 'COMPLETING' as const })) }));
  expect(await stored()).toMatchObject({ state: 'COMPLETING', nodeList: NODES });
});
