import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture, labels } from '../testing.ts';
import { ACCOUNTING_FIELDS } from './account-rows.ts';
import { parseAccounting } from './accounting.ts';
import { accountingForm, RECORDED } from './ends.ts';

const { fieldEnd: FIELD_END } = accountingForm(RECORDED, ACCOUNTING_FIELDS);

const accountsOf = (...answer: Parameters<typeof parseAccounting>) => parseAccounting(...answer).accounts;

const ID = '01K00000000000000000000042';

type Field = (typeof ACCOUNTING_FIELDS)[number];

function row(parts: Partial<Record<Field, string>> = {}): string {
  const values: Record<Field, string> = {
    JobID: '7',
    State: 'COMPLETED',
    ExitCode: '0:0',
    Submit: '1795494206',
    Start: '1795494207',
    End: '1795494217',
    NodeList: 'gpu01',
    Partition: 'gpu',
    AllocTRES: 'billing=4,cpu=4,gres/gpu=2,mem=8G,node=1',
    TimelimitRaw: '90',
    JobName: 'train',
    WorkDir: `/home/ada/slurmql/jobs/${ID}`,
    SubmitLine: `sbatch --parsable /home/ada/slurmql/jobs/${ID}/job.sh`,
    ...parts,
  };
  return `${ACCOUNTING_FIELDS.map((field) => `${values[field]}${FIELD_END}`).join('')}\n`;
}

/** Before 21.08: without the line that submitted it. */
const OLD = accountingForm(RECORDED, ACCOUNTING_FIELDS.slice(0, -1));
const oldRow = (parts: Partial<Record<Field, string>> = {}) =>
  row({ ...parts, SubmitLine: '' }).replace(`${FIELD_END}${FIELD_END}\n`, `${FIELD_END}\n`);
const oldAccountsOf = (output: string) => parseAccounting(output, undefined, false, false, OLD).accounts;

describe('the recorded accounts of a real Slurm 22.05.8', () => {
  const accounts = accountsOf(fixture('accounting.txt')).map(({ latest }) => latest);
  const labelOf = labels('accounting.txt');
  /** Of the first job with this label. */
  const account = (label: string) => accounts.find((seen) => labelOf(seen) === label);

  it.each([
    ['completed', 'COMPLETED', 0, null],
    ['failed', 'FAILED', 1, null],
    ['killed', 'FAILED', null, 9],
    ['array-done', 'FAILED', 3, null],
    ['running', 'RUNNING', null, null],
    ['array', 'RUNNING', null, null],
    ['suspended', 'SUSPENDED', null, null],
    ['held', 'PENDING', null, null],
  ])('say that %s is %s, code %j, signal %j', (label, state, exitCode, signal) => {
    expect(account(label)).toMatchObject({ state, exitCode, signal });
  });

  it('say that whoever cancelled, it was cancelled', () => {
    expect(account('cancelled-running')).toMatchObject({
      state: 'CANCELLED',
      word: expect.stringMatching(/^CANCELLED by \d+$/),
    });
  });

  it('take the attempt that was submitted last, and not the one that a requeue closed', () => {
    expect(fixture('accounting.txt').match(/REQUEUED/g)).toHaveLength(1);
    expect(account('requeued')).toMatchObject({ state: 'PENDING', word: 'PENDING', startedAt: null, endedAt: null });
  });

  it('have no end and no start for what has not ended or started', () => {
    expect(account('running')).toMatchObject({ startedAt: expect.any(Date), endedAt: null });
    expect(account('cancelled-waiting')).toMatchObject({ startedAt: null, endedAt: expect.any(Date), nodeList: null });
  });

  it.each([
    ['array-cancelled', [1, 2, 3, 4, 5]],
    ['array-cancelled-wide', [...Array.from({ length: 101 }, (_, index) => 2 * index), 300]],
  ])('tell of each task of an array that was cancelled while it waited: %s', (label, tasks) => {
    const told = accounts.filter((seen) => labelOf(seen) === label);
    expect(told.map(({ slurmJobId }) => Number(slurmJobId.split('_')[1]))).toEqual(tasks);
    for (const latest of told)
      expect(latest).toMatchObject({ state: 'CANCELLED', attempt: 1, nodeList: null, endedAt: expect.any(Date) });
  });

  it('tell of the tasks that had started and of the rest, each once', () => {
    const told = accounts.filter((seen) => labelOf(seen) === 'array-cancelled-half');
    expect(told.map(({ slurmJobId, nodeList }) => [slurmJobId, nodeList]).toSorted()).toEqual(
      Array.from({ length: 10 }, (_, task) => [`19_${task}`, task < 2 ? 'n1' : null]),
    );
  });

  it("hold no row that isn't a job's", () => {
    expect(fixture('accounting.txt')).toContain('8_[2-9%2]');
    expect(accounts.filter(({ slurmJobId }) => slurmJobId.includes('['))).toEqual([]);
  });
});

