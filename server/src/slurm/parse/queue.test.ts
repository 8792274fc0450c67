import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobObservation } from '../../domain/observation.ts';
import { turnsDuring } from '../../store/testing.ts';
import { UnreadableAnswer } from '../errors.ts';
import { everyJob, fixture, labels, queueRow, WAITING } from '../testing.ts';
import { ClusterClock } from './clock.ts';
import { FIELD_END, queueEnds, RECORDED } from './ends.ts';
import { isCutOff, mentions, parseQueue, QUEUE_FIELDS, QueueReader } from './queue.ts';

const ENDS = queueEnds(RECORDED);

const ID = '01K00000000000000000000042';
const DIRECTORY = `/home/ada/slurmql/jobs/${ID}`;

const only = (output: string): JobObservation => {
  const { observations, faultyRows } = parseQueue(output);
  expect(faultyRows).toEqual([]);
  expect(observations).toHaveLength(1);
  const [first] = observations;
  if (first === undefined) throw new Error('nothing was observed');
  return first;
};

it.each(['queue.txt', 'queue-later.txt', 'queue-heterogeneous.txt'])(
  '%s has the fields that squeue is asked for',
  (file) => {
    const own = fixture(file)
      .split(`${ENDS.row}\n`)
      .map((row) => row.slice(0, row.indexOf(ENDS.path)).split(FIELD_END).length);
    const advice =
      'squeue is asked for other fields than were recorded: see CONTRIBUTING, "Add a field to Job", step 2';
    // One is a part of a name that looks like a row.
    expect(new Set(own.filter((count) => count > 1)), advice).toEqual(new Set([QUEUE_FIELDS.indexOf('Command')]));
  },
);

/** What a recorded queue says of the first job with this label. */
function recorded(file: string, label: string): JobObservation {
  const labelOf = labels(file);
  const found = everyJob(parseQueue(fixture(file))).find((seen) => labelOf(seen) === label);
  if (found === undefined) throw new Error(`${file} has no job ${label}`);
  return found;
}

describe('a reader of one answer after another', () => {
  it('gives a row that comes again as the same observation', async () => {
    const reader = new QueueReader();
    const clock = new ClusterClock();
    const [first] = (await reader.read(queueRow(), ENDS, clock)).observations;
    const [again, other] = (await reader.read(queueRow() + queueRow({ JobArrayID: '8' }), ENDS, clock)).observations;
    expect(again).toBe(first);
    expect(other?.slurmJobId).toBe('8');
  });

  it('reads every row anew when the clock is corrected, also while it reads', async () => {
    const reader = new QueueReader();
    const clock = new ClusterClock();
    // So many that others have their turn in between.
    const output = Array.from({ length: 1500 }, (_, index) => queueRow({ JobArrayID: String(index + 1) })).join('');
    const reading = reader.read(output, ENDS, clock);
    clock.compare(Date.now() + 3_600_000, Date.now());
    await reading;
    const { observations } = await reader.read(output, ENDS, clock);
    const starts = new Set(observations.map(({ startedAt }) => startedAt?.getTime()));
    expect([...starts]).toEqual([1_795_494_207_000 - clock.aheadMs]);
  });
});

describe('others have their turn while an answer is read', () => {
  const MANY = 10_000;
  const RANGES = Array.from({ length: 500 }, (_, index) => `${3 * index}-${3 * index + 1}`).join(',');
  const lines = (count: number, id: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => queueRow({ JobArrayID: id(index) })).join('');

  it.each([
    ['with a row for each job', lines(MANY, (index) => `${index + 1}`), MANY],
    [
      'with many tasks in rows that lie between each other',
      ['0-49998:2', '1-49999:2'].map((list) => queueRow({ JobArrayID: `7_[${list}]`, Partition: list })).join(''),
      50_000,
    ],
    ['with many ranges of tasks', lines(MANY / 500, (row) => `${row + 1}_[${RANGES}]`), 2 * MANY],
    ['with the components of many jobs', lines(MANY, (index) => `${(index >> 1) + 1}+${index & 1}`), MANY / 2],
    ['with rows of others alone', lines(MANY, () => '7').replaceAll(ID, 'other'), 0],
  ])('%s', async (_what, output, count) => {
    const reader = new QueueReader();
    // What is known from the answer before is as much.
    for (const _answer of ['first', 'again']) {
      let made = 0;
      const turns = await turnsDuring(async () => {
        made = everyJob(await reader.read(output, ENDS, new ClusterClock())).length;
      });
      expect(made).toBe(count);
      expect(turns).toBeGreaterThanOrEqual(count === 0 ? 8 : 25);
    }
  });

  it.each([
    ['different', (index: number) => index + 1],
    ['the same', () => 1],
  ])('of which %s rows name too many tasks', async (_what, number) => {
    const output = lines(20, (index) => `${number(index)}_[0-29999,30000-59999]`);
    expect(await turnsDuring(() => new QueueReader().read(output, ENDS, new ClusterClock()))).toBeGreaterThanOrEqual(
      15,
    );
  });
});

