import { beforeEach, describe, expect, it } from 'vitest';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { aJob } from '../domain/testing.ts';
import { Beginnings } from './beginnings.ts';
import type { JobUpdate } from './observe.ts';
import { ToldSlurm } from './testing.ts';

const ENDED_AT = new Date('2026-11-24T12:00:00Z');
const DIRECTORY = '/w/jobs/1';
const SECOND = 1000;

let slurm: ToldSlurm;
let beginnings: Beginnings;
let job: Job;
beforeEach(() => {
  slurm = new ToldSlurm();
  beginnings = new Beginnings(slurm.records);
  job = aJob({ state: 'RUNNING', workDir: DIRECTORY });
});

const completed = (id = job.id, parts: Partial<Job> = {}): JobUpdate => ({
  jobId: id,
  slurmJobId: null,
  apply: (current) => ({ ...current, state: 'COMPLETED', exitCode: 0, endedAt: ENDED_AT, ...parts }),
});

/**
 * What is told so many seconds after the end: of each update the job that it makes. `shown`: how long ago the end is by
 * this machine's clock, which may have been set.
 */
async function told(updates: readonly JobUpdate[], seconds: number, jobs: readonly Job[] = [job], shown = seconds) {
  const current = new Map(jobs.map((one) => [one.id, one]));
  const at = new Date(ENDED_AT.getTime() + shown * SECOND);
  const answer = await beginnings.withoutHollowEnds(updates, current, seconds * SECOND, at);
  return {
    fault: answer.fault,
    jobs: answer.updates.map(({ jobId, apply }) => {
      const { state, exitCode, signal, reason } = apply(current.get(jobId) ?? aJob());
      return { state, exitCode, signal, reason };
    }),
  };
}