describe('the recorded accounts of heterogeneous jobs of a real Slurm 22.05.8', () => {
  const accounts = accountsOf(fixture('accounting-heterogeneous.txt'));
  const account = (label: string) =>
    accounts.find(({ latest }) => labels('accounting-heterogeneous.txt')(latest) === label);

  it("tell of each once, by the leader's number", () => {
    expect(accounts.map(({ latest }) => latest.slurmJobId).toSorted()).toEqual(['75', '78', '80', '82']);
    expect(account('het-completed')?.latest).toMatchObject({ state: 'COMPLETED', nodeList: 'gpu01,gpu02,gpu03' });
    expect(account('het-failed')?.latest).toMatchObject({ state: 'FAILED', exitCode: 3 });
    expect(account('het-one-cancelled')?.latest).toMatchObject({ state: 'RUNNING', endedAt: null });
  });

  it('put the attempts of all components together', () => {
    const rows = (jobId: string) =>
      row({ JobID: jobId, Submit: '1795494300' }) + row({ JobID: jobId, Submit: '1795494100', State: 'REQUEUED' });
    const [one, ...others] = accountsOf(rows('7+1') + rows('7+0'));
    expect(others).toEqual([]);
    expect(one).toMatchObject({
      latest: { slurmJobId: '7', state: 'COMPLETED', attempt: 2, components: [{ offset: 0 }, { offset: 1 }] },
      closed: [{ number: 1, outcome: 'REQUEUED' }],
    });
  });
});

