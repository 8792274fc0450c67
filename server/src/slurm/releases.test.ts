import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JobObservation } from '../domain/observation.ts';
import { NOT_TRIED } from './commands/trial.ts';
import { parseAccounting } from './parse/accounting.ts';
import { parseControl } from './parse/control.ts';
import { parseNodes, parsePartitions } from './parse/inventory.ts';
import { hasExactExitCodes, isTooOld, parseConfiguration, parseVersion } from './parse/probe.ts';
import { isCutOff, parseQueue } from './parse/queue.ts';
import { parseSubmit, rejectedField } from './parse/submit.ts';
import { fixture } from './testing.ts';

// What test/releases/record.ts recorded: the same jobs on each release. Whatever a release prints, it is read as the same.

const RELEASES = readdirSync(new URL('fixtures/releases', import.meta.url)).toSorted();

const submitted = z.array(z.object({ label: z.string(), exitCode: z.int(), stdout: z.string(), stderr: z.string() }));
const answered = z.array(z.object({ exitCode: z.int(), output: z.string() }));
const tried = z.object({ queue: answered, accounting: answered });
const controlled = z.array(z.object({ action: z.string(), label: z.string(), exitCode: z.int(), output: z.string() }));

/** The id of a recorded job is its place among those that were asked for. */
const place = (id: string | null) => (id === null ? -1 : Number(id.slice(3)));

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

/** What squeue says of jobs, by the label of their names. */
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

/** And sacct, where that is another. A code from 128 on is 128 less up to 25.05. */
const inAccounts = (hasExactCodes: boolean): Readonly<Record<string, Facts>> => ({
  ...Object.fromEntries(Object.entries(IN_QUEUE).map(([name, { reason: _, ...facts }]) => [name, facts])),
  'exit-143': end('FAILED', hasExactCodes ? 143 : 15, null),
  held: end('PENDING', null, null),
  'held-by-admin': end('PENDING', null, null),
});

it('there are recordings of a release before those of which the machine may have one, and of later ones', () => {
  expect(RELEASES).toEqual(expect.arrayContaining(['20.11', '22.05', '24.11', '26.05']));
});

