import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_RESOURCES } from '../../src/domain/testing.ts';
import type { LoginFacts, Slurm, SubmitRequest } from '../../src/slurm/index.ts';
import { type FaultStage, testFaults } from './faults-contract.ts';
import { type JobStage, numberOf, testJobs } from './jobs-contract.ts';
import { REFUSED } from './scene.ts';

/** A Slurm that shows the jobs of scene.ts. */
export interface Stage extends JobStage, FaultStage, AsyncDisposable {
  readonly slurm: Slurm;
  /** The id of one more job that is like one of them. */
  anotherId(label: string): string;
  /** Runs a shell script as the login, in its home. */
  run(script: string): Promise<unknown>;
}

const resources = (parts: Partial<typeof NO_RESOURCES>) => ({ resources: { ...NO_RESOURCES, ...parts } });

const TAKEN: readonly (readonly [label: string, request: Partial<SubmitRequest>, message: RegExp | null])[] = [
  ['completed', {}, null],
  ['array', resources({ array: '0-9%2' }), null],
  ['warned', resources({ nodes: 2, tasks: 1 }), /on 2 nodes/],
  ['bad-time', { partition: 'gpu', ...resources({ timeLimitMinutes: 43_200 }) }, null],
];
const NOT_TAKEN: readonly (readonly [label: string, request: Partial<SubmitRequest>, message: RegExp])[] = [
  ['bad-partition', { partition: 'nope' }, /invalid partition specified: nope/i],
  ['bad-account', resources({ account: 'nobody' }), /invalid account/i],
  [
    'bad-gpus',
    { partition: 'gpu', ...resources({ gpus: 64, gpuType: 'a100' }) },
    /requested node configuration is not available/i,
  ],
  ['bad-option', { extraOptions: ['--nonsense'] }, /unrecognized option '--nonsense'/],
  ['inactive', { partition: 'old' }, /required partition not available/i],
];

const CONTROLLED: Readonly<Record<string, string | null>> = {
  'hold completed': 'Job has already finished',
  'release held-by-admin': 'Access/permission denied',
  'release completed': 'Job has already finished',
  'requeue held': 'Job is pending execution',
  'requeue fixed': 'Requested operation is presently disabled',
  // One of its tasks was over, and was put back.
  'requeue array-held': null,
};