describe('a row of the accounts', () => {
  it.each([
    ['the older one first', ['1795494100', '1795494300']],
    ['the newer one first', ['1795494300', '1795494100']],
  ])('yields to the one submitted last of the same job, with %s', (_order, submits) => {
    const rows = submits.map((submit) =>
      row({ Submit: submit, State: submit === '1795494300' ? 'COMPLETED' : 'PREEMPTED' }),
    );
    expect(accountsOf(rows.join(''))).toMatchObject([
      {
        latest: { state: 'COMPLETED', attempt: 2 },
        closed: [
          { number: 1, outcome: 'PREEMPTED', exitCode: null, startedAt: expect.any(Date), endedAt: expect.any(Date) },
        ],
      },
    ]);
  });

  it.each(['REQUEUED', 'RUNNING', 'PENDING', 'COMPLETING', 'RESIZING', 'A_NEW_WORD'])(
    'with %s tells of no end',
    (word) => {
      const [account] = accountsOf(row({ State: word, ExitCode: '1:0' }));
      expect(account?.latest).toMatchObject({ word, exitCode: null, signal: null });
    },
  );

  it('tells what the job was given, and nothing of a job that was given nothing', () => {
    const allocated = (parts: Parameters<typeof row>[0]) =>
      accountsOf(row(parts), undefined, true, true)[0]?.latest.allocated;
    expect(allocated({})).toEqual({
      cpus: 4,
      memoryMb: 8192,
      gpus: [{ gpuType: '', count: 2 }],
      timeLimitSeconds: 5400,
    });
    expect(allocated({ TimelimitRaw: 'UNLIMITED' })).toMatchObject({ timeLimitSeconds: null });
    expect(allocated({ AllocTRES: '' })).toBeNull();
  });

  it('goes on in another row where a job gave nodes back: that is no new attempt', () => {
    const before = row({ Submit: '1795494100', Start: '1795494101', State: 'RESIZING', End: '1795494150' });
    const after = row({ Submit: '1795494150', Start: '1795494150', State: 'COMPLETED' });
    expect(accountsOf(before + after)).toMatchObject([
      { latest: { state: 'COMPLETED', attempt: 1, startedAt: new Date(1_795_494_101_000) }, closed: [] },
    ]);
  });

  it('tells of a signal, and not of an exit code beside it', () => {
    expect(accountsOf(row({ State: 'FAILED', ExitCode: '1:9' }))).toMatchObject([
      { latest: { exitCode: null, signal: 9 }, closed: [] },
    ]);
  });

  it('that several tasks share says nothing of a task that has one of its own', () => {
    const rows = row({ JobID: '7_[0-2]', State: 'CANCELLED by 0', Submit: '1795494900' }) + row({ JobID: '7_1' });
    expect(
      Object.fromEntries(accountsOf(rows).map(({ latest, closed }) => [latest.slurmJobId, [latest.state, closed]])),
    ).toEqual({ '7_0': ['CANCELLED', []], '7_1': ['COMPLETED', []], '7_2': ['CANCELLED', []] });
  });

  it('may be one of several jobs of one number, which are told apart', () => {
    const other = { WorkDir: '/home/ada', SubmitLine: 'sbatch train.sh', Submit: '1795494900', State: 'COMPLETED' };
    const told = accountsOf(row(other) + row({ State: 'FAILED' }) + row({ State: 'FAILED', Submit: '1795494100' }));
    expect(told.map(({ latest, submittedAt }) => [latest.ownerId, latest.state, submittedAt?.getTime()])).toEqual([
      [null, 'COMPLETED', 1_795_494_900_000],
      [ID, 'FAILED', 1_795_494_100_000],
    ]);
  });

  it('has no line that submitted it before 21.08, but still the directory, or the name that earlier releases gave', () => {
    const old = (parts: Partial<Record<Field, string>>) => oldAccountsOf(oldRow(parts))[0]?.latest;
    expect(old({})).toMatchObject({ ownerId: null, directoryJobId: ID });
    expect(old({ WorkDir: '/elsewhere', JobName: `train.${ID}` })).toMatchObject({ ownerId: null, directoryJobId: ID });
    expect(old({ WorkDir: '/elsewhere' })).toMatchObject({ ownerId: null, directoryJobId: null });
  });

  it.each([
    ['too few fields', oldRow()],
    ['too many fields', row({ NodeList: `a${FIELD_END}b` })],
    ['a job step', row({ JobID: '7.batch' })],
    ['a warning', 'sacct: warning: something\n'],
    ['nothing', '\n'],
  ])('that holds %s is passed over', (_what, text) => {
    expect(accountsOf(`${text}${row({ JobID: '8' })}`).map(({ latest }) => latest.slurmJobId)).toEqual(['8']);
  });
});

it.each([
  ['0:9', 9],
  ['0:34', null],
  ['0:53', null],
])('an attempt that a requeue closed and that Slurm calls ended by %s has signal %j', (ExitCode, signal) => {
  const rows = row({ Submit: '1795494100', State: 'FAILED', ExitCode }) + row({ Submit: '1795494300' });
  expect(accountsOf(rows)[0]?.closed).toMatchObject([{ number: 1, exitCode: null, signal }]);
});

it('an attempt that a requeue closed has the beginning of a long list of nodes, as opposed to the last one', () => {
  const NodeList = 'n'.repeat(5000);
  const [account] = accountsOf(row({ Submit: '1795494100', NodeList }) + row({ Submit: '1795494300', NodeList }));
  expect(account?.closed[0]?.nodeList).toMatch(/^n{900,}… \(4,\d+ characters cut\)$/);
  expect(account?.closed[0]?.nodeList?.length).toBeLessThanOrEqual(1000);
  expect(account?.latest.nodeList).toBe(NodeList);
});

it('an attempt whose row slurmdbd has not closed yet has no outcome', () => {
  const row = (state: string, submit: string) =>
    oldRow({ State: state, Submit: submit, End: 'Unknown', WorkDir: `/ws/jobs/${ID}` });
  const rows = [row('RUNNING', '1795494300'), row('REQUEUED', '1795494310'), row('PENDING', '1795494320')];
  const [account] = oldAccountsOf(rows.join('') + row('RUNNING', '1795494330'));
  expect(account?.closed.map(({ outcome }) => outcome)).toEqual([null, 'REQUEUED', null]);
  expect(account?.latest).toMatchObject({ attempt: 4, word: 'RUNNING' });
});