describe('the recorded queue of heterogeneous jobs of a real Slurm 22.05.8', () => {
  it('shows each as one job with its components', () => {
    const { observations, faultyRows } = parseQueue(fixture('queue-heterogeneous.txt'));
    expect(faultyRows).toEqual([]);
    const shown = observations.map((seen) => [
      labels('queue-heterogeneous.txt')(seen),
      seen.state,
      seen.components.map((component) => `${component.offset} ${component.word}`).join(', '),
    ]);
    expect(shown.toSorted()).toEqual([
      ['het-completed', 'COMPLETED', '0 COMPLETED, 1 COMPLETED, 2 COMPLETED'],
      ['het-failed', 'FAILED', '0 FAILED, 1 FAILED'],
      ['het-one-cancelled', 'RUNNING', '0 RUNNING, 1 CANCELLED'],
      ['het-requeued', 'PENDING', '0 PENDING, 1 PENDING'],
      ['het-waiting', 'PENDING', '0 PENDING, 1 PENDING'],
    ]);
  });

  it("goes by the leader's number, with its exit code and the nodes of all", () => {
    expect(recorded('queue-heterogeneous.txt', 'het-failed')).toMatchObject({
      slurmJobId: '78',
      exitCode: 3,
      attempt: 1,
      nodeList: 'gpu01,gpu02',
    });
    expect(recorded('queue-heterogeneous.txt', 'het-requeued')).toMatchObject({ slurmJobId: '82', attempt: 2 });
  });
});

describe('the recorded queue of a real Slurm 22.05.8', () => {
  it('shows every one of our jobs in its state', () => {
    const states = new Map<string, string[]>();
    for (const seen of everyJob(parseQueue(fixture('queue-later.txt')))) {
      const { slurmJobId, state } = seen;
      const label = labels('queue-later.txt')(seen) ?? '';
      const task = /_\d+$/.exec(slurmJobId)?.[0].slice(1);
      states.set(label, [...(states.get(label) ?? []), task === undefined ? `${state}` : `${task} ${state}`]);
    }
    expect(Object.fromEntries(states)).toEqual({
      completed: ['COMPLETED'],
      failed: ['FAILED'],
      'exit-143': ['FAILED'],
      'exit-255': ['FAILED'],
      killed: ['FAILED'],
      timeout: ['TIMEOUT'],
      running: ['RUNNING'],
      array: ['0 RUNNING', '1 RUNNING', ...[2, 3, 4, 5, 6, 7, 8, 9].map((task) => `${task} PENDING`)],
      'array-held-step': [0, 2, 4, 6, 8, 11].map((task) => `${task} HELD`),
      'array-done': ['1 FAILED', '2 FAILED'],
      held: ['HELD'],
      waiting: ['PENDING'],
      'cancelled-waiting': ['CANCELLED'],
      'cancelled-running': ['CANCELLED'],
      requeued: ['PENDING'],
      suspended: ['SUSPENDED'],
      dependent: ['PENDING'],
      begin: ['PENDING'],
      quiet: ['COMPLETED'],
      'percent-zero': [0, 1, 2, 3].map((task) => `${task} COMPLETED`),
      'bad-constraints': ['FAILED'],
      'bad-qos': ['COMPLETED'],
      'bad-gpu-type': ['FAILED'],
      'bad-memory': ['FAILED'],
      'bad-time': ['PENDING'],
      'bad-dependency': ['COMPLETED'],
      'bad-nodes': ['PENDING'],
      'bad-cpus': ['PENDING'],
    });
  });

  it("passes over other people's jobs", () => {
    const { observations, faultyRows } = parseQueue(fixture('queue.txt'));
    // Among them are `a|b c`, `x State=COMPLETED .01K` and `evil`, in rows of their own.
    expect(fixture('queue.txt')).toContain(`a|b c${ENDS.path}`);
    expect(observations.filter(({ ownerId }) => ownerId === null)).toEqual([]);
    // Slurm takes control characters in names: one holds a line feed and what ends Slurm's own fields.
    expect(faultyRows).toEqual([]);
  });

  it.each([
    ['completed', 0, null],
    ['failed', 1, null],
    ['exit-143', 143, null],
    ['exit-255', 255, null],
    ['killed', null, 9],
    ['timeout', null, 15],
    ['array-done', 3, null],
    ['cancelled-running', null, 15],
  ])('says how a job ended: %s has code %j, signal %j', (label, exitCode, signal) => {
    expect(recorded('queue-later.txt', label)).toMatchObject({ exitCode, signal });
  });

  it.each(['running', 'array', 'held', 'waiting', 'requeued', 'suspended'])(
    'says nothing of an end for a job that has none: %s',
    (label) => {
      expect(recorded('queue.txt', label)).toMatchObject({ exitCode: null, signal: null, endedAt: null });
    },
  );

  it('tells when a job that waits will start, where the scheduler knows', () => {
    expect(recorded('queue-later.txt', 'waiting')).toMatchObject({
      startedAt: null,
      estimatedStartAt: new Date(1_795_667_226_000),
      reason: 'Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions',
      nodeList: null,
    });
    expect(recorded('queue.txt', 'waiting')).toMatchObject({ startedAt: null, reason: 'Resources' });
    expect(recorded('queue.txt', 'dependent')).toMatchObject({ estimatedStartAt: null, reason: 'Dependency' });
  });

  it('counts the attempts of a job that was put back into the queue', () => {
    expect(recorded('queue.txt', 'requeued')).toMatchObject({ attempt: 2, state: 'PENDING', reason: 'BeginTime' });
    expect(recorded('queue.txt', 'running')).toMatchObject({
      attempt: 1,
      startedAt: expect.any(Date),
      nodeList: 'gpu01',
    });
  });
});

