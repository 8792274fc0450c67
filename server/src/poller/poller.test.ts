import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import { currentAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import { ownerId } from '../domain/observation.ts';
import { aJob } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { SlurmUnavailable } from '../slurm/index.ts';
import { SshInterrupted, SshUnavailable } from '../ssh/index.ts';
import { Store } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { Poller } from './poller.ts';
import { anObservation, ToldSlurm } from './testing.ts';

const SECOND = 1000;
let store: Store;
let journal: Journal;
let slurm: ToldSlurm;
let poller: Poller;
let answers: (Error | null)[];
let warnings: string[];

beforeEach(async () => {
  vi.useFakeTimers({
    now: new Date('2026-11-24T12:00:00Z'),
    toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
  });
  vi.spyOn(Math, 'random').mockReturnValue(0);
  store = await Store.open(':memory:');
  journal = new Journal(store);
  await journal.start();
  slurm = new ToldSlurm();
  answers = [];
  warnings = [];
  poller = aPoller();
});
afterEach(async () => {
  slurm.gate = null;
  await poller.stop();
  await store.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function aPoller(): Poller {
  const note = (_fields: unknown, text?: string) => void warnings.push(text ?? '');
  const log: Logger = { debug: () => undefined, info: () => undefined, warn: note, error: note };
  return new Poller({
    clusterName: 'alpha',
    intervalSeconds: 30,
    slurm,
    jobs: store.jobs,
    journal,
    log,
    onAnswer: (fault) => void answers.push(fault),
    onAccounting: () => undefined,
  });
}

/** Lets time pass, and everything happen that is due within it. */
async function pass(milliseconds: number): Promise<void> {
  const end = Date.now() + milliseconds;
  await settle();
  while (Date.now() < end) {
    await vi.advanceTimersByTimeAsync(Math.min(500, end - Date.now()));
    await settle();
  }
}

/** The store answers from outside of the timers. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function create(parts: Partial<Job> = {}): Promise<Job> {
  const job = aJob(parts);
  await journal.write(SYSTEM, (writer) => writer.create([{ job, idempotencyKey: null, submission: null }]));
  return (await store.jobs.get(job.id)) ?? job;
}
const see = (job: Job, parts: Parameters<typeof anObservation>[0] = {}) =>
  anObservation({ slurmJobId: job.slurmJobId ?? '', ownerId: ownerId(job), ...parts });

describe('a poller', () => {
  it('asks at once when the cluster is there, and then at its interval', async () => {
    const job = await create();
    slurm.observations = [see(job)];
    poller.connected();
    await pass(0);
    await pass(1);
    expect(slurm.questions).toBe(1);
    expect((await store.jobs.get(job.id))?.state).toBe('RUNNING');
    expect(answers).toEqual([null]);
    await pass(29 * SECOND);
    expect(slurm.questions).toBe(1);
    await pass(2 * SECOND);
    expect(slurm.questions).toBe(2);
    await pass(300 * SECOND);
    expect(slurm.questions).toBe(12);
  });

  it.each([
    ['back', -3600],
    ['ahead', 3600],
  ])('goes on at its interval and loses no job when the clock is set %s', async (_way, seconds) => {
    const job = await create();
    slurm.observations = [see(job)];
    poller.connected();
    await pass(SECOND);
    slurm.observations = [];
    slurm.accounts = [];
    await pass(2 * 60 * SECOND);
    const before = slurm.questions;
    vi.setSystemTime(Date.now() + seconds * SECOND);
    await pass(2 * 60 * SECOND);
    expect(slurm.questions - before).toBeGreaterThanOrEqual(4);
    expect((await store.jobs.get(job.id))?.state).toBe('RUNNING');
    await pass(10 * 60 * SECOND);
    expect((await store.jobs.get(job.id))?.state).toBe('LOST');
  });

  it('asks nothing before the cluster is there', async () => {
    await create();
    poller.acted();
    await pass(300 * SECOND);
    expect(slurm.asked).toEqual([]);
  });

  it.each<[string, Partial<Job>]>([
    ['a job that is over', { state: 'COMPLETED' }],
    ['a job that was never submitted', { state: 'SUBMITTING', slurmJobId: null }],
    ['a job of another cluster', { clusterName: 'beta' }],
  ])('asks nothing for %s', async (_what, parts) => {
    await create(parts);
    poller.connected();
    await pass(600 * SECOND);
    expect(slurm.asked).toEqual([]);
    expect(answers).toEqual([]);
  });

  it('stops asking once the last job is over, and begins again with the next one', async () => {
    const job = await create();
    slurm.observations = [see(job, { state: 'COMPLETED', exitCode: 0, endedAt: new Date() })];
    poller.connected();
    await pass(600 * SECOND);
    expect(slurm.questions).toBe(1);
    const next = await create({ slurmJobId: '99' });
    slurm.observations = [see(next)];
    poller.acted();
    await pass(2 * SECOND);
    expect(slurm.questions).toBe(2);
    expect((await store.jobs.get(next.id))?.state).toBe('RUNNING');
  });

  it('looks soon after one acted, however long the interval', async () => {
    const job = await create();
    slurm.observations = [see(job)];
    poller.connected();
    await pass(5 * SECOND);
    poller.acted();
    const before = slurm.questions;
    await pass(25 * SECOND);
    expect(slurm.questions - before).toBe(5);
  });

  it('never asks twice at once, whatever happens while an answer is on its way', async () => {
    const job = await create();
    slurm.observations = [see(job)];
    const gate = Promise.withResolvers<void>();
    slurm.gate = gate.promise;
    poller.connected();
    await pass(SECOND);
    poller.acted();
    poller.connected();
    poller.acted();
    await pass(600 * SECOND);
    expect(slurm.questions).toBe(1);
    slurm.gate = null;
    gate.resolve();
    await pass(SECOND);
    expect(answers).toEqual([null]);
    // So slow an answer makes the next question wait.
    await pass(610 * SECOND);
    expect(slurm.questions).toBeGreaterThan(1);
  });

  it('asks for a job that was submitted while it found nothing to ask', async () => {
    poller.connected();
    await pass(1);
    const job = await create();
    slurm.observations = [see(job)];
    poller.acted();
    await pass(2 * SECOND);
    expect(slurm.questions).toBe(1);
  });

  it('asks nothing while the connection is gone, and at once when it is back', async () => {
    const job = await create();
    slurm.observations = [see(job)];
    poller.connected();
    await pass(SECOND);
    poller.disconnected();
    await pass(600 * SECOND);
    expect(slurm.questions).toBe(1);
    poller.connected();
    await pass(1);
    expect(slurm.questions).toBe(2);
  });

  it('asks at once after a connection that broke during a question', async () => {
    const job = await create();
    slurm.observations = [see(job)];
    const gate = Promise.withResolvers<void>();
    slurm.gate = gate.promise;
    slurm.fault = new Error('the connection broke');
    poller.connected();
    await pass(SECOND);
    poller.disconnected();
    gate.resolve();
    await pass(SECOND);
    slurm.gate = null;
    slurm.fault = null;
    poller.connected();
    await pass(1);
    expect(slurm.questions).toBe(2);
    expect((await store.jobs.get(job.id))?.state).toBe('RUNNING');
  });

  it('takes no fault for an answer, reports it, and asks less and less often', async () => {
    const job = await create({ state: 'RUNNING' });
    slurm.fault = new SlurmUnavailable('Unable to contact slurm controller');
    poller.connected();
    await pass(3600 * SECOND);
    expect(await store.jobs.get(job.id)).toEqual(job);
    // After 0, 1, 3, 7, 15 minutes, then every ten.
    expect(slurm.questions).toBe(9);
    expect(answers.every((answer) => answer === slurm.fault)).toBe(true);
    expect(slurm.asked.filter((question) => question !== 'queue')).toEqual([]);
    slurm.fault = null;
    slurm.observations = [see(job, { state: 'COMPLETED', exitCode: 0, endedAt: new Date() })];
    await pass(600 * SECOND);
    expect(answers.at(-1)).toBeNull();
    expect((await store.jobs.get(job.id))?.state).toBe('COMPLETED');
  });

  it('runs for as long as its questions end, answered or not, and until it is stopped', async () => {
    await create();
    slurm.fault = new SlurmUnavailable('no answer');
    poller.connected();
    await pass(900 * SECOND);
    expect(poller.isRunning).toBe(true);
    const { promise, resolve } = Promise.withResolvers<void>();
    slurm.gate = promise;
    poller.askNow();
    await pass(9 * 60 * SECOND);
    expect(poller.isRunning).toBe(true);
    await pass(120 * SECOND);
    expect(poller.isRunning).toBe(false);
    slurm.gate = null;
    resolve();
    await pass(SECOND);
    expect(poller.isRunning).toBe(true);
    await poller.stop();
    expect(poller.isRunning).toBe(false);
  });

  it('does nothing more once it is stopped, and waits for the answer that is on its way', async () => {
    const job = await create();
    slurm.observations = [see(job)];
    const gate = Promise.withResolvers<void>();
    slurm.gate = gate.promise;
    poller.connected();
    await pass(SECOND);
    let isStopped = false;
    const stopping = poller.stop().then(() => {
      isStopped = true;
    });
    await settle();
    expect(isStopped).toBe(false);
    gate.resolve();
    await stopping;
    poller.acted();
    poller.connected();
    await pass(600 * SECOND);
    expect(slurm.questions).toBe(1);
    await poller.stop();
  });
});

describe('what a poller writes', () => {
  it('is committed before anybody hears of it', async () => {
    const job = await create();
    slurm.observations = [see(job)];
    const controller = new AbortController();
    const heard: (string | undefined)[] = [];
    const following = (async () => {
      for await (const followed of journal.follow(journal.newest, controller.signal)) {
        if (followed.kind !== 'events') continue;
        for (const { jobId, state } of followed.events) {
          heard.push(state);
          expect((await store.jobs.get(jobId))?.state).toBe(state);
        }
      }
    })();
    poller.connected();
    await pass(SECOND);
    expect(heard).toEqual(['RUNNING']);
    controller.abort();
    await following;
  });

  it('is nothing where nothing has changed', async () => {
    const job = await create();
    slurm.observations = [see(job)];
    poller.connected();
    await pass(SECOND);
    const events = journal.newest;
    await pass(300 * SECOND);
    expect(slurm.questions).toBeGreaterThan(5);
    expect(journal.newest).toBe(events);
  });

  it('is one transaction for all jobs', async () => {
    const jobs = [await create({ slurmJobId: '1' }), await create({ slurmJobId: '2' })];
    slurm.observations = jobs.map((job) => see(job));
    const batches: number[] = [];
    const controller = new AbortController();
    const following = (async () => {
      for await (const followed of journal.follow(journal.newest, controller.signal)) {
        if (followed.kind === 'events') batches.push(followed.events.length);
      }
    })();
    poller.connected();
    await pass(SECOND);
    expect(batches).toEqual([2]);
    controller.abort();
    await following;
  });

  it('does not undo a cancellation that was asked for while the answer was on its way', async () => {
    const job = await create({ state: 'RUNNING' });
    slurm.observations = [see(job)];
    const gate = Promise.withResolvers<void>();
    slurm.gate = gate.promise;
    poller.connected();
    await pass(SECOND);
    await journal.write(SYSTEM, (writer) =>
      writer.update(job.id, (current) => ({ ...current, state: 'CANCELLING', cancelRequestedAt: new Date() })),
    );
    gate.resolve();
    await pass(SECOND);
    expect((await store.jobs.get(job.id))?.state).toBe('CANCELLING');
  });

  it('says nothing of a job that Slurm took while the answer was on its way', async () => {
    const first = await create({ slurmJobId: '1' });
    slurm.observations = [see(first)];
    const gate = Promise.withResolvers<void>();
    slurm.gate = gate.promise;
    poller.connected();
    await pass(SECOND);
    const late = await create({ slurmJobId: '2' });
    gate.resolve();
    slurm.gate = null;
    // The next answer without it is the first that counts.
    await pass(1.5 * SECOND);
    expect(slurm.asked.filter((question) => question !== 'queue')).toEqual([]);
    expect(await store.jobs.get(late.id)).toEqual(late);
  });

  it('follows a job that left the queue to its end', async () => {
    const job = await create({ state: 'RUNNING' });
    slurm.observations = [];
    slurm.accounts = [see(job, { state: 'OUT_OF_MEMORY', exitCode: null, signal: 9, endedAt: new Date() })];
    poller.connected();
    await pass(0.5 * SECOND);
    expect((await store.jobs.get(job.id))?.state).toBe('RUNNING');
    await pass(2 * SECOND);
    expect(await store.jobs.get(job.id)).toMatchObject({ state: 'OUT_OF_MEMORY', signal: 9 });
  });

  it('keeps what the queue told though the accounts cannot be asked', async () => {
    const [shown, gone] = [await create({ slurmJobId: '1' }), await create({ slurmJobId: '2', state: 'RUNNING' })];
    slurm.observations = [see(shown)];
    slurm.accounting.read = () => Promise.reject(new Error('the connection broke'));
    poller.connected();
    await pass(40 * SECOND);
    expect((await store.jobs.get(shown.id))?.state).toBe('RUNNING');
    expect(await store.jobs.get(gone.id)).toEqual(gone);
  });

  it('tells at once why end records cannot be read, also where the accounts told of other jobs', async () => {
    const ended = await create({ slurmJobId: '1', state: 'RUNNING' });
    await create({ slurmJobId: '2', state: 'RUNNING' });
    slurm.observations = [];
    slurm.accounts = [see(ended, { state: 'COMPLETED', exitCode: 0, endedAt: new Date() })];
    slurm.records.endMarkers = () => Promise.reject(new Error('the connection broke'));
    poller.connected();
    await pass(3 * SECOND);
    expect((await store.jobs.get(ended.id))?.state).toBe('COMPLETED');
    expect(warnings).toEqual(['alpha: jobs that left the queue could not be looked up']);
  });

  it.each<[string, () => Promise<never>]>([
    ['its claim cannot be read', () => Promise.reject(new Error('it took longer than 60 s'))],
    ['its claim hangs, which takes the connection with it', () => Promise.reject(new SshInterrupted('it broke'))],
  ])('keeps a job as it is whose end is in doubt because %s, and tells the ends of others', async (_what, fail) => {
    const running = (slurmJobId: string) => create({ slurmJobId, state: 'RUNNING' });
    const [doubtful, shown, gone] = [await running('1'), await running('2'), await running('3')];
    const ended = (job: Job, exitCode: number) => see(job, { state: 'FAILED', exitCode, endedAt: new Date() });
    slurm.observations = [ended(doubtful, 113), ended(shown, 1)];
    slurm.accounts = [ended(gone, 1)];
    const { claimers } = slurm.records;
    slurm.records.claimers = fail;
    poller.connected();
    await pass(120 * SECOND);
    const states = async () =>
      (await store.jobs.getMany([doubtful.id, shown.id, gone.id])).map((job) => [job?.state, job?.exitCode]);
    expect(await states()).toEqual([
      ['RUNNING', null],
      ['FAILED', 1],
      ['FAILED', 1],
    ]);
    expect(new Set(answers)).toEqual(new Set([null]));
    expect(poller.recordsFault).toMatch(/^it /);
    expect(warnings).toEqual(['alpha: records of jobs could not be read']);

    slurm.records.claimers = claimers;
    await pass(40 * SECOND);
    expect((await states())[0]).toEqual(['FAILED', 113]);
    expect(poller.recordsFault).toBeNull();
  });

  it('never tells the end of a double as that of its job, also where it learns of both at once', async () => {
    const job = await create({ slurmJobId: '1', state: 'RUNNING', workDir: '/w/jobs/1' });
    slurm.observations = [see(job, { slurmJobId: '2' })];
    slurm.accounts = [see(job, { state: 'FAILED', exitCode: 113, endedAt: new Date() })];
    slurm.claims.set('/w/jobs/1', { unreadable: 'Permission denied' });
    poller.connected();
    await pass(95 * SECOND);
    expect(await store.jobs.get(job.id)).toEqual(job);
    slurm.claims.set('/w/jobs/1', '2');
    const told = new Set<string>();
    for (let looks = 0; looks < 190; looks += 1) {
      await pass(0.5 * SECOND);
      const { slurmJobId, state } = (await store.jobs.get(job.id)) ?? job;
      told.add(`${slurmJobId} ${state}`);
    }
    expect([...told]).toEqual(['1 RUNNING', '2 RUNNING']);
  });

  it.each<[string, (job: Job) => void]>([
    [
      'the claim of another one',
      () => {
        slurm.records.claimers = () => Promise.reject(new Error('it took longer than 60 s'));
      },
    ],
    [
      'a double of another one, which cannot be ended',
      (job) => {
        slurm.claims.set(job.workDir ?? '', '1');
        slurm.control.cancel = () => Promise.reject(new SlurmUnavailable('scancel: error: Kill job error'));
      },
    ],
  ])('looks up jobs that left the queue though there is %s', async (_what, prepare) => {
    const job = await create({ slurmJobId: '1', state: 'RUNNING', workDir: '/w/jobs/1' });
    const gone = await create({ slurmJobId: '3', state: 'RUNNING' });
    slurm.observations = [see(job), see(job, { slurmJobId: '2', state: 'PENDING' })];
    slurm.accounts = [see(gone, { state: 'FAILED', exitCode: 1, endedAt: new Date() })];
    prepare(job);
    poller.connected();
    await pass(120 * SECOND);
    expect(await store.jobs.get(gone.id)).toMatchObject({ state: 'FAILED', exitCode: 1 });
  });

  it.each<[string, Error]>([
    ['scancel refuses', new SlurmUnavailable('scancel: error: Kill job error on job id 2')],
    ['scancel is cut off', new SlurmUnavailable('the answer to "cancel" was cut off')],
    ['scancel takes too long', new SshInterrupted('the command took longer than 60 s')],
    ['the connection breaks', new SshUnavailable('there is no connection')],
    ['something else is wrong', new Error('no such thing')],
  ])('asks at its interval, and counts each answer, though a double cannot be ended: %s', async (_why, fault) => {
    const job = await create({ slurmJobId: '1', state: 'RUNNING', workDir: '/w/jobs/1' });
    slurm.observations = [see(job), see(job, { slurmJobId: '2', state: 'PENDING' })];
    slurm.claims.set('/w/jobs/1', '1');
    let tries = 0;
    slurm.control.cancel = async () => {
      tries += 1;
      throw fault;
    };
    poller.connected();
    await pass(305 * SECOND);
    expect(slurm.questions).toBe(11);
    expect(answers).toEqual(Array.from({ length: 11 }, () => null));
    expect(poller.isUnanswered).toBe(false);
    // The double is tried at each answer, and told once.
    expect(tries).toBe(11);
    expect(warnings).toEqual(['alpha: doubles of jobs could not be cancelled']);
  });

  it('goes on asking while the double of a cancelled job cannot be ended, though no job is active any more', async () => {
    const job = await create({ slurmJobId: '1', state: 'RUNNING', workDir: '/w/jobs/1' });
    const double = see(job, { slurmJobId: '2', state: 'PENDING' });
    slurm.observations = [see(job, { state: 'CANCELLED', endedAt: new Date() }), double];
    const { cancel } = slurm.control;
    slurm.control.cancel = () => Promise.reject(new SlurmUnavailable('scancel: error: Kill job error on job id 2'));
    poller.connected();
    await pass(125 * SECOND);
    expect((await store.jobs.get(job.id))?.state).toBe('CANCELLED');
    expect(slurm.questions).toBeGreaterThanOrEqual(5);
    slurm.control.cancel = cancel;
    await pass(35 * SECOND);
    expect(slurm.asked).toContain('cancel 2');
    const { questions } = slurm;
    await pass(120 * SECOND);
    expect(slurm.questions).toBe(questions);
  });

  it('tells of no unreadable records once they were read, whichever of two looks at them ends first', async () => {
    const job = await create({ state: 'RUNNING', workDir: '/w/jobs/1' });
    slurm.observations = [];
    slurm.accounts = [see(job, { state: 'COMPLETED', exitCode: 0, endedAt: new Date() })];
    slurm.recordsFault = new Error('Permission denied');
    poller.connected();
    await pass(40 * SECOND);
    expect(poller.recordsFault).toBe('Permission denied');
    expect(await store.jobs.get(job.id)).toMatchObject({ state: 'RUNNING' });

    // The accounts are asked again; meanwhile a look at the queue asks for the records, which can't be read yet.
    const [asked, looked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { read } = slurm.accounting;
    let isAsking = false;
    slurm.accounting.read = async (ids) => {
      isAsking = true;
      await asked.promise;
      return read(ids);
    };
    while (!isAsking) await pass(SECOND);
    slurm.records.hasBegun = async () => {
      slurm.records.hasBegun = async () => [true];
      await looked.promise;
      throw new Error('Permission denied');
    };
    poller.acted();
    await pass(5 * SECOND);
    asked.resolve();
    await settle();
    looked.resolve();
    await pass(SECOND);
    expect(await store.jobs.get(job.id)).toMatchObject({ state: 'COMPLETED' });
    expect(poller.recordsFault).toBeNull();
  });

  it('never gives up a job whose row cannot be read, for it is there', async () => {
    const job = await create({ state: 'RUNNING' });
    slurm.observations = [];
    slurm.faultyRows = [`7\x1fRUNNING\x1fan extra field\x1f${job.slurmName}\x1f`];
    poller.connected();
    await pass(3600 * SECOND);
    expect(await store.jobs.get(job.id)).toEqual(job);
    expect(warnings.filter((text) => text.includes("rows that can't be read")).length).toBeGreaterThan(0);
  });

  it('finds the end of a job though the row of another one cannot be read', async () => {
    const job = await create({ state: 'RUNNING' });
    slurm.observations = [];
    slurm.faultyRows = ['\nname\x1f'];
    slurm.accounts = [see(job, { state: 'COMPLETED', exitCode: 0, endedAt: new Date() })];
    poller.connected();
    await pass(60 * SECOND);
    expect((await store.jobs.get(job.id))?.state).toBe('COMPLETED');
  });

  it('reports a word for a state that nobody knows once, and keeps the state', async () => {
    const job = await create({ state: 'RUNNING' });
    slurm.observations = [see(job, { state: null, word: 'HIBERNATING' })];
    poller.connected();
    await pass(300 * SECOND);
    expect(await store.jobs.get(job.id)).toEqual(job);
    expect(warnings).toEqual(["alpha: Slurm uses a job state that isn't known"]);
  });

  it('asks for a job that was missing once more at once, and then what became of it', async () => {
    const job = await create({ state: 'RUNNING' });
    slurm.accounts = [see(job, { state: 'COMPLETED', exitCode: 0, endedAt: new Date() })];
    poller.connected();
    await pass(3 * SECOND);
    expect((await store.jobs.get(job.id))?.state).toBe('COMPLETED');
    expect(slurm.questions).toBe(2);
  });

  it('shows a job that was over and is alive again, with the attempt before', async () => {
    const [other, job] = [await create({ slurmJobId: '1' }), await create({ slurmJobId: '2', state: 'RUNNING' })];
    const endedAt = new Date();
    slurm.observations = [see(other), see(job, { state: 'NODE_FAIL', word: 'NODE_FAIL', startedAt: endedAt, endedAt })];
    poller.connected();
    await pass(SECOND);
    expect((await store.jobs.get(job.id))?.state).toBe('NODE_FAIL');
    slurm.observations = [see(other), see(job, { state: 'PENDING', attempt: 2, startedAt: null, nodeList: null })];
    // An end like this is often followed by a requeue, so the next look comes soon.
    await pass(2 * SECOND);
    expect(await store.jobs.get(job.id)).toMatchObject({ state: 'PENDING', attempt: 2, endedAt: null });
    expect((await store.jobs.closedAttempts([job.id])).get(job.id)).toMatchObject([
      { number: 1, outcome: 'NODE_FAIL', endedAt },
    ]);
    // What was seen of its end holds, though the accounts call every attempt so that was followed by another.
    const closed = { ...currentAttempt(job), outcome: 'REQUEUED', exitCode: 1, endedAt: new Date() };
    slurm.accounts = [{ submittedAt: null, latest: { ...see(job), attempt: 2 }, closed: [closed] }];
    await pass(31 * SECOND);
    expect(slurm.asked.filter((question) => question.startsWith('accounting')).length).toBeGreaterThan(0);
    expect((await store.jobs.closedAttempts([job.id])).get(job.id)).toMatchObject([
      { number: 1, outcome: 'NODE_FAIL', exitCode: null, endedAt },
    ]);
  });

  it('completes the attempt before from the accounts', async () => {
    const job = await create({ state: 'RUNNING', startedAt: new Date() });
    slurm.observations = [see(job, { attempt: 2 })];
    const closed = { ...currentAttempt(job), outcome: 'REQUEUED', endedAt: new Date() };
    slurm.accounts = [{ submittedAt: null, latest: { ...see(job), attempt: 2 }, closed: [closed] }];
    poller.connected();
    await pass(31 * SECOND);
    expect((await store.jobs.closedAttempts([job.id])).get(job.id)).toEqual([closed]);
    expect((await store.events.after(0, 10)).map(({ kind }) => kind)).toEqual(['CREATED', 'UPDATED']);
  });

  it('keeps what was seen of the attempt before where the accounts have less', async () => {
    const startedAt = new Date();
    const job = await create({ state: 'RUNNING', startedAt, nodeList: 'gpu01' });
    slurm.observations = [see(job, { attempt: 2 })];
    const told = { ...currentAttempt(job), outcome: 'REQUEUED', startedAt: null, nodeList: null, endedAt: new Date() };
    slurm.accounts = [{ submittedAt: null, latest: { ...see(job), attempt: 2 }, closed: [told] }];
    poller.connected();
    await pass(31 * SECOND);
    expect((await store.jobs.closedAttempts([job.id])).get(job.id)).toEqual([
      { ...told, startedAt, nodeList: 'gpu01' },
    ]);
  });

  it('completes it after a restart of the server, too, also when the job is over by then', async () => {
    const job = await create({ state: 'RUNNING', startedAt: new Date() });
    slurm.observations = [see(job, { attempt: 2, state: 'COMPLETED', exitCode: 0, endedAt: new Date() })];
    slurm.accountingFault = 'Connection refused';
    poller.connected();
    await pass(SECOND);
    await poller.stop();
    const closed = { ...currentAttempt(job), outcome: 'REQUEUED', endedAt: new Date() };
    expect((await store.jobs.closedAttempts([job.id])).get(job.id)).toMatchObject([{ outcome: null }]);
    slurm.accountingFault = null;
    slurm.accounts = [{ submittedAt: null, latest: { ...see(job), attempt: 2 }, closed: [closed] }];
    poller = aPoller();
    poller.connected();
    await pass(SECOND);
    expect((await store.jobs.closedAttempts([job.id])).get(job.id)).toEqual([closed]);
    const asked = slurm.asked.length;
    await pass(600 * SECOND);
    expect(slurm.asked).toHaveLength(asked);
  });

  it('looks for a requeued job though no job is active, for half a minute', async () => {
    const job = await create({ state: 'COMPLETED', endedAt: new Date() });
    poller.connected();
    await pass(SECOND);
    expect(slurm.questions).toBe(0);
    await poller.requeued();
    await pass(3.5 * SECOND);
    slurm.observations = [see(job, { attempt: 2 })];
    await pass(3 * SECOND);
    expect(await store.jobs.get(job.id)).toMatchObject({ state: 'RUNNING', attempt: 2 });
    slurm.observations = [see(job, { attempt: 2, state: 'COMPLETED', exitCode: 0, endedAt: new Date() })];
    await pass(31 * SECOND);
    const asked = slurm.questions;
    await pass(600 * SECOND);
    expect(slurm.questions).toBe(asked);
  });

  it('looks again for a job that may live again, when the question for it got no answer', async () => {
    const job = await create({ state: 'COMPLETED', endedAt: new Date() });
    slurm.observations = [see(job, { attempt: 2 })];
    slurm.fault = new SlurmUnavailable('Unable to contact slurm controller');
    poller.connected();
    poller.noticed();
    await pass(SECOND);
    expect(slurm.questions).toBe(1);
    slurm.fault = null;
    await pass(120 * SECOND);
    expect(await store.jobs.get(job.id)).toMatchObject({ state: 'RUNNING', attempt: 2 });
  });

  it('looks at once when the cluster tells of a job, and again while nothing is to be seen', async () => {
    const job = await create({ state: 'RUNNING' });
    slurm.observations = [see(job)];
    poller.connected();
    await pass(5 * SECOND);
    expect(slurm.questions).toBe(1);
    poller.noticed();
    await pass(0.5 * SECOND);
    expect(slurm.questions).toBe(2);
    slurm.observations = [see(job, { state: 'COMPLETED', exitCode: 0, endedAt: new Date() })];
    await pass(1.5 * SECOND);
    expect((await store.jobs.get(job.id))?.state).toBe('COMPLETED');
  });
});
