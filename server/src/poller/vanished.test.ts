import { beforeEach, describe, expect, it } from 'vitest';
import { currentAttempt } from '../domain/attempt.ts';
import { type JobComponent, unseenComponent, wholeOf } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { ownerId } from '../domain/observation.ts';
import { aJob } from '../domain/testing.ts';
import { turnsDuring } from '../store/testing.ts';
import { anObservation, ToldSlurm } from './testing.ts';
import { VanishedJobs } from './vanished.ts';

const MINUTE = 60_000;
const ENDED = new Date('2026-11-24T13:00:00Z');

let slurm: ToldSlurm;
let vanished: VanishedJobs;
let now: number;
beforeEach(() => {
  slurm = new ToldSlurm();
  vanished = new VanishedJobs(slurm);
  now = Date.UTC(2026, 10, 24, 14);
});

const running = (parts: Partial<Job> = {}) =>
  aJob({ state: 'RUNNING', startedAt: new Date('2026-11-24T12:01:00Z'), ...parts });
/** One whole snapshot that misses these jobs; gives those that have become something else. */
async function look(jobs: readonly Job[], laterMs = 30_000): Promise<Job[]> {
  const { changed, fault } = await faultyLook(jobs, laterMs);
  expect(fault).toBeNull();
  return changed;
}
/** The same, and why end markers could not be read. */
async function faultyLook(jobs: readonly Job[], laterMs: number) {
  now += laterMs;
  const { updates, fault } = await vanished.examine(jobs, now);
  const changed = updates.flatMap(({ jobId, apply }) => jobs.filter(({ id }) => id === jobId).map(apply));
  return { changed, fault };
}
const account = (job: Job, parts: Parameters<typeof anObservation>[0] = {}) =>
  anObservation({
    source: 'SACCT',
    slurmJobId: job.slurmJobId ?? '',
    ownerId: ownerId(job),
    state: 'COMPLETED',
    exitCode: 0,
    attempt: null,
    endedAt: ENDED,
    ...parts,
  });
const marker = (exitCode: number, attempt = 1) => ({
  exitCode,
  attempt,
  slurmJobId: '1234',
  isInterrupted: exitCode === 143,
  endedAt: ENDED,
});