/** What every implementation of `Slurm` has to do, whatever release it is asked about. */
export function testSlurm(open: () => Promise<Stage>): void {
  let stage: Stage;
  let slurm: Slurm;
  let facts: LoginFacts;
  beforeAll(async () => {
    stage = await open();
    slurm = stage.slurm;
    facts = await slurm.login.probe();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const number = (label: string) => numberOf(stage, label);
  /** A job like one of the scene's, with its files in its directory. */
  const prepared = async (label: string, parts: Partial<SubmitRequest> = {}) => {
    const id = stage.anotherId(label);
    const workDir = `${facts.workspace}/jobs/${id}`;
    expect(await slurm.submission.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: false });
    await stage.run(
      `cd '${workDir}' && mkdir -p "$HOME/empty" && tar -czf source.tar.gz -C "$HOME/empty" . && printf '#!/bin/bash\\n' >job.sh`,
    );
    expect(await slurm.submission.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
    expect(await slurm.submission.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: true });
    const request: SubmitRequest = {
      slurmName: label,
      workDir,
      partition: null,
      resources: NO_RESOURCES,
      dependsOn: [],
      isSingleton: false,
      extraOptions: [],
      components: [],
      ...parts,
    };
    return { id, workDir, request };
  };

  describe('the login', () => {
    it('tells what clusters differ in', async () => {
      expect(facts).toMatchObject({
        foundBy: 'path',
        workspace: expect.stringMatching(/^\/.*\/slurmql$/),
        clusterName: 'alpha',
        accountingStorage: 'accounting_storage/slurmdbd',
        minJobAgeSeconds: 3600,
        maxArraySize: 1001,
        showsFederation: false,
        tracksGpus: true,
      });
      expect(slurm.login.clockAheadMs).toBe(0);
    });

    it('tells of the controllers', async () => {
      expect(await slurm.login.ping()).toMatch(/\bis UP\b/);
    });
  });

  testJobs(() => stage);

  describe('the inventory', () => {
    it('can be asked', async () => {
      expect(await slurm.inventory.tryOut()).toBeNull();
    });

    it('counts what is there and what is taken', async () => {
      const { partitions, nodes: all } = await slurm.inventory.read();
      expect([...partitions.values()].map(({ name, state }) => [name, state])).toEqual([
        ['cpu', 'UP'],
        ['gpu', 'UP'],
        ['old', 'INACTIVE'],
      ]);
      const nodes = new Map(all.map((node) => [node.name, node]));
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
  });

  describe('submission', () => {
    it.each(TAKEN)(
      'gives the number of what Slurm takes, and what it says besides: %s',
      async (label, parts, words) => {
        const { request } = await prepared(label, parts);
        expect(await slurm.submission.submit(request)).toEqual({
          kind: 'accepted',
          slurmJobId: expect.stringMatching(/^\d+$/),
          message: words === null ? null : expect.stringMatching(words),
        });
      },
    );

    it.each(NOT_TAKEN)('says in the words of Slurm why it does not take a job: %s', async (label, parts, words) => {
      const { request, workDir } = await prepared(label, parts);
      const answer = await slurm.submission.submit(request);
      expect(answer.kind).not.toBe('accepted');
      expect(answer).toMatchObject({ message: expect.stringMatching(words) });
      await slurm.submission.removeJobDirectory(workDir);
      const place = { workDir, arrayTaskId: null, attempt: 1 };
      expect(await slurm.records.hasBegun([place])).toEqual(['gone']);
    });

    it('makes one job of a directory, which is found by it, knows of no beginning yet and can be cancelled', async () => {
      const { id, workDir, request } = await prepared('cancelled-waiting', { extraOptions: ['--hold'] });
      const answer = await slurm.submission.submit(request);
      if (answer.kind !== 'accepted') throw new Error(answer.message);
      expect(await slurm.submission.submit(request)).toEqual(answer);
      expect(await slurm.submission.makeJobDirectory(workDir)).toEqual({ isSubmitted: true, isUploaded: false });
      expect(await slurm.submission.find(workDir, id)).toEqual({ slurmJobId: answer.slurmJobId, sbatch: 'over' });

      const place = { workDir, arrayTaskId: null, attempt: 1 };
      expect(await slurm.records.endMarkers([place])).toEqual([null]);
      expect(await slurm.records.hasBegun([place])).toEqual([false]);
      expect(await slurm.records.claimers([place])).toEqual([null]);

      await slurm.control.cancel([answer.slurmJobId]);
      await expect
        .poll(async () => {
          const { observations } = await slurm.queue.snapshot();
          return observations.find(({ slurmJobId }) => slurmJobId === answer.slurmJobId)?.state;
        })
        .toBe('CANCELLED');
    });

    it('finds no job where there is none', async () => {
      const { id, workDir } = await prepared('bad-partition');
      expect((await slurm.submission.find(workDir, id)).slurmJobId).toBeNull();
      await slurm.submission.removeJobDirectory(workDir);
    });
  });

  // After what reads jobs: it changes them.
  describe('control', () => {
    it.each(Object.entries(CONTROLLED))('gives the answer to: %s', async (what, words) => {
      const refused = REFUSED.find((one) => one.join(' ') === what);
      if (refused === undefined) throw new Error(`${what} is none of the scene's`);
      const [action, label] = refused;
      expect(await slurm.control.change(action, [[number(label)]])).toEqual([words]);
    });

    it('gives an answer for each group of jobs, in their order', async () => {
      expect(await slurm.control.change('requeue', [[number('fixed')], [number('held')]])).toEqual([
        CONTROLLED['requeue fixed'],
        CONTROLLED['requeue held'],
      ]);
    });
  });

  // Last: nothing answers after them.
  testFaults(
    () => stage,
    ['login', 'queue', 'accounting', 'inventory', 'records', 'submission', 'control'],
    async () => (await prepared('held')).request,
  );
}
