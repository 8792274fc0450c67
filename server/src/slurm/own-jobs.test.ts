import { describe, expect, it } from 'vitest';
import { heldBytes } from '../domain/testing.ts';
import { turnsDuring } from '../store/testing.ts';
import type { OwnJobs } from './own-jobs.ts';
import { ClusterClock } from './parse/clock.ts';
import { queueEnds, RECORDED } from './parse/ends.ts';
import { parseQueue, QueueReader } from './parse/queue.ts';
import { everyJob, fixture, queueRow, WAITING } from './testing.ts';

const ENDS = queueEnds(RECORDED);
const ACTIVE = '01K00000000000000000000042';
const OVER = '01K00000000000000000000043';
const STRANGER = '01K00000000000000000000044';
const CLOCK = new ClusterClock();

/** The jobs of a store, and who was asked for. */
class Stored implements OwnJobs {
  readonly asked: string[] = [];
  readonly #over: ReadonlySet<string>;
  readonly #active: ReadonlyMap<string, { readonly slurmJobId: string | null }>;

  constructor(active: Readonly<Record<string, string>> = { [ACTIVE]: '7' }, over: readonly string[] = [OVER]) {
    this.#active = new Map(Object.entries(active).map(([id, slurmJobId]) => [id, { slurmJobId }]));
    this.#over = new Set(over);
  }

  active() {
    return this.#active;
  }