describe('a row of the queue', () => {
  it('becomes one observation', () => {
    expect(only(queueRow({ State: 'COMPLETING', RestartCnt: '2' }))).toEqual({
      source: 'SQUEUE',
      slurmJobId: '7',
      ownerId: ID,
      directoryJobId: ID,
      state: 'COMPLETING',
      word: 'COMPLETING',
      reason: null,
      exitCode: null,
      signal: null,
      attempt: 3,
      startedAt: new Date(1_795_494_207_000),
      endedAt: null,
      estimatedStartAt: null,
      nodeList: 'gpu01',
      partition: 'gpu',
      allocated: { cpus: 4, memoryMb: 8192, gpus: null, timeLimitSeconds: 86_400 },
      components: [],
    } satisfies JobObservation);
  });

  it('tells what the job was given, and of a waiting job nothing, as that is what it asks for', () => {
    const read = (text: string) => parseQueue(text, undefined, true).observations[0]?.allocated;
    expect(read(queueRow())).toMatchObject({ gpus: [{ gpuType: '', count: 2 }] });
    expect(read(queueRow({ TimeLimit: 'UNLIMITED' }))).toMatchObject({ cpus: 4, timeLimitSeconds: null });
    expect(read(queueRow({ State: 'PENDING', NodeList: '' }))).toBeNull();
    expect(read(queueRow({ State: 'CANCELLED', NodeList: '' }))).toBeNull();
  });

  it('may come from a newer Slurm, which writes exit codes otherwise', () => {
    expect(only(queueRow({ State: 'FAILED', exit_code: '1:0' }))).toMatchObject({ exitCode: 1, signal: null });
    expect(only(queueRow({ State: 'FAILED', exit_code: '0:9' }))).toMatchObject({ exitCode: null, signal: 9 });
  });

  it('says that a job is there, and no more, when its state is an unknown word', () => {
    expect(only(queueRow({ State: 'HIBERNATING', exit_code: '1:0' }))).toMatchObject({
      state: null,
      word: 'HIBERNATING',
      exitCode: null,
      signal: null,
      endedAt: null,
    });
  });

  it.each([
    ['8_[4-99%2]', 96, '8_4', '8_99'],
    ['8_[0-3,9,10-20:2%4]', 11, '8_0', '8_20'],
    ['8_[5]', 1, '8_5', '8_5'],
    ['8_[0-8:2]', 5, '8_0', '8_8'],
  ])('of the waiting tasks %s is one observation for all of them', (id, count, first, last) => {
    const snapshot = parseQueue(queueRow({ JobArrayID: id, State: 'PENDING', NodeList: '' }));
    expect(snapshot.faultyRows).toEqual([]);
    expect(snapshot.observations.length + snapshot.shared.length).toBe(1);
    const observations = everyJob(snapshot);
    expect(observations).toHaveLength(count);
    expect([observations[0]?.slurmJobId, observations.at(-1)?.slurmJobId]).toEqual([first, last]);
    expect(new Set(observations.map(({ state }) => state))).toEqual(new Set(['PENDING']));
  });

  it.each([
    ['too few fields', queueRow().replace(FIELD_END, '')],
    ['too many fields', queueRow({ Reason: `two${FIELD_END}parts` })],
    ['no end of its own fields', queueRow().replace(ENDS.path, '')],
    ['no directory', queueRow().replace(`${ENDS.path}${DIRECTORY}`, '')],
    ['a path too many', queueRow({ WorkDir: `/a${ENDS.path}/b` })],
    ['NUL in a path', queueRow({ WorkDir: '/a\0/b' })],
    ['a cut list of tasks', queueRow({ JobArrayID: '8_[0-3,9,...]' })],
    ['no offset of a component', queueRow({ JobArrayID: '8+' })],
    ['no number', queueRow({ JobArrayID: '' })],
    ['words before it', `slurm_load_jobs: some warning\n${queueRow()}`],
    ['the end missing', queueRow().replace(ENDS.row, '')],
  ])('with %s concludes nothing, is reported, and spoils no other row', (_fault, faulty) => {
    const good = queueRow({ JobArrayID: '9' });
    const { observations, faultyRows } = parseQueue(`${good}${faulty}`);
    expect(observations.map(({ slurmJobId }) => slurmJobId)).toEqual(['9']);
    expect(faultyRows).toHaveLength(1);
  });

  it('is no fault for being the only one or none', () => {
    expect(parseQueue('')).toEqual({ observations: [], shared: [], faultyRows: [] });
    expect(parseQueue('\n')).toEqual({ observations: [], shared: [], faultyRows: [] });
  });
});