describe('a success that Slurm tells of', () => {
  it('is believed at once when the command of that attempt had begun', async () => {
    expect(await told([completed()], 0)).toMatchObject({ jobs: [{ state: 'COMPLETED', exitCode: 0 }], fault: null });
    expect(beginnings.isWaiting).toBe(false);
  });

  it('is told as a failure when its command never began, once the record had its time to show', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([completed()], 1)).jobs).toEqual([]);
    expect(beginnings.isWaiting).toBe(true);
    // Slurm may have forgotten it since.
    expect((await told([], 90)).jobs).toEqual([]);
    expect((await told([], 91)).jobs).toEqual([
      { state: 'FAILED', exitCode: null, signal: null, reason: expect.stringContaining('its command never began') },
    ]);
    expect(beginnings.isWaiting).toBe(false);
  });

  it('is told as a failure at once when it is long over', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([completed()], 3600)).jobs).toMatchObject([{ state: 'FAILED', exitCode: null }]);
  });

  it('is believed as soon as a record that was late shows', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    await told([completed()], 1);
    slurm.unbegun.clear();
    expect((await told([], 5)).jobs).toMatchObject([{ state: 'COMPLETED', exitCode: 0 }]);
  });

  it('is believed where the directory of the job is gone', async () => {
    slurm.unbegun.set(DIRECTORY, 'gone');
    expect((await told([completed()], 0)).jobs).toMatchObject([{ state: 'COMPLETED', exitCode: 0 }]);
  });

  it('is kept back while its records can not be read, for a day at most, and no other is', async () => {
    const other = aJob({ id: 'other', state: 'RUNNING', workDir: '/w/jobs/other' });
    slurm.unbegun.set(DIRECTORY, { unreadable: `${DIRECTORY}/run: Permission denied` });
    const answer = await told([completed(), completed('other')], 600, [job, other]);
    expect(answer).toMatchObject({
      jobs: [{ state: 'COMPLETED' }],
      fault: { message: `${DIRECTORY}/run: Permission denied` },
    });
    // Nothing is asked more often for it.
    expect(beginnings.isWaiting).toBe(false);
    expect((await told([], 24 * 3600 - 1)).jobs).toEqual([]);
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([], 24 * 3600 - 1)).jobs).toMatchObject([{ state: 'FAILED', exitCode: null }]);
  });

  it('is believed when nobody could read its records for a day', async () => {
    slurm.unbegun.set(DIRECTORY, { unreadable: 'Stale file handle' });
    expect((await told([completed()], 1)).jobs).toEqual([]);
    expect((await told([], 24 * 3600 + 1)).jobs).toMatchObject([{ state: 'COMPLETED', exitCode: 0 }]);
  });

  it.each([
    ['by themselves', () => slurm.unbegun.set(DIRECTORY, { unreadable: 'Stale file handle' })],
    ['as the connection breaks', () => (slurm.recordsFault = new Error('the connection broke'))],
  ])('is not believed sooner though it is long over, and its records can not be read %s', async (_why, hide) => {
    hide();
    const late = 3 * 24 * 3600;
    expect((await told([completed()], late)).jobs).toEqual([]);
    expect((await told([], late + 24 * 3600 - 1)).jobs).toEqual([]);
    slurm.recordsFault = null;
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([], late + 24 * 3600)).jobs).toMatchObject([{ state: 'FAILED', exitCode: null }]);
  });

  it('is kept back while the records can not be asked for, and nothing else is', async () => {
    const other = aJob({ id: 'other', state: 'RUNNING' });
    const news: JobUpdate = {
      jobId: other.id,
      slurmJobId: null,
      apply: (current) => ({ ...current, state: 'SUSPENDED' }),
    };
    slurm.recordsFault = new Error('the connection broke');
    const answer = await told([completed(), news], 600, [job, other]);
    expect(answer).toMatchObject({ jobs: [{ state: 'SUSPENDED' }], fault: slurm.recordsFault });
    slurm.recordsFault = null;
    expect((await told([], 601)).jobs).toMatchObject([{ state: 'COMPLETED', exitCode: 0 }]);
  });

  it('gives way to newer word of the job, and to its end by another way', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    await told([completed()], 1);
    const requeued: JobUpdate = {
      jobId: job.id,
      slurmJobId: null,
      apply: (current) => ({ ...current, state: 'PENDING', attempt: 2 }),
    };
    expect((await told([requeued], 2)).jobs).toMatchObject([{ state: 'PENDING' }]);
    expect((await told([], 100, [{ ...job, state: 'LOST' }])).jobs).toEqual([]);
    expect(beginnings.isWaiting).toBe(false);
  });

  it('in a later attempt is in doubt from the first look at its own end on', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    await told([completed()], 1);
    const again = completed(job.id, { attempt: 2, endedAt: new Date(ENDED_AT.getTime() + 80 * SECOND) });
    expect((await told([again], 100)).jobs).toEqual([]);
    expect((await told([again], 189)).jobs).toEqual([]);
    expect((await told([again], 190)).jobs).toMatchObject([{ state: 'FAILED' }]);
  });

  it('is asked about with one question for all jobs', async () => {
    let questions = 0;
    const { hasBegun } = slurm.records;
    slurm.records.hasBegun = (attempts) => {
      questions += 1;
      return hasBegun(attempts);
    };
    const jobs = ['a', 'b', 'c'].map((id) => aJob({ id, state: 'RUNNING', workDir: `/w/jobs/${id}` }));
    await told(
      jobs.map(({ id }) => completed(id)),
      0,
      jobs,
    );
    await told([], 1, jobs);
    expect(questions).toBe(1);
  });
});

