import { beforeAll, describe, expect, it } from 'vitest';
import type { JobObservation } from '../../src/domain/observation.ts';
import type { Accounting, Slurm } from '../../src/slurm/index.ts';
import { everyJob } from '../../src/slurm/testing.ts';
import { labelOf } from './scene.ts';

/** What shows the jobs of scene.ts, in the queue and in the accounting. */
export interface JobStage {
  readonly slurm: Pick<Slurm, 'queue' | 'accounting'>;
  /** Slurm's number of each of those jobs, by label. */
  readonly numbers: ReadonlyMap<string, string>;
}

export function numberOf({ numbers }: Pick<JobStage, 'numbers'>, label: string): string {
  const found = numbers.get(label);
  if (found === undefined) throw new Error(`Slurm took no job ${label}`);
  return found;
}

type Facts = Partial<Pick<JobObservation, 'state' | 'exitCode' | 'signal' | 'reason' | 'nodeList' | 'attempt'>>;
const end = (state: JobObservation['state'], exitCode: number | null, signal: number | null): Facts => ({
  state,
  exitCode,
  signal,
});
const open = (state: JobObservation['state'], reason: string | null = null): Facts => ({
  ...end(state, null, null),
  reason,
});

/** What the queue says of jobs. */
const IN_QUEUE: Readonly<Record<string, Facts>> = {
  completed: end('COMPLETED', 0, null),
  failed: end('FAILED', 1, null),
  'exit-143': end('FAILED', 143, null),
  killed: end('FAILED', null, 9),
  terminated: end('FAILED', null, 15),
  'timed-out': { state: 'TIMEOUT', reason: 'TimeLimit' },
  'cancelled-running': { state: 'CANCELLED', nodeList: 'cpu01' },
  'cancelled-waiting': { ...end('CANCELLED', null, null), nodeList: null },
  running: { ...end('RUNNING', null, null), nodeList: 'cpu01', attempt: 1 },
  held: open('HELD', 'JobHeldUser'),
  'held-by-admin': open('HELD', 'JobHeldAdmin'),
  later: open('PENDING', 'BeginTime'),
  suspended: end('SUSPENDED', null, null),
  requeued: { ...end('COMPLETED', 0, null), attempt: 2 },
  gpus: { state: 'RUNNING', nodeList: 'gpu01' },
  dependent: open('PENDING', 'DependencyNeverSatisfied'),
  warned: end('COMPLETED', 0, null),
};

/** And the accounts, where that is another. A code from 128 on is 128 less up to 25.05. */
const inAccounts = (hasExactCodes: boolean): Readonly<Record<string, Facts>> => ({
  ...Object.fromEntries(Object.entries(IN_QUEUE).map(([name, { reason: _, ...facts }]) => [name, facts])),
  'exit-143': end('FAILED', hasExactCodes ? 143 : 15, null),
  held: end('PENDING', null, null),
  'held-by-admin': end('PENDING', null, null),
});

/** What every implementation says of jobs. */
export function testJobs(stage: () => JobStage): void {
  const observed = async (label: string) =>
    everyJob(await stage().slurm.queue.snapshot()).filter((one) => labelOf(one) === label);

  describe('the queue', () => {
    it.each(Object.entries(IN_QUEUE))('says of %s what it is', async (label, expected) => {
      const found = await observed(label);
      expect(found).toHaveLength(1);
      expect(found[0]).toMatchObject({ ...expected, slurmJobId: numberOf(stage(), label) });
    });

    it('has tasks and components in their places, and no row that cannot be read', async () => {
      expect((await stage().slurm.queue.snapshot()).faultyRows).toEqual([]);
      const tasks = async (label: string) =>
        Object.fromEntries(
          (await observed(label)).map(({ slurmJobId, state }) => [Number(slurmJobId.split('_')[1]), state]),
        );
      expect(await tasks('array')).toEqual({
        ...{ 0: 'COMPLETED', 1: 'FAILED', 2: 'RUNNING', 3: 'RUNNING' },
        ...Object.fromEntries([4, 5, 6, 7, 8, 9].map((index) => [index, 'PENDING'])),
      });
      expect(await tasks('array-held')).toEqual({
        ...Object.fromEntries([0, 1, 2, 4, 5].map((index) => [index, 'HELD'])),
        3: expect.stringMatching(/^(?:PENDING|COMPLETED)$/),
      });
      const [het] = await observed('het');
      expect(het).toMatchObject({ state: 'RUNNING', components: [{ nodeList: 'cpu01' }, { nodeList: 'gpu02' }] });
    });
  });

  describe('the accounting', () => {
    let answer: Extract<Accounting, { readonly kind: 'read' }>;
    beforeAll(async () => {
      const read = await stage().slurm.accounting.read([...stage().numbers.values()]);
      if (read.kind !== 'read') throw new Error(JSON.stringify(read));
      answer = read;
    });

    it('can be asked, and has no row that cannot be read', async () => {
      expect(await stage().slurm.accounting.tryOut()).toBeNull();
      expect(answer.unread).toEqual(new Set());
    });

    it.each(Object.keys(IN_QUEUE))('says of %s what it is', (label) => {
      const found = answer.accounts.filter(({ latest }) => labelOf(latest) === label);
      expect(found).toHaveLength(1);
      expect(found[0]?.latest).toMatchObject(inAccounts(answer.hasExactCodes)[label] ?? {});
      if (label === 'requeued') expect(found[0]?.closed).toMatchObject([{ number: 1, outcome: 'REQUEUED' }]);
    });
  });
}