describe('a job that left the queue', () => {
  it('is asked about once two snapshots in a row miss it', async () => {
    const job = running();
    slurm.accounts = [account(job)];
    expect(await look([job])).toEqual([]);
    expect(slurm.asked).toEqual([]);
    expect(await look([job])).toMatchObject([{ id: job.id, state: 'COMPLETED', exitCode: 0, endedAt: ENDED }]);
  });

  it('that shows again in between is not taken for gone', async () => {
    const job = running();
    slurm.accounts = [account(job)];
    await look([job]);
    await look([]);
    expect(await look([job])).toEqual([]);
    expect(slurm.asked).toEqual([]);
  });

  it('is asked about together with the others', async () => {
    const jobs = [running({ slurmJobId: '1' }), running({ slurmJobId: '2' })];
    slurm.accounts = jobs.map((job) => account(job));
    await look(jobs);
    await look(jobs);
    expect(slurm.asked).toEqual(['accounting 1,2']);
  });

  it('is asked about again after half a minute, and not before', async () => {
    const job = running();
    slurm.accounts = [];
    for (const laterMs of [0, 1000, 10_000, 10_000, 9000, 1000, 29_999, 1]) await look([job], laterMs);
    expect(slurm.asked.filter((question) => question.startsWith('accounting'))).toHaveLength(3);
  });

  it.each(['RUNNING', 'PENDING', 'COMPLETING'] as const)(
    'of which the accounts still say %s has not ended by that',
    async (state) => {
      const job = running();
      slurm.accounts = [account(job, { state, exitCode: null, endedAt: null })];
      await look([job]);
      expect(await look([job])).toEqual([]);
    },
  );

  it('of which the accounts use an unknown word has not ended by that', async () => {
    const job = running();
    slurm.accounts = [account(job, { state: null, word: 'NEW' })];
    await look([job]);
    expect(await look([job])).toEqual([]);
  });

  it('is not the job that has its number now', async () => {
    const job = running();
    slurm.accounts = [account(job, { ownerId: '01K00000000000000000000099' })];
    await look([job]);
    expect(await look([job])).toEqual([]);
  });

  it.each([
    [0, 'COMPLETED', null],
    [1, 'FAILED', null],
    [143, 'FAILED', expect.stringContaining('A signal ended it')],
  ] as const)('without accounts ended as its own script wrote: code %i is %s', async (exitCode, state, reason) => {
    const job = running();
    slurm.markers.set(job.workDir ?? '', marker(exitCode));
    await look([job]);
    expect(await look([job])).toMatchObject([{ state, exitCode, endedAt: ENDED, reason }]);
  });

  it('was cancelled when that was asked for and a signal reached its script, even if it ended with code 0', async () => {
    const job = running({ state: 'CANCELLING', cancelRequestedAt: new Date() });
    slurm.markers.set(job.workDir ?? '', { ...marker(0), isInterrupted: true });
    await look([job]);
    expect(await look([job])).toMatchObject([{ state: 'CANCELLED', exitCode: 0 }]);
  });

  it('by a signal is for the accounts to tell of, as long as they cannot be read and while they may be late', async () => {
    const job = running();
    slurm.markers.set(job.workDir ?? '', marker(143));
    slurm.accountingFault = 'Connection refused';
    await look([job], 0);
    for (let minute = 0; minute < 30; minute += 1) expect(await look([job], MINUTE)).toEqual([]);
    slurm.accountingFault = null;
    slurm.accounts = [account(job, { state: 'TIMEOUT', exitCode: null })];
    expect(await look([job], MINUTE)).toMatchObject([{ state: 'TIMEOUT', evidence: { source: 'SACCT' } }]);

    const other = running({ id: 'other', workDir: job.workDir });
    slurm.accounts = [];
    await look([other], 0);
    for (let minute = 0; minute < 9; minute += 1) expect(await look([other], MINUTE)).toEqual([]);
    expect(await look([other], MINUTE)).toMatchObject([{ state: 'FAILED', exitCode: 143 }]);
  });

  describe('and is a task of an array that never began', () => {
    const task = aJob({ slurmJobId: '31_4', arrayTaskId: 4, arrayParentId: 'array' });
    const others = ['31_2', '31_3'].map((slurmJobId) => account(task, { slurmJobId, state: 'PENDING', endedAt: null }));

    it('was cancelled, when the accounts go on telling of the others alone', async () => {
      slurm.accounts = others;
      await look([task]);
      for (let minute = 0; minute < 2; minute += 1) expect(await look([task], MINUTE)).toEqual([]);
      expect(await look([task], MINUTE)).toMatchObject([{ state: 'CANCELLED', evidence: { source: 'SACCT' } }]);
    });

    it('is waited for anew when accounts that could not be read are back', async () => {
      slurm.accounts = others;
      slurm.accountingFault = 'Connection refused';
      for (let minute = 0; minute < 30; minute += 1) expect(await look([task], MINUTE)).toEqual([]);
      slurm.accountingFault = null;
      for (let minute = 0; minute < 2; minute += 1) expect(await look([task], MINUTE)).toEqual([]);
      slurm.accounts = [...others, account(task, { state: 'FAILED', exitCode: 3, nodeList: 'n1' })];
      slurm.markers.set(`${task.workDir}/4`, marker(3));
      expect(await look([task], MINUTE)).toMatchObject([{ state: 'FAILED', exitCode: 3 }]);
    });

    it.each([
      ['its script wrote of its end', others, marker(0), 'COMPLETED'],
      ['its script wrote of its beginning alone', others, 'begun' as const, 'LOST'],
      ['the accounts have it waiting', [...others, account(task, { state: 'PENDING', endedAt: null })], null, 'LOST'],
      ['the accounts know nothing of its array', [], null, 'LOST'],
    ])('was not cancelled when %s', async (_why, accounts, ended, state) => {
      slurm.accounts = accounts;
      if (ended !== null) slurm.markers.set(`${task.workDir}/4`, ended);
      const seen: Job[] = [];
      for (let minute = 0; minute < 12 && seen.length === 0; minute += 1) seen.push(...(await look([task], MINUTE)));
      expect(seen).toMatchObject([{ state }]);
    });

    it('and was seen to run was not cancelled by that', async () => {
      slurm.accounts = others;
      const begun = { ...task, state: 'RUNNING' as const, startedAt: ENDED };
      for (let minute = 0; minute < 9; minute += 1) expect(await look([begun], MINUTE)).toEqual([]);
    });
  });

  describe('with thousands of others of its array', () => {
    const tasks = (count: number) =>
      Array.from({ length: count }, (_, id) =>
        aJob({ slurmJobId: `31_${id}`, arrayTaskId: id, arrayParentId: 'array', workDir: '/w/jobs/array' }),
      );
    const failed = (job: Job) => account(job, { state: 'FAILED', exitCode: 1, nodeList: 'n1' });

    it.each([
      ['ended', 0],
      ['was taken out', 1],
    ])('%s, and each account is looked at a few times only', async (_what, first) => {
      const jobs = tasks(3000);
      let looks = 0;
      const accounts = jobs.slice(first === 0 ? 0 : 1500).map(failed);
      slurm.accounts = accounts.map((latest) => ({
        submittedAt: null,
        closed: [],
        get latest() {
          looks += 1;
          return { ...latest, attempt: 1 };
        },
      }));
      for (let minute = 0; minute < 4; minute += 1) {
        looks = 0;
        await look(jobs, MINUTE);
        expect(looks).toBeLessThan(12 * accounts.length);
      }
    });

    it('and others have their turn meanwhile', async () => {
      const jobs = tasks(5000);
      slurm.accounts = jobs.map(failed);
      await look(jobs);
      // Both the accounts and the jobs are gone through.
      expect(await turnsDuring(() => look(jobs))).toBeGreaterThanOrEqual(8);
    });
  });

  it('whose cancellation was asked for and whose script was cut short was cancelled', async () => {
    const job = running({ state: 'CANCELLING', cancelRequestedAt: new Date() });
    slurm.markers.set(job.workDir ?? '', marker(143));
    await look([job]);
    expect(await look([job])).toMatchObject([{ state: 'CANCELLED', exitCode: 143 }]);
  });

  it('is judged by the attempt that wrote the marker', async () => {
    const job = running({ attempt: 1 });
    slurm.markers.set(job.workDir ?? '', marker(0, 3));
    await look([job]);
    expect(await look([job])).toMatchObject([{ state: 'COMPLETED', attempt: 3 }]);
  });

  it('that was a task of an array is judged by the marker of that task', async () => {
    const task = running({ slurmJobId: '8_2', arrayTaskId: 2, arrayParentId: 'array' });
    slurm.markers.set(`${task.workDir}/2`, marker(5));
    slurm.markers.set(`${task.workDir}/1`, marker(0));
    await look([task]);
    expect(await look([task])).toMatchObject([{ state: 'FAILED', exitCode: 5 }]);
  });

  it('is believed to the accounts rather than to the marker, which knows nothing of limits', async () => {
    const job = running();
    slurm.accounts = [account(job, { state: 'TIMEOUT', exitCode: null, signal: 15 })];
    slurm.markers.set(job.workDir ?? '', marker(143));
    await look([job]);
    expect(await look([job])).toMatchObject([{ state: 'TIMEOUT', exitCode: 143, signal: null }]);
  });

  // Up to 25.05 sacct takes 128 off codes from 128 on: 143 is 15 there, and 255 is 127 (tried on 22.05.8).
  it.each([
    [143, 15],
    [255, 127],
  ])(
    'has the exit code that its script wrote, %i, and not the one that sacct makes of it, %i',
    async (exitCode, told) => {
      const job = running();
      slurm.accounts = [account(job, { state: 'FAILED', exitCode: told })];
      slurm.markers.set(job.workDir ?? '', marker(exitCode));
      await look([job]);
      expect(await look([job])).toMatchObject([{ state: 'FAILED', exitCode }]);
    },
  );

  it('has no exit code where sacct may have taken 128 from it and its script left no word', async () => {
    const job = running();
    slurm.hasExactCodes = false;
    slurm.accounts = [account(job, { state: 'FAILED', exitCode: 15 })];
    await look([job]);
    expect(await look([job])).toMatchObject([{ state: 'FAILED', exitCode: null, signal: null }]);
  });

  it('has the exit code of sacct where that takes nothing from it', async () => {
    const job = running();
    slurm.accounts = [account(job, { state: 'FAILED', exitCode: 143 })];
    await look([job]);
    expect(await look([job])).toMatchObject([{ state: 'FAILED', exitCode: 143, signal: null }]);
  });

  it('and never ran has no code of its own: its marker is not looked for', async () => {
    const job = running({ state: 'PENDING', startedAt: null, nodeList: null });
    slurm.accounts = [account(job, { state: 'CANCELLED', exitCode: 0, nodeList: null })];
    await look([job]);
    expect(await look([job])).toMatchObject([{ state: 'CANCELLED', exitCode: null, startedAt: null }]);
    expect(slurm.asked.filter((question) => question.startsWith('marker'))).toEqual([]);
  });

  it('without a trace is lost after ten minutes, and not before', async () => {
    const job = running();
    await look([job], 0);
    for (let minute = 1; minute < 10; minute += 1) expect(await look([job], MINUTE)).toEqual([]);
    expect(await look([job], MINUTE)).toMatchObject([
      { state: 'LOST', exitCode: null, endedAt: null, reason: expect.stringContaining('no longer knows it') },
    ]);
  });

  it('and was to be cancelled is lost as well: nobody has seen it end', async () => {
    const job = running({ state: 'CANCELLING', cancelRequestedAt: new Date() });
    await look([job], 0);
    await look([job], MINUTE);
    expect(await look([job], 10 * MINUTE)).toMatchObject([{ state: 'LOST' }]);
  });

  it('begins its ten minutes anew after it was seen', async () => {
    const job = running();
    await look([job], 0);
    await look([job], 9 * MINUTE);
    await look([], MINUTE);
    await look([job], MINUTE);
    expect(await look([job], 9 * MINUTE)).toEqual([]);
    expect(await look([job], MINUTE)).toMatchObject([{ state: 'LOST' }]);
  });

  it('is never given up while the cluster cannot be asked for its marker', async () => {
    const job = running();
    slurm.records.endMarkers = () => Promise.reject(new Error('the connection broke'));
    await look([job], 0);
    const { changed, fault } = await faultyLook([job], 11 * MINUTE);
    expect(changed).toEqual([]);
    expect(fault?.message).toBe('the connection broke');
  });

  it('is told by the accounts though the cluster cannot be asked for markers, and so is why it cannot', async () => {
    const [ended, other] = [running({ slurmJobId: '1' }), running({ slurmJobId: '2' })];
    slurm.accounts = [account(ended)];
    slurm.records.endMarkers = () => Promise.reject(new Error('the connection broke'));
    await look([ended, other], 0);
    const { changed, fault } = await faultyLook([ended, other], MINUTE);
    expect(changed).toMatchObject([{ id: ended.id, state: 'COMPLETED' }]);
    expect(fault?.message).toBe('the connection broke');
  });

  it('is not given up while its records cannot be read, and those of others are looked at', async () => {
    const [hidden, other] = [running({ slurmJobId: '1' }), running({ slurmJobId: '2' })];
    slurm.markers.set(other.workDir ?? '', { ...marker(0), slurmJobId: '2' });
    const { endMarkers } = slurm.records;
    slurm.records.endMarkers = async (places) =>
      (await endMarkers(places)).map((end, index) =>
        places[index]?.workDir === hidden.workDir ? { unreadable: 'it hangs' } : end,
      );
    await look([hidden, other], 0);
    const both = await faultyLook([hidden, other], MINUTE);
    expect(both.changed).toMatchObject([{ id: other.id, state: 'COMPLETED' }]);
    for (let minutes = 0; minutes < 30; minutes += 1) {
      const { changed, fault } = await faultyLook([hidden], MINUTE);
      expect(changed).toEqual([]);
      expect(fault?.message).toBe('it hangs');
    }
    await look([hidden], 1000);
    expect(vanished.recordsFault).toBe('it hangs');
    await look([], 1000);
    expect(vanished.recordsFault).toBeNull();
  });

  it('costs one command a look for the markers of many', async () => {
    const jobs = Array.from({ length: 250 }, (_, index) => running({ slurmJobId: `${index}` }));
    await look(jobs);
    await look(jobs);
    const markers = slurm.asked.filter((question) => question.startsWith('marker'));
    expect(markers.map((question) => question.split(',').length)).toEqual([200]);
  });

  it('gets its turn though others before it have left no trace', async () => {
    const jobs = Array.from({ length: 1000 }, (_, index) => running({ slurmJobId: `${index}` }));
    const last = jobs.at(-1);
    slurm.markers.set(last?.workDir ?? '', { ...marker(0), slurmJobId: '999' });
    const ended: Job[] = [];
    // Three minutes: long before the others are given up.
    for (let count = 0; count < 6; count += 1) ended.push(...(await look(jobs, 30_000)));
    expect(ended).toEqual([expect.objectContaining({ id: last?.id, slurmJobId: '999', state: 'COMPLETED' })]);
  });

  it.each<[string, boolean]>([
    ['left no trace', false],
    ['cannot be looked into', true],
  ])('gets its turn at once though thousands of tasks before it %s', async (_what, isUnreadable) => {
    const tasks = Array.from({ length: 3000 }, (_, index) =>
      running({ slurmJobId: `31_${index}`, arrayTaskId: index, arrayParentId: 'array', workDir: '/w/jobs/array' }),
    );
    const last = running({ slurmJobId: '999' });
    slurm.markers.set(last.workDir ?? '', { ...marker(0), slurmJobId: '999' });
    const { endMarkers } = slurm.records;
    slurm.records.endMarkers = async (places) =>
      (await endMarkers(places)).map((end) => (isUnreadable && end === null ? { unreadable: 'it hangs' } : end));
    await look([...tasks, last]);
    const { changed, fault } = await faultyLook([...tasks, last], MINUTE);
    expect(changed).toMatchObject([{ id: last.id, state: 'COMPLETED' }]);
    expect(fault?.message).toBe(isUnreadable ? 'it hangs' : undefined);
  });

  it('is not given up while its accounts cannot be read, however long that takes, nor before they have caught up', async () => {
    const job = running();
    slurm.accountingFault = 'Connection refused';
    await look([job], 0);
    for (let minute = 0; minute < 30; minute += 1) expect(await look([job], MINUTE)).toEqual([]);
    expect(vanished.accountingFault).toBe('Connection refused');
    slurm.accountingFault = null;
    slurm.accounts = [];
    for (let minute = 0; minute < 9; minute += 1) expect(await look([job], MINUTE)).toEqual([]);
    expect(vanished.accountingFault).toBeNull();
    expect(await look([job], MINUTE)).toMatchObject([{ state: 'LOST', evidence: { source: 'ABSENCE' } }]);
  });

  it('has ended by its marker though its accounts cannot be read', async () => {
    const job = running();
    slurm.accountingFault = 'Connection refused';
    slurm.markers.set(job.workDir ?? '', marker(3));
    await look([job]);
    expect(await look([job])).toMatchObject([{ state: 'FAILED', exitCode: 3, evidence: { source: 'MARKER' } }]);
    await look([]);
    expect(vanished.accountingFault).toBeNull();
  });

  it('is not judged by the end of an earlier attempt, neither of the accounts nor of the marker', async () => {
    const job = running({ attempt: 2 });
    slurm.accounts = [account(job, { state: 'NODE_FAIL', attempt: 1 })];
    slurm.markers.set(job.workDir ?? '', marker(0, 1));
    await look([job]);
    expect(await look([job])).toEqual([]);
    slurm.accounts = [account(job, { state: 'COMPLETED', attempt: 2 })];
    expect(await look([job])).toMatchObject([{ state: 'COMPLETED', attempt: 2, evidence: { source: 'SACCT' } }]);
  });

  it('has the attempts that its accounts tell of', async () => {
    const job = running();
    const closed = { ...currentAttempt(job), number: 1, outcome: 'REQUEUED', endedAt: ENDED };
    slurm.accounts = [{ submittedAt: null, latest: { ...account(job), attempt: 2 }, closed: [closed] }];
    await look([job]);
    now += 30_000;
    const [update] = (await vanished.examine([job], now)).updates;
    expect(update?.attempts).toEqual([closed]);
    expect(update?.apply(job)).toMatchObject({ attempt: 2, state: 'COMPLETED' });
  });
});