describe.each(RELEASES)('what Slurm %s printed', (release) => {
  const recorded = (name: string) => fixture(`releases/${release}/${name}`);
  const answers = submitted.parse(JSON.parse(recorded('sbatch-answers.json')));
  const label = ({ ownerId, folderId }: Pick<JobObservation, 'ownerId' | 'folderId'>) =>
    answers[place(ownerId ?? folderId)]?.label;
  const version = parseVersion(recorded('version.txt')) ?? '';

  it('tells its version and its configuration', () => {
    expect(version).toMatch(new RegExp(`^${release}\\.`));
    expect(isTooOld(version)).toBe(false);
    expect(parseConfiguration(recorded('configuration.txt'))).toEqual({
      clusterName: 'alpha',
      accountingStorage: 'accounting_storage/slurmdbd',
      minJobAgeSeconds: 3600,
      maxArraySize: 1001,
      showsFederation: false,
      tracksGpus: true,
    });
  });

  it.each(Object.entries(IN_QUEUE))('of the queue says of %s what it is', (name, facts) => {
    const found = parseQueue(recorded('queue.txt')).observations.filter((one) => label(one) === name);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject(facts);
  });

  it('refuses the ways of asking that it lacks, and takes the next one', () => {
    const { queue, accounting } = tried.parse(JSON.parse(recorded('trials.json')));
    const taken = { exitCode: 0, output: '' };
    const leftOut = { exitCode: 0, output: `${NOT_TRIED}\n` };
    const hasUnique = release < '23.02';
    expect(queue).toEqual(
      hasUnique ? [taken, leftOut] : [{ exitCode: 1, output: expect.stringContaining('--array-unique') }, taken],
    );
    const hasSubmitLine = release >= '21.08';
    expect(accounting).toEqual(
      hasSubmitLine ? [taken, leftOut] : [{ exitCode: 1, output: expect.stringContaining('SubmitLine') }, taken],
    );
  });

  it('of the queue says the same of jobs where tasks are shown together', () => {
    const observed = (file: string) =>
      Object.fromEntries(
        parseQueue(recorded(file)).observations.flatMap((one) =>
          label(one)?.startsWith('array') ? [] : [[one.slurmJobId, one]],
        ),
      );
    expect(observed('queue-together.txt')).toEqual(observed('queue.txt'));
  });

  it('of the queue is read without a fault, with tasks and components in their places', () => {
    const queue = recorded('queue.txt');
    expect(isCutOff(queue)).toBe(false);
    const { observations, faultyRows } = parseQueue(queue);
    expect(faultyRows).toEqual([]);
    const tasks = (name: string) =>
      Object.fromEntries(
        observations
          .filter((one) => label(one) === name)
          .map(({ slurmJobId, state }) => [Number(slurmJobId.split('_')[1]), state]),
      );
    expect(tasks('array')).toEqual({
      ...{ 0: 'COMPLETED', 1: 'FAILED', 2: 'RUNNING', 3: 'RUNNING' },
      ...Object.fromEntries([4, 5, 6, 7, 8, 9].map((index) => [index, 'PENDING'])),
    });
    expect(tasks('array-held')).toEqual({
      ...Object.fromEntries([0, 1, 2, 4, 5].map((index) => [index, 'HELD'])),
      3: expect.stringMatching(/^(?:PENDING|COMPLETED)$/),
    });
    const het = observations.find((one) => label(one) === 'het');
    expect(het).toMatchObject({ state: 'RUNNING', components: [{ nodeList: 'cpu01' }, { nodeList: 'gpu02' }] });
  });

  it.each(Object.keys(IN_QUEUE))('of the accounts says of %s what it is', (name) => {
    const hasExactCodes = hasExactExitCodes(version);
    const { accounts } = parseAccounting(recorded('accounting.txt'), undefined, hasExactCodes);
    const found = accounts.filter(({ latest }) => label(latest) === name);
    expect(found).toHaveLength(1);
    expect(found[0]?.latest).toMatchObject(inAccounts(hasExactCodes)[name] ?? {});
    if (name === 'requeued') expect(found[0]?.closed).toMatchObject([{ number: 1, outcome: 'REQUEUED' }]);
  });

  it('of nodes and partitions counts what is there and what is taken', () => {
    const partitions = parsePartitions(recorded('partitions.txt'));
    expect(partitions.map(({ name, state }) => [name, state])).toEqual([
      ['cpu', 'UP'],
      ['gpu', 'UP'],
      ['old', 'INACTIVE'],
    ]);
    const nodes = new Map(parseNodes(recorded('nodes.txt'), partitions).map((node) => [node.name, node]));
    expect([...nodes.keys()]).toEqual(['cpu01', 'cpu02', 'down', 'drained', 'gpu01', 'gpu02']);
    expect(nodes.get('cpu01')).toMatchObject({ isUsable: true, cpus: { total: 64 }, gpus: [], partitions: ['cpu'] });
    expect(nodes.get('gpu01')).toMatchObject({
      stateWords: ['MIXED'],
      cpus: { total: 32, allocated: 1 },
      memoryMb: { total: 64_000, allocated: 2000 },
      gpus: [{ gpuType: 'a100', total: 4, allocated: 2, idle: 2 }],
      allocatedGpuIndexes: [0, 1],
    });
    expect(nodes.get('gpu02')?.gpus).toMatchObject([
      { gpuType: 'h100', total: 2, allocated: 1 },
      { gpuType: '1g.5gb', total: 2, allocated: 0 },
    ]);
    expect(nodes.get('drained')).toMatchObject({
      isUsable: false,
      obstacle: 'STATE',
      reason: 'bad fan: since May',
      gpus: [{ total: 4, idle: 0, unavailable: 4 }],
    });
    expect(nodes.get('down')).toMatchObject({ isUsable: false, stateWords: expect.arrayContaining(['DOWN']) });
  });

  describe('of sbatch', () => {
    const answer = (name: string) => {
      const found = answers.find((one) => one.label === name);
      if (found === undefined) throw new Error(`there is no answer ${name}`);
      return parseSubmit(found.exitCode, found.stdout, found.stderr);
    };

    it('gives the number of what was taken, and what it said beside that', () => {
      for (const name of ['completed', 'array', 'het', 'bad-time'])
        expect(answer(name)).toMatchObject({
          kind: 'accepted',
          slurmJobId: expect.stringMatching(/^\d+$/),
          message: null,
        });
      expect(answer('warned')).toMatchObject({ kind: 'accepted', message: expect.stringContaining('on 2 nodes') });
    });

    it.each([
      ['bad-partition', 'partition', /invalid partition specified: nope/i],
      ['bad-account', 'account', /invalid account/i],
      ['bad-gpus', null, /requested node configuration is not available/i],
      ['bad-option', 'extraOptions', /unrecognized option '--nonsense'/],
      ['inactive', 'partition', /required partition not available/i],
    ])('names what was wrong: %s is about %s', (name, field, words) => {
      const refused = answer(name);
      if (refused.kind === 'accepted') throw new Error('it was taken');
      expect(refused).toMatchObject({ message: expect.stringMatching(words) });
      expect(rejectedField(refused.message)).toBe(field);
    });
  });

  it('of scontrol is told in its words', () => {
    const answers = controlled.parse(JSON.parse(recorded('scontrol-refusals.json')));
    const refusals = answers.map(({ action, label: name, exitCode, output }) => [
      `${action} ${name}`,
      parseControl(exitCode, output),
    ]);
    expect(Object.fromEntries(refusals)).toMatchObject({
      'hold completed': 'Job has already finished',
      'release held-by-admin': 'Access/permission denied',
      'release completed': 'Job has already finished',
      'requeue held': 'Job is pending execution',
      'requeue fixed': 'Requested operation is presently disabled',
      // One of its tasks was over, and was put back.
      'requeue array-held': null,
    });
  });
});