  among(ids: readonly string[]) {
    this.asked.push(...ids);
    return Promise.resolve(new Set(ids.filter((id) => this.#over.has(id) || this.#active.has(id))));
  }
}

const of = (id: string, parts: Parameters<typeof queueRow>[0] = {}) =>
  queueRow({ Command: `/w/jobs/${id}/job.sh`, WorkDir: `/w/jobs/${id}`, ...parts });
const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('');
const id = (index: number) => `01HZZZZZZZZZZZZZZZZ${String(index).padStart(7, '0')}`;

describe('rows of jobs that are not stored', () => {
  const OWN = of(ACTIVE);

  it.each([
    ['by the batch script', of(STRANGER, { JobArrayID: '8', WorkDir: '/' })],
    ['by the directory', of(STRANGER, { JobArrayID: '8', Command: '/bin/x' })],
    ['of a task', of(STRANGER, { JobArrayID: '8_1' })],
    ['of several tasks', of(STRANGER, { ...WAITING, JobArrayID: '8_[1-40000]' })],
    ['of many ranges', of(STRANGER, { ...WAITING, JobArrayID: `8_[${lines(2000, (at) => `${2 * at},`)}9999]` })],
    ['of a component', of(STRANGER, { JobArrayID: '8+1' })],
    ['with values that Slurm can not produce', of(STRANGER, { JobArrayID: '8', RestartCnt: '-1' })],
    ['of another length than any', of(STRANGER, { JobArrayID: '8', Reason: 'z'.repeat(2 ** 20) })],
    ['with a field too few', of(STRANGER, { JobArrayID: '8' }).replace('\x1f', '')],
    ["under an active job's number", of(STRANGER, { JobArrayID: '7' })],
    ["in an active job's directory", of(STRANGER, { JobArrayID: '8', WorkDir: `/w/jobs/${ACTIVE}` })],
  ])('say nothing: %s', async (_what, row) => {
    const jobs = new Stored();
    const reader = new QueueReader(jobs);
    for (const _answer of ['first', 'again']) {
      const { observations, shared, faultyRows } = await reader.read(row + OWN + row, ENDS, CLOCK);
      expect(observations.map(({ ownerId }) => ownerId)).toEqual([ACTIVE]);
      expect([shared, faultyRows]).toEqual([[], []]);
    }
    // Nobody is asked twice.
    expect(jobs.asked).toEqual([STRANGER]);
  });

  it('are not kept, however many there are', async () => {
    const jobs = new Stored();
    const reader = new QueueReader(jobs);
    const answer = (round: number) =>
      OWN + lines(30_000, (index) => of(id(index), { JobArrayID: `${100 + index}`, Reason: `r${round}` }));
    await new QueueReader(new Stored()).read(answer(0), ENDS, CLOCK);
    const before = heldBytes();
    for (const round of [1, 2]) {
      expect((await reader.read(answer(round), ENDS, CLOCK)).observations).toHaveLength(1);
    }
    jobs.asked.length = 0;
    expect(heldBytes() - before).toBeLessThan(8 * 1024 ** 2);
  });

  it('let others have their turn', async () => {
    const output = lines(10_000, (index) => of(id(index), { JobArrayID: `${100 + index}` }));
    expect(await turnsDuring(() => new QueueReader(new Stored()).read(output, ENDS, CLOCK))).toBeGreaterThanOrEqual(8);
  });
});

describe('rows of jobs that are stored', () => {
  it('are read as ever, of whichever jobs they are and wherever they stand', async () => {
    for (const file of ['queue.txt', 'queue-later.txt', 'queue-heterogeneous.txt']) {
      const output = fixture(file);
      const ids = [...output.matchAll(/\/jobs\/(\w{26})/g)].map(([, one = '']) => one);
      // Some are active, and others over.
      const active = Object.fromEntries(ids.filter((_one, index) => index % 3 === 0).map((one) => [one, one]));
      const found = await new QueueReader(new Stored(active, ids)).read(output, ENDS, CLOCK);
      const expected = parseQueue(output);
      const inOrder = ({ observations, shared }: typeof found) =>
        everyJob({ observations, shared, faultyRows: [] }).toSorted((left, right) =>
          left.slurmJobId < right.slurmJobId ? -1 : 1,
        );
      expect(inOrder(found)).toEqual(inOrder(expected));
      expect([...found.faultyRows].sort()).toEqual([...expected.faultyRows].sort());
    }
  });

  it('are asked for once if they are over, and never if they are active', async () => {
    const jobs = new Stored();
    const reader = new QueueReader(jobs);
    const output = of(ACTIVE) + of(OVER, { JobArrayID: '8', State: 'COMPLETED' });
    const first = await reader.read(output, ENDS, CLOCK);
    const again = await reader.read(output, ENDS, CLOCK);
    expect(first.observations.map(({ ownerId }) => ownerId)).toEqual([ACTIVE, OVER]);
    expect(again.observations.every((seen, index) => seen === first.observations[index])).toBe(true);
    expect(jobs.asked).toEqual([OVER]);
  });

  it.each([
    ['jobs that are over', (index: number) => of(OVER, { JobArrayID: `${100 + index}`, State: 'COMPLETED' })],
    ['doubles of an active job', (index: number) => of(ACTIVE, { JobArrayID: `${100 + index}` })],
    ['tasks of no array', (index: number) => of(ACTIVE, { JobArrayID: `8_${index}` })],
  ])('are bounded, but for those of active jobs: %s', async (_what, row) => {
    const reader = new QueueReader(new Stored());
    const { observations, faultyRows } = await reader.read(lines(100_500, row) + of(ACTIVE), ENDS, CLOCK);
    expect(observations).toHaveLength(100_002);
    expect(observations.at(-1)?.slurmJobId).toBe('7');
    expect(faultyRows).toEqual([]);
  });
});

describe('ranges of tasks', () => {
  const RANGES = 40_000;
  const row = (number: number) =>
    of(ACTIVE, { ...WAITING, JobArrayID: `${number}_[${lines(RANGES, (at) => `${2 * at},`)}${2 * RANGES}]` });

  it('are bounded in one answer, and those beyond are read as soon as there is room', async () => {
    const reader = new QueueReader(new Stored());
    const rows = [11, 12, 13, 14].map(row);
    const many = await reader.read(rows.join(''), ENDS, CLOCK);
    expect(many.shared.map(({ slurmArrayId }) => slurmArrayId)).toEqual(['11', '12']);
    expect(many.faultyRows).toHaveLength(2);
    const few = await reader.read(rows.slice(2).join(''), ENDS, CLOCK);
    expect(few.shared.map(({ slurmArrayId }) => slurmArrayId)).toEqual(['13', '14']);
    expect(few.faultyRows).toEqual([]);
  });

  it('of one array are read in turns', async () => {
    const reader = new QueueReader(new Stored());
    const output = lines(20, (at) =>
      of(ACTIVE, {
        ...WAITING,
        Reason: `r${at}`,
        JobArrayID: `7_[${lines(1999, (index) => `${4000 * at + 2 * index},`)}${4000 * at + 3998}]`,
      }),
    );
    let shared = 0;
    const turns = await turnsDuring(async () => {
      shared = (await reader.read(output, ENDS, CLOCK)).shared.length;
    });
    expect(shared).toBe(20);
    // For each row when it is read, and when its ranges are put among the others.
    expect(turns).toBeGreaterThanOrEqual(40);
  });
});
