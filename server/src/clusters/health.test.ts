import { describe, expect, it } from 'vitest';
import { type Faults, Health, NO_FAULTS, type Standing, statusOf } from './health.ts';

const online = (faults: Partial<Faults> = {}, parts: Partial<Standing> = {}) =>
  statusOf({
    connection: { status: 'online', since: new Date() },
    isProbed: true,
    faults: { ...NO_FAULTS, ...faults },
    sftpFault: null,
    clockAheadMs: 0,
    ...parts,
  });

describe('the status of a cluster', () => {
  it('is ONLINE without a word when nothing is wrong', () => {
    expect(online()).toEqual({ status: 'ONLINE', message: null });
  });

  it('is CONNECTING until the login is known', () => {
    expect(online({}, { isProbed: false })).toEqual({ status: 'CONNECTING', message: null });
  });

  it.each([
    [{ login: 'no sbatch' }, 'no sbatch. It is tried again by itself.'],
    [{ queue: 'no answer' }, "Slurm's queue can't be read: no answer. The states shown are the last ones known"],
    [
      { records: '/w/run: Permission denied' },
      "Records in the directories of jobs can't be read: /w/run: Permission denied.",
    ],
    [{ submission: 'no room' }, "Jobs can't be submitted: no room."],
    [{ workspace: 'it is open to others' }, "Jobs can't be submitted: it is open to others."],
    [{ accountingQuestion: 'sacct: no' }, "Slurm's accounting can't be read: sacct: no."],
    [{ inventory: 'scontrol: no' }, "Partitions and nodes can't be read: scontrol: no."],
    [{ accounting: 'no answer' }, "Slurm's accounting can't be read: no answer. Jobs that left the queue"],
  ])('is DEGRADED and says what is wrong: %j', (faults, said) => {
    const { status, message } = online(faults);
    expect(status).toBe('DEGRADED');
    expect(message).toContain(said);
  });

  it('tells the fault that explains the others, and all that are apart', () => {
    expect(online({ queue: 'a', submission: 'b' }).message).not.toContain("can't be submitted");
    const { message } = online({ submission: 'a', accounting: 'b' });
    expect(message).toMatch(/^Jobs can't be submitted: a\. Slurm's accounting can't be read: b\./);
  });

  it.each([
    [10_800_000, '10800 s ahead of'],
    [-10_800_000, '10800 s behind'],
  ])('stays ONLINE and tells of a clock that is %d ms ahead', (clockAheadMs, said) => {
    expect(online({}, { clockAheadMs })).toEqual({ status: 'ONLINE', message: expect.stringContaining(said) });
    expect(online({ queue: 'a' }, { clockAheadMs }).message).toContain(said);
  });

  it('stays ONLINE and tells of SFTP that does not work', () => {
    const { status, message } = online({}, { sftpFault: 'it is none' });
    expect(status).toBe('ONLINE');
    expect(message).toContain("SFTP doesn't work on this login: it is none. Files are read and written by commands");
  });

  it("is the connection's own while there is none, whatever was wrong before", () => {
    const connection = { status: 'unreachable', message: 'no route', retryAt: new Date() } as const;
    expect(online({ queue: 'a' }, { connection, clockAheadMs: 9e6 })).toEqual({
      status: 'UNREACHABLE',
      message: 'no route',
    });
  });
});

describe('the faults of a cluster', () => {
  it('are news once', () => {
    const health = new Health();
    expect(health.report({ queue: 'no answer' })).toBe(true);
    expect(health.report({ queue: 'no answer', login: null })).toBe(false);
    expect(health.report({ queue: null })).toBe(true);
    expect(health.faults).toEqual(NO_FAULTS);
  });

  it('end with the connection, but for those of what jobs left behind', () => {
    const health = new Health();
    health.report({ queue: 'a', workspace: 'b', accountingQuestion: 'c', records: 'd', accounting: 'e' });
    health.disconnected();
    expect(health.faults).toEqual({ ...NO_FAULTS, records: 'd', accounting: 'e' });
  });
});