describe('an end by what is a real-time signal or an error of Slurm', () => {
  // 4021, "Slurmd could not connect IO", as 23.02 and later print it.
  const failed = (signal: number) => completed(job.id, { state: 'FAILED', exitCode: null, signal, reason: 'x' });

  it('is one by that signal when the command had begun', async () => {
    expect((await told([failed(34)], 0)).jobs).toMatchObject([{ state: 'FAILED', signal: 34 }]);
  });

  it.each([32, 52, 53, 64])('is one without a signal when the command never began: %i', async (signal) => {
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([failed(signal)], 1)).jobs).toEqual([]);
    expect((await told([], 90)).jobs).toEqual([]);
    expect((await told([], 91)).jobs).toEqual([{ state: 'FAILED', exitCode: null, signal: null, reason: 'x' }]);
  });

  it('is one by that signal as soon as a record that was late shows', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    await told([failed(34)], 1);
    slurm.unbegun.clear();
    expect((await told([], 5)).jobs).toMatchObject([{ state: 'FAILED', signal: 34 }]);
  });

  it("is one without a signal at once where the job's directory is gone, as its logs could not be opened", async () => {
    slurm.unbegun.set(DIRECTORY, 'gone');
    expect((await told([failed(53)], 0)).jobs).toMatchObject([{ state: 'FAILED', signal: null }]);
    expect(beginnings.isWaiting).toBe(false);
  });

  it('is kept back while its records can not be read, for no longer than what is late', async () => {
    slurm.recordsFault = new Error('the connection broke');
    expect((await told([failed(34)], 1)).jobs).toEqual([]);
    expect((await told([], 91)).jobs).toMatchObject([{ state: 'FAILED', signal: null }]);
  });

  it('is told at once, and unasked, where only the script can have ended so', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([failed(9)], 0)).jobs).toMatchObject([{ state: 'FAILED', signal: 9 }]);
  });

  it('takes the signal from the component that leads, too', async () => {
    slurm.unbegun.set(DIRECTORY, 'gone');
    const parts = { ...unseenComponent(0), state: 'FAILED' as const, signal: 53 };
    const update = completed(job.id, { state: 'FAILED', exitCode: null, signal: 53, components: [parts] });
    const answer = await beginnings.withoutHollowEnds([update], new Map([[job.id, job]]), 0, ENDED_AT);
    expect(answer.updates.map(({ apply }) => apply(job).components)).toEqual([[{ ...parts, signal: null }]]);
  });
});

describe('a failure by what is exit code 1 or an error of Slurm', () => {
  const failed = (exitCode = 1) =>
    completed(job.id, { state: 'FAILED', exitCode, signal: null, reason: 'NonZeroExitCode' });
  const unknown = { state: 'FAILED', exitCode: null, signal: null, reason: expect.stringContaining('never began') };

  it('is one by that code when the command had begun', async () => {
    expect((await told([failed()], 0)).jobs).toMatchObject([{ exitCode: 1, reason: 'NonZeroExitCode' }]);
  });

  it('is one without a code when the command never began', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([failed()], 1)).jobs).toEqual([]);
    expect((await told([], 90)).jobs).toEqual([]);
    expect((await told([], 91)).jobs).toEqual([unknown]);
  });

  it('is one by that code as soon as a record that was late shows', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    await told([failed()], 1);
    slurm.unbegun.clear();
    expect((await told([], 5)).jobs).toMatchObject([{ exitCode: 1 }]);
  });

  it("is one without a code at once where the job's directory is gone, as Slurm could not open it", async () => {
    slurm.unbegun.set(DIRECTORY, 'gone');
    expect((await told([failed()], 0)).jobs).toEqual([unknown]);
  });

  it('is kept back while its records can not be read, for no longer than what is late', async () => {
    slurm.recordsFault = new Error('the connection broke');
    expect((await told([failed()], 1)).jobs).toEqual([]);
    expect((await told([], 91)).jobs).toEqual([unknown]);
  });

  it.each([2, 126, 127, 255])('is told at once, and unasked, where only a script ends so: %i', async (code) => {
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([failed(code)], 0)).jobs).toMatchObject([{ exitCode: code }]);
  });

  it('takes the code from the component that leads, too', async () => {
    slurm.unbegun.set(DIRECTORY, 'gone');
    const parts = { ...unseenComponent(0), state: 'FAILED' as const, exitCode: 1 };
    const update = completed(job.id, { state: 'FAILED', exitCode: 1, components: [parts] });
    const answer = await beginnings.withoutHollowEnds([update], new Map([[job.id, job]]), 0, ENDED_AT);
    expect(answer.updates.map(({ apply }) => apply(job).components)).toEqual([[{ ...parts, exitCode: null }]]);
  });
});