describe('an attempt that 20.11 requeues in its first seconds', () => {
  const nameless = { State: 'REQUEUED', JobName: 'allocation', Partition: '', WorkDir: '' };

  it.each([
    ['the older ones first', (rows: readonly string[]) => rows],
    ['the newer ones first', (rows: readonly string[]) => rows.toReversed()],
  ])('is of the job whose next attempt its requeue submitted, with %s', (_order, sorted) => {
    const rows = [
      oldRow({ ...nameless, Submit: '1795494206', End: '1795494210' }),
      oldRow({ ...nameless, Submit: '1795494210', End: '1795494230' }),
      oldRow({ Submit: '1795494230', Start: '1795494240', End: '1795494250' }),
    ];
    const [account] = oldAccountsOf(sorted(rows).join(''));
    expect(account).toMatchObject({ latest: { attempt: 3, state: 'COMPLETED', directoryJobId: ID } });
    expect(account?.closed).toMatchObject([
      { number: 1, outcome: 'REQUEUED' },
      { number: 2, outcome: 'REQUEUED' },
    ]);
  });

  it.each([
    ['ends when it was submitted', { Submit: '1795494206', End: '1795494206' }],
    ['has no times', { Submit: 'Unknown', End: 'Unknown' }],
    ['ends before', { Submit: '1795494206', End: '1795494200' }],
  ])("is nobody's where it %s", (_what, times) => {
    expect(oldAccountsOf(oldRow({ ...nameless, ...times }).repeat(3))).toMatchObject([
      { latest: { directoryJobId: null } },
    ]);
  });

  it("is nobody's where that number was next submitted at another time, or not at all", () => {
    for (const other of [{ Submit: '1795494211' }, { JobID: '8' }]) {
      const output = oldRow({ ...nameless, End: '1795494210' }) + oldRow({ Submit: '1795494210', ...other });
      expect(oldAccountsOf(output).flatMap(({ closed }) => closed)).toEqual([]);
    }
  });
});

describe("a text of somebody's job, in which any sign but NUL may stand,", () => {
  const ASKED = accountingForm('5eed5eed5eed5eed', ACCOUNTING_FIELDS);
  const asked = (text: string) => text.replaceAll(FIELD_END, ASKED.fieldEnd);
  const read = (output: string) => parseAccounting(output, undefined, true, false, ASKED);
  const FORGED = row({ State: 'COMPLETED', Submit: '1795494999' });
  const own = asked(row({ State: 'FAILED', ExitCode: '3:0' }));
  const truth = read(own);

  it('makes no row and breaks none', () => {
    const sign = fc.constantFrom('\x1f', '\n', '7', '/jobs/', ID, '/job.sh', FORGED, `\n${FORGED}`);
    const texts = fc
      .string({ unit: fc.oneof(sign, fc.string({ unit: 'binary', minLength: 1, maxLength: 2 })) })
      .map((text) => text.replaceAll('\0', ''));
    fc.assert(
      fc.property(fc.array(fc.tuple(texts, texts, texts)), fc.nat(), (jobs, at) => {
        const others = jobs.map(([JobName, WorkDir, SubmitLine], index) => {
          // A row as sacct prints it, with the texts put in last: they may hold what an earlier query asked for.
          const places = asked(row({ JobID: `${100 + index}`, JobName: 'N', WorkDir: 'W', SubmitLine: 'L' }));
          const [head = ''] = places.split(`N${ASKED.fieldEnd}W`);
          return `${head}${[JobName, WorkDir, SubmitLine].map((text) => `${text}${ASKED.fieldEnd}`).join('')}\n`;
        });
        const { accounts, unread } = read(others.toSpliced(at % (others.length + 1), 0, own).join(''));
        expect([...unread]).toEqual([]);
        expect(accounts.filter(({ latest }) => Number(latest.slurmJobId) < 100)).toEqual(truth.accounts);
      }),
      { numRuns: 500 },
    );
  });

  it('does not hide what is behind it, however long it is', () => {
    const long = asked(row({ JobID: '8', SubmitLine: `sbatch ${'x '.repeat(1024 * 1024)}` }));
    const { accounts, unread } = read(long + own);
    expect([accounts, [...unread]]).toEqual([truth.accounts, ['8']]);
  });
});

it('a row that is no row says nothing of its job, nor of any other', () => {
  const { accounts, unread } = parseAccounting(oldRow({ JobID: '8' }) + row() + oldRow({ JobID: '9_3' }));
  expect([accounts.map(({ latest }) => latest.slurmJobId), [...unread]]).toEqual([['7'], ['8', '9']]);
});