describe('a heterogeneous job of which a component left the queue', () => {
  const part = (offset: number, state: JobComponent['state']): JobComponent => ({
    ...unseenComponent(offset),
    ...{ state, word: state, attempt: 1, exitCode: state === 'COMPLETED' ? 0 : null, nodeList: `n${offset}` },
  });
  const accountOf = (job: Job, ...components: JobComponent[]) =>
    account(job, { ...wholeOf(components), attempt: null, components });
  const half = () => running({ components: [part(0, 'COMPLETED'), part(1, 'RUNNING')] });

  it('is over once the accounts tell the end of every component', async () => {
    const job = half();
    slurm.accounts = [accountOf(job, part(0, 'COMPLETED'), part(1, 'NODE_FAIL'))];
    await look([job]);
    expect(await look([job])).toMatchObject([
      { state: 'NODE_FAIL', exitCode: 0, components: [{ state: 'COMPLETED' }, { state: 'NODE_FAIL' }] },
    ]);
  });

  it('is not over while the accounts lack the end of one', async () => {
    const job = half();
    slurm.accounts = [accountOf(job, part(0, 'COMPLETED'))];
    await look([job]);
    expect(await look([job])).toEqual([]);
    slurm.accounts = [accountOf(job, part(0, 'COMPLETED'), part(1, 'RUNNING'))];
    expect(await look([job])).toEqual([]);
  });

  it('is judged by the marker of its batch script where there are no accounts', async () => {
    const job = half();
    slurm.accounts = null;
    slurm.markers.set(job.workDir ?? '', marker(0));
    await look([job]);
    expect(await look([job])).toMatchObject([
      { state: 'COMPLETED', exitCode: 0, components: [{ state: 'COMPLETED' }, { state: null, word: null }] },
    ]);
  });

  it('has the exact exit code from the marker where the accounts take 128 from it', async () => {
    const job = half();
    const failed = { ...part(0, 'FAILED'), exitCode: null, signal: 15 };
    slurm.accounts = [accountOf(job, failed, part(1, 'FAILED'))];
    slurm.markers.set(job.workDir ?? '', marker(143));
    await look([job]);
    expect(await look([job])).toMatchObject([{ state: 'FAILED', exitCode: 143, signal: null }]);
  });
});