describe('an end in doubt, when the clock of this machine is set,', () => {
  const HOUR = 3600;
  const failed = (): JobUpdate => completed(job.id, { state: 'FAILED', exitCode: null, signal: 34 });

  it.each([
    ['back', -5 * HOUR],
    ['forward', 5 * HOUR],
  ])('%s, waits for its record as long as any other', async (_way, set) => {
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([completed()], 1)).jobs).toEqual([]);
    expect((await told([], 90, [job], 90 + set)).jobs).toEqual([]);
    expect((await told([], 91, [job], 91 + set)).jobs).toMatchObject([{ state: 'FAILED' }]);
  });

  it('forward, is believed when its record shows late', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    await told([completed()], 1);
    expect((await told([], 60, [job], 60 + HOUR)).jobs).toEqual([]);
    slurm.unbegun.clear();
    expect((await told([], 61, [job], 61 + HOUR)).jobs).toMatchObject([{ state: 'COMPLETED' }]);
  });

  it('back before it is seen, is told 90 s after that', async () => {
    slurm.unbegun.set(DIRECTORY, false);
    expect((await told([completed()], 1, [job], -5 * HOUR)).jobs).toEqual([]);
    expect((await told([], 90, [job], 90 - 5 * HOUR)).jobs).toEqual([]);
    expect((await told([], 91, [job], 91 - 5 * HOUR)).jobs).toMatchObject([{ state: 'FAILED' }]);
  });

  it.each([
    ['back', -5 * HOUR],
    ['forward', 5 * HOUR],
  ])('%s, waits as long for records that can not be read', async (_way, set) => {
    slurm.recordsFault = new Error('the connection broke');
    const other = aJob({ state: 'RUNNING', workDir: '/w/jobs/2' });
    const jobs = [job, other];
    await told([failed(), completed(other.id)], 1, jobs);
    expect((await told([], 90, jobs, 90 + set)).jobs).toEqual([]);
    expect((await told([], 91, jobs, 91 + set)).jobs).toMatchObject([{ state: 'FAILED' }]);
    expect((await told([], 24 * HOUR, [other], 24 * HOUR + set)).jobs).toEqual([]);
    expect((await told([], 24 * HOUR + 1, [other], 24 * HOUR + set)).jobs).toMatchObject([{ state: 'COMPLETED' }]);
  });
});

describe('an end in doubt, when the controller has another time than the login,', () => {
  it.each([
    ['is as far behind as Slurm allows', 299],
    ['is behind', 100],
    ['is ahead', -100],
    ['is as far ahead as Slurm allows', -299],
    ['was days ahead, and was set back', -2 * 24 * 3600],
  ])('which %s, has its 90 s from the first look', async (_what, behind) => {
    for (const end of [completed(), completed(job.id, { state: 'FAILED', exitCode: 1 })]) {
      beginnings = new Beginnings(slurm.records);
      slurm.unbegun.set(DIRECTORY, false);
      expect((await told([end], 1, [job], 1 + behind)).jobs).toEqual([]);
      expect((await told([], 90, [job], 90 + behind)).jobs).toEqual([]);
      slurm.unbegun.clear();
      expect((await told([], 90, [job], 90 + behind)).jobs).toMatchObject([{ exitCode: end.apply(job).exitCode }]);
      slurm.unbegun.set(DIRECTORY, false);
      expect((await told([end], 200, [job], 200)).jobs).toEqual([]);
      expect((await told([], 290, [job], 290 + behind)).jobs).toMatchObject([{ state: 'FAILED', exitCode: null }]);
    }
  });
});