describe('rows that contradict each other', () => {
  it('conclude nothing, are reported, and spoil no other row', () => {
    const [one, other] = [queueRow(), queueRow({ State: 'COMPLETED' })];
    const { observations, faultyRows } = parseQueue(`${one}${queueRow({ JobArrayID: '9' })}${other}`);
    expect(observations.map(({ slurmJobId }) => slurmJobId)).toEqual(['9']);
    expect(faultyRows).toHaveLength(2);
  });

  it('do not when they say the same', () => {
    expect(parseQueue(`${queueRow()}${queueRow()}`)).toEqual(parseQueue(queueRow()));
  });
});

describe('rows of several tasks', () => {
  const waiting = (id: string, Partition = 'gpu') => queueRow({ ...WAITING, JobArrayID: id, Partition });
  const shown = (...rows: readonly string[]) => {
    const snapshot = parseQueue(rows.join(''));
    const tasks = everyJob(snapshot).map(({ slurmJobId, partition }) => `${slurmJobId} ${partition}`);
    return { tasks: tasks.sort(), faulty: snapshot.faultyRows.length };
  };
  const each = (from: number, to: number, step: number, partition = 'gpu') =>
    Array.from({ length: (to - from) / step + 1 }, (_, index) => `8_${from + index * step} ${partition}`);

  it.each<[string, readonly string[], readonly string[]]>([
    ['beside each other', [waiting('8_[0-3]'), waiting('8_[4-7]', 'cpu')], [...each(0, 3, 1), ...each(4, 7, 1, 'cpu')]],
    [
      'between each other',
      [waiting('8_[0-8:2]'), waiting('8_[1-9:2]', 'cpu')],
      [...each(0, 8, 2), ...each(1, 9, 2, 'cpu')],
    ],
    [
      'one task of which has begun',
      [waiting('8_[0-8:2]'), queueRow({ JobArrayID: '8_3' })],
      [...each(0, 8, 2), '8_3 gpu'],
    ],
    ['twice', [waiting('8_[0-3]'), waiting('8_[0-3]')], each(0, 3, 1)],
  ])('%s contradict nothing', (_what, rows, tasks) => {
    for (const order of [rows, rows.toReversed()])
      expect(shown(...order)).toEqual({ tasks: tasks.toSorted(), faulty: 0 });
  });

  it.each<[string, readonly string[]]>([
    ['a task of its own', [waiting('8_[0-8:2]'), queueRow({ JobArrayID: '8_4' })]],
    ['the only task of a list', [waiting('8_[0-8:2]'), waiting('8_[4]')]],
    ['the same tasks', [waiting('8_[0-3]'), waiting('8_[0-3]', 'cpu')]],
  ])('that contradict each other conclude nothing of them: %s', (_what, rows) => {
    for (const order of [rows, rows.toReversed()]) {
      const { tasks, faulty } = shown(...order, queueRow({ JobArrayID: '9' }));
      expect(tasks).toEqual(['9 gpu']);
      expect(faulty).toBe(2);
    }
  });

  it('conclude nothing of the tasks in which they overlap', () => {
    expect(shown(waiting('8_[0-5]'), waiting('8_[4-9]', 'cpu'))).toEqual({
      tasks: [...each(0, 3, 1), ...each(6, 9, 1, 'cpu')],
      faulty: 2,
    });
  });

  it('that lie between each other are not read beyond a bound, and are reported', () => {
    const rows = Array.from({ length: 5 }, (_, row) => [
      waiting(`${row + 1}_[0-49998:2]`),
      waiting(`${row + 1}_[1-49999:2]`, 'cpu'),
    ]);
    const { tasks, faulty } = shown(...rows.flat());
    expect(tasks).toHaveLength(100_000);
    expect(faulty).toBe(6);
  });

  it('cost what their texts cost, however many tasks they name', () => {
    const rows = Array.from({ length: 2000 }, (_, row) => waiting(`${row + 1}_[0-49999]`));
    expect(parseQueue(rows.join('')).shared).toHaveLength(2000);
  });

  it('are bounded by the ranges that they list', () => {
    const list = Array.from({ length: 25_000 }, (_, index) => 2 * index).join(',');
    const rows = (count: number) => Array.from({ length: count }, (_, row) => waiting(`${row + 1}_[${list}]`)).join('');
    expect(parseQueue(rows(20)).shared).toHaveLength(20);
    expect(() => parseQueue(rows(21))).toThrow(UnreadableAnswer);
  });
});