describe('a job that was requeued', () => {
  const requeued = running({ attempt: 2 });
  const closed = { ...currentAttempt(requeued), number: 1, outcome: 'NODE_FAIL', endedAt: ENDED };

  it('is asked about until the accounts tell how its attempt ended, twice a minute', async () => {
    slurm.accounts = [];
    vanished.requeued(requeued, now);
    for (let count = 0; count < 4; count += 1) expect(await look([], 15_000)).toEqual([]);
    expect(slurm.asked).toHaveLength(2);
    slurm.accounts = [
      { submittedAt: null, latest: { ...account(requeued, { state: 'RUNNING' }), attempt: 2 }, closed: [closed] },
    ];
    now += 30_000;
    const [update] = (await vanished.examine([], now)).updates;
    expect(update).toMatchObject({ jobId: requeued.id, attempts: [closed] });
    expect(update?.apply(requeued)).toBe(requeued);
    slurm.asked.length = 0;
    await look([], MINUTE);
    expect(slurm.asked).toEqual([]);
  });

  it('is asked about once where no accounts are kept, and for ten minutes at most elsewhere', async () => {
    vanished.requeued(requeued, now);
    await look([], MINUTE);
    await look([], MINUTE);
    expect(slurm.asked).toHaveLength(1);
    slurm.accounts = [];
    vanished.requeued(requeued, now);
    for (let minute = 0; minute < 20; minute += 1) await look([], MINUTE);
    expect(slurm.asked).toHaveLength(1 + 10);
  });
});

describe('an end without a record, when the controller has another time than the login,', () => {
  it.each([
    ['is right', 0],
    ['is behind', -200],
    ['is as far behind as Slurm allows', -299],
    ['is ahead', 200],
    ['was days ahead, and was set back', 2 * 24 * 3600],
  ])('which %s, is told 45 s after the job is gone, and not sooner', async (_what, aheadSeconds) => {
    const job = running();
    slurm.accounts = [account(job, { state: 'FAILED', exitCode: 1, endedAt: new Date(now + aheadSeconds * 1000) })];
    await look([job], 0);
    expect(await look([job], 14_000)).toEqual([]);
    expect(await look([job], 30_000)).toEqual([]);
    expect(await look([job], 30_000)).toMatchObject([{ state: 'FAILED' }]);
  });

  it('has the code of a record that shows meanwhile', async () => {
    const job = running();
    slurm.accounts = [account(job, { state: 'FAILED', exitCode: 1, endedAt: new Date(now - 200_000) })];
    await look([job], 0);
    expect(await look([job], 14_000)).toEqual([]);
    slurm.markers.set(job.workDir ?? '', marker(3));
    expect(await look([job], 30_000)).toMatchObject([{ state: 'FAILED', exitCode: 3 }]);
  });
});
