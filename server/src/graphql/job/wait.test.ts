import { afterEach, beforeEach, expect, it } from 'vitest';
import { SYSTEM } from '../../domain/actor.ts';
import type { Job } from '../../domain/job.ts';
import { aJob } from '../../domain/testing.ts';
import { Journal } from '../../events/index.ts';
import { Store } from '../../store/index.ts';
import { JobWaits } from './wait.ts';

let store: Store;
let journal: Journal;
beforeEach(async () => {
  store = await Store.open(':memory:');
  journal = new Journal(store);
  await journal.start();
});
afterEach(() => store.close());

const create = (job: Job) =>
  journal.write(SYSTEM, (writer) => writer.create([{ job, idempotencyKey: null, submission: null }]));
const end = (job: Job) =>
  journal.write(SYSTEM, (writer) => writer.update(job.id, (one) => ({ ...one, state: 'COMPLETED' })));

/** How a wait goes on: whether it is over, and what with. */
function wait(job: Job, read: () => Promise<Job | null>, signal = new AbortController().signal) {
  const waiting = { isOver: false, answer: null as Promise<Job | null> | null };
  const { id, clusterName } = job;
  waiting.answer = new JobWaits()
    .untilOver({ id, clusterName, read }, journal, 300, { account: 'ada', signal })
    .finally(() => {
      waiting.isOver = true;
    });
  return waiting;
}
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
};

it('goes on for a job that the store shows before the journal has told of it', async () => {
  const job = aJob({ state: 'SUBMITTING' });
  const waiting = wait(job, async () => (await store.jobs.get(job.id)) ?? job);
  await turns(20);
  expect(waiting.isOver).toBe(false);
  await create(job);
  await turns(20);
  expect(waiting.isOver).toBe(false);
  await end(job);
  expect(await waiting.answer).toMatchObject({ id: job.id, state: 'COMPLETED' });
});

it('goes on for a job whose new attempt began before its end was read', async () => {
  const job = aJob({ state: 'RUNNING' });
  await create(job);
  const waiting = wait(job, async () => {
    const state = 'PENDING';
    await journal.write(SYSTEM, (writer) => writer.update(job.id, (one) => ({ ...one, state, attempt: 2 })));
    return store.jobs.get(job.id);
  });
  await end(job);
  await turns(20);
  expect(waiting.isOver).toBe(false);
});

it('is answered with the job as it is once nobody waits for its end any more', async () => {
  const job = aJob({ state: 'RUNNING' });
  await create(job);
  const leaving = new AbortController();
  const waiting = wait(job, () => Promise.reject(new Error('nothing is read then')), leaving.signal);
  leaving.abort();
  expect(await waiting.answer).toMatchObject({ id: job.id, state: 'RUNNING' });
});