describe('a row that cannot be read', () => {
  it.each([
    ['its directory', `noise/jobs/${ID}/job.sh`, true],
    ['its number', `noise\n7${FIELD_END}RUNNING`, true],
    ['the number of its array', `7_[1-3${FIELD_END}PENDING`, true],
    ['another number', `77${FIELD_END}RUNNING`, false],
    ['neither', '\nnoise', false],
  ])('that has %s: is it the job? %s %j', (_what, text, isIt) => {
    expect(mentions([text])({ slurmJobId: '7_2', id: '01K00000000000000000000043', arrayParentId: ID })).toBe(isIt);
  });
});

describe("a path of somebody's job, in which any sign but NUL may stand,", () => {
  const ASKED = queueEnds('5eed5eed5eed5eed');
  const read = (output: string) => parseQueue(output, undefined, false, ASKED);
  const FORGED = queueRow({ JobArrayID: '8', State: 'FAILED', exit_code: '256' });
  const own = [queueRow({}, ASKED), queueRow({ JobArrayID: '9_[1-3]', State: 'PENDING', NodeList: '' }, ASKED)];
  const truth = read(own.join(''));

  it('makes no row and breaks none, its own included', () => {
    const sign = fc.constantFrom('\x1d', '\x1e', '\x1f', '\n', '/jobs/', ID, '/job.sh', '8', FORGED, `\n${FORGED}`);
    const path = fc.string({ unit: fc.oneof(sign, fc.string({ unit: 'binary', minLength: 1, maxLength: 2 })) });
    const paths = path.map((text) => text.replaceAll('\0', ''));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), paths, paths)), (jobs) => {
        const rows = [...own];
        for (const [index, [place, Command, WorkDir]] of jobs.entries()) {
          rows.splice(place, 0, queueRow({ JobArrayID: `${100 + index}`, Command, WorkDir }, ASKED));
        }
        const snapshot = read(rows.join(''));
        expect(snapshot.faultyRows).toEqual([]);
        expect(everyJob(snapshot).filter(({ slurmJobId }) => Number.parseInt(slurmJobId, 10) < 100)).toEqual(
          everyJob(truth),
        );
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['what ends rows', '/shared/a\x1e', 4096],
    ['what ends fields', '/shared/a\x1f', 4096],
    ['rows of another query', FORGED, 4096],
    ['arguments without an end', '/shared/job.sh x ', 4 * 1024 * 1024],
  ])('costs the other jobs nothing, however many have one of %s', (_what, text, length) => {
    const path = text.repeat(length / text.length);
    const many = Array.from({ length: length > 4096 ? 5 : 1000 }, (_, index) =>
      queueRow({ JobArrayID: `${100 + index}`, Command: path, WorkDir: path.slice(0, 4096) }, ASKED),
    );
    expect(everyJob(read([...many, ...own].join('')))).toEqual(expect.arrayContaining([...everyJob(truth)]));
  });

  it('is read as it is from one answer to the next, also where two are alike but for their end', async () => {
    const reader = new QueueReader();
    const directories = async (Command: string, WorkDir: string) => {
      const { observations } = await reader.read(queueRow({ Command, WorkDir }, ASKED), ASKED, new ClusterClock());
      return observations.map(({ ownerId, directoryJobId }) => [ownerId, directoryJobId]);
    };
    expect(await directories(`/x\x1d/jobs/${ID}`, '')).toEqual([]);
    expect(await directories('/x', `/jobs/${ID}\x1d`)).toEqual([]);
    expect(await directories('/x', `\x1d/jobs/${ID}`)).toEqual([[null, ID]]);
  });
});

it('a faulty row costs its length against the bound', () => {
  const faulty = queueRow({ JobArrayID: 'x' });
  const rows = (count: number) =>
    Array.from({ length: count }, (_, index) => faulty.replace('gpu01', `gpu${index}`)).join('');
  expect(parseQueue(rows(10_000)).faultyRows).toHaveLength(10_000);
  expect(() => parseQueue(rows(20_000))).toThrow(UnreadableAnswer);
});

describe('a damaged queue', () => {
  it('shows that it was cut wherever that is, but between two rows', () => {
    const whole = `${queueRow()}${queueRow({ JobArrayID: '8' })}`;
    const rows = [0, whole.indexOf('\n') + 1, whole.length];
    for (let length = 0; length <= whole.length; length += 1) {
      // What comes before the first row may be the login's own.
      if (length > 0 && !whole.slice(0, length).includes(FIELD_END)) continue;
      expect(isCutOff(whole.slice(0, length), ENDS)).toBe(!rows.includes(length));
    }
    expect(isCutOff(`${whole}good bye\n`, ENDS)).toBe(false);
  });

  const output = fixture('queue-later.txt');
  const truth = new Set(everyJob(parseQueue(output)).map((seen) => JSON.stringify(seen)));
  const inventions = (text: string) => everyJob(parseQueue(text)).filter((seen) => !truth.has(JSON.stringify(seen)));

  it('says nothing that the whole one does not say, wherever it ends', () => {
    for (let length = 0; length <= output.length; length += 1) expect(inventions(output.slice(0, length))).toEqual([]);
  });

  it('says nothing that the whole one does not say, whatever lines are printed between its rows', () => {
    const rows = output.split(ENDS.row).map((text) => `${text}${ENDS.row}`);
    const garbage = fc.string({
      unit: fc.oneof(
        fc.constantFrom(FIELD_END, ENDS.path, ENDS.row, '\n', '7', '_', '['),
        fc.string({ unit: 'binary', maxLength: 3 }),
      ),
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(rows.length), garbage), { maxLength: 5 }), (lines) => {
        const pieces = [...rows];
        for (const [position, text] of lines) pieces.splice(position, 0, `\n${text}\n`);
        expect(inventions(pieces.join(''))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('loses no row that it holds whole and in its place', () => {
    const rows = output.split(ENDS.row);
    const kept = rows.slice(0, 10);
    const half = `${kept.join(ENDS.row)}${ENDS.row}${(rows[10] ?? '').slice(0, 12)}`;
    expect(everyJob(parseQueue(half))).toEqual(everyJob(parseQueue(`${kept.join(ENDS.row)}${ENDS.row}`)));
    expect(parseQueue(half).faultyRows).toHaveLength(1);
  });
});
