import { describe, expect, it } from 'vitest';
import { type JobComponent, unseenComponent, wholeOf } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { type JobObservation, ownerId } from '../domain/observation.ts';
import { aJob, NO_RESOURCES } from '../domain/testing.ts';
import { ShownJobs } from '../slurm/index.ts';
import { parseAccounting } from '../slurm/parse/accounting.ts';
import { parseQueue } from '../slurm/parse/queue.ts';
import { everyJob, fixture, labels } from '../slurm/testing.ts';
import { turnsDuring } from '../store/testing.ts';
import { isInQueue, reopened, SnapshotComparison } from './comparison.ts';
import { observed as observedAt } from './observe.ts';
import { anObservation } from './testing.ts';

const NOW = new Date('2026-11-24T12:30:00Z');
const job = aJob({ state: 'PENDING' });
const observed = (before: Job, observation: JobObservation) => observedAt(before, observation, NOW);
const seen = (parts: Partial<JobObservation> = {}) => anObservation({ ownerId: ownerId(job), ...parts });

async function compared(jobs: readonly Job[], observations: readonly JobObservation[]) {
  const comparison = await SnapshotComparison.of({ observations, shared: [] }, NOW, new WeakMap());
  comparison.take(jobs);
  return comparison.diff();
}

const showing = (observations: readonly JobObservation[]) => ShownJobs.of({ observations, shared: [] });

describe('a job after what its cluster said', () => {
  it('is in the state that Slurm says, with what belongs to it', () => {
    expect(observed(job, seen())).toEqual({
      ...job,
      state: 'RUNNING',
      evidence: { source: 'SQUEUE', word: 'RUNNING', seenAt: NOW },
      startedAt: seen().startedAt,
      nodeList: 'gpu01',
      partition: 'gpu',
    });
  });

  it('stays as it was when Slurm uses a word that nobody knows', () => {
    const running = aJob({ state: 'RUNNING', nodeList: 'gpu01', reason: 'x' });
    expect(observed(running, seen({ state: null, word: 'HIBERNATING', nodeList: null, attempt: 9 }))).toEqual(running);
  });

  it.each(['PENDING', 'HELD', 'RUNNING', 'COMPLETING', 'SUSPENDED', 'CONFIGURING'] as const)(
    'is being cancelled until its end is seen, though Slurm still says %s',
    (state) => {
      const cancelled = { ...job, state: 'CANCELLING', cancelRequestedAt: new Date() } as const;
      expect(observed(cancelled, seen({ state })).state).toBe('CANCELLING');
    },
  );

  it.each(['CANCELLED', 'COMPLETED', 'FAILED', 'TIMEOUT'] as const)(
    'whose cancellation was asked for ends as it ended: %s',
    (state) => {
      const cancelled = { ...job, state: 'CANCELLING', cancelRequestedAt: new Date() } as const;
      expect(observed(cancelled, seen({ state })).state).toBe(state);
    },
  );

  it('has its end with exit code and time', () => {
    const endedAt = new Date('2026-11-24T13:00:00Z');
    const failed = seen({ state: 'FAILED', exitCode: 3, endedAt, reason: 'NonZeroExitCode' });
    expect(observed(job, failed)).toMatchObject({
      state: 'FAILED',
      exitCode: 3,
      signal: null,
      endedAt,
      reason: 'NonZeroExitCode',
    });
    const killed = seen({ state: 'FAILED', exitCode: null, signal: 9, endedAt });
    expect(observed(job, killed)).toMatchObject({ exitCode: null, signal: 9 });
  });

  it('keeps the start that was seen where the accounts heard of its end alone', () => {
    const startedAt = new Date('2026-11-24T12:01:00Z');
    const running = aJob({ state: 'RUNNING', startedAt, nodeList: 'gpu01' });
    const endedAt = new Date('2026-11-24T13:00:00Z');
    const cancelled = seen({ source: 'SACCT', state: 'CANCELLED', nodeList: null, startedAt: endedAt, endedAt });
    expect(observed(running, cancelled)).toMatchObject({ state: 'CANCELLED', startedAt, nodeList: 'gpu01', endedAt });
    expect(observed(job, cancelled)).toMatchObject({ state: 'CANCELLED', startedAt: null, nodeList: null });
  });

  it('that completed needs no reason', () => {
    expect(observed(job, seen({ state: 'COMPLETED', exitCode: 0, reason: 'None' })).reason).toBeNull();
  });

  it('loses what belonged to an earlier attempt', () => {
    const first = aJob({
      state: 'COMPLETING',
      startedAt: new Date('2026-11-24T12:01:00Z'),
      nodeList: 'gpu01',
      estimatedStartAt: null,
    });
    const requeued = seen({
      state: 'PENDING',
      reason: 'BeginTime',
      attempt: 2,
      startedAt: null,
      nodeList: null,
      estimatedStartAt: new Date('2026-11-24T12:10:00Z'),
    });
    expect(observed(first, requeued)).toMatchObject({
      state: 'PENDING',
      attempt: 2,
      startedAt: null,
      nodeList: null,
      estimatedStartAt: requeued.estimatedStartAt,
    });
  });

  it('keeps what the source does not tell', () => {
    const second = aJob({ attempt: 2, partition: 'gpu' });
    expect(observed(second, seen({ attempt: null, partition: null }))).toMatchObject({ attempt: 2, partition: 'gpu' });
  });

  it('keeps what is not the business of Slurm', () => {
    const full = aJob({ description: 'what it is to show', isArchived: true, gitCommit: 'abc', name: 'x' });
    expect(observed(full, seen())).toMatchObject({
      description: 'what it is to show',
      isArchived: true,
      gitCommit: 'abc',
      name: 'x',
      submittedAt: full.submittedAt,
    });
  });
});

describe('what a real Slurm 22.05.8 says of an end', () => {
  const sources = {
    squeue: everyJob(parseQueue(fixture('queue-later.txt'))),
    sacct: parseAccounting(fixture('accounting.txt')).accounts.map(({ latest }) => latest),
  };
  const labelOf = { squeue: labels('queue-later.txt'), sacct: labels('accounting.txt') };
  const outcome = (source: keyof typeof sources, label: string) => {
    const found = sources[source].find((said) => labelOf[source](said) === label);
    if (found === undefined) throw new Error(`${source} has no job ${label}`);
    return observed(job, found);
  };

  // squeue says START = END for them, with exit code 0 or the wait status 1.
  it.each(['cancelled-waiting', 'bad-constraints', 'bad-gpu-type', 'bad-memory'])(
    'of a job that never ran is no start, no exit code and no signal: %s',
    (label) => {
      expect(outcome('squeue', label)).toMatchObject({
        startedAt: null,
        exitCode: null,
        signal: null,
        nodeList: null,
        endedAt: expect.any(Date),
      });
    },
  );

  it.each([
    ['squeue', 'completed', 'COMPLETED', 0, null],
    ['sacct', 'completed', 'COMPLETED', 0, null],
    ['squeue', 'failed', 'FAILED', 1, null],
    ['sacct', 'failed', 'FAILED', 1, null],
    ['squeue', 'killed', 'FAILED', null, 9],
    ['sacct', 'killed', 'FAILED', null, 9],
    ['squeue', 'timeout', 'TIMEOUT', null, 15],
    // sacct says 0:0 for what a limit or a person ended.
    ['sacct', 'timeout', 'TIMEOUT', null, null],
    ['sacct', 'cancelled-running', 'CANCELLED', null, null],
    ['sacct', 'cancelled-waiting', 'CANCELLED', null, null],
  ] as const)('in %s of %s is %s with code %j and signal %j', (source, label, state, exitCode, signal) => {
    expect(outcome(source, label)).toMatchObject({ state, exitCode, signal });
  });
});

describe('others have their turn', () => {
  const MANY = 10_000;
  const owner = '01K00000000000000000000099';
  const shown = Array.from({ length: MANY }, (_, index) => seen({ slurmJobId: `7_${index}`, ownerId: owner }));

  it('while a snapshot of many unknown jobs is compared', async () => {
    let unexpected: readonly JobObservation[] = [];
    const turns = await turnsDuring(async () => {
      unexpected = (await compared([], shown)).unexpected.jobs;
    });
    expect(unexpected).toEqual(shown);
    // Once for what is shown, and once for what is left of it.
    expect(turns).toBeGreaterThanOrEqual(15);
  });

  it('while jobs that are alive again are looked for among many', async () => {
    const over = aJob({ id: owner, slurmJobId: `7_${MANY - 1}`, state: 'FAILED' });
    let count = 0;
    const turns = await turnsDuring(async () => {
      count = (await reopened([over], await showing(shown), NOW)).length;
    });
    expect(count).toBe(1);
    expect(turns).toBeGreaterThanOrEqual(8);
  });
});

describe('a snapshot of the queue', () => {
  it('changes the jobs that it shows and misses those that it does not', async () => {
    const [shown, gone] = [aJob({ slurmJobId: '1' }), aJob({ slurmJobId: '2' })];
    const diff = await compared([shown, gone], [seen({ slurmJobId: '1', ownerId: ownerId(shown) })]);
    expect(diff.updates.map(({ jobId }) => jobId)).toEqual([shown.id]);
    expect(diff.updates[0]?.apply(shown).state).toBe('RUNNING');
    expect(diff.missing).toEqual([gone]);
  });

  it('misses a job whose number another one has now', async () => {
    const old = aJob({ slurmJobId: '7' });
    const diff = await compared([old], [seen({ slurmJobId: '7', ownerId: '01K00000000000000000000099' })]);
    expect(diff.updates).toEqual([]);
    expect(diff.missing).toEqual([old]);
  });

  it('does not miss a job whose state is an unknown word, and reports the word', async () => {
    const known = aJob({ slurmJobId: '7', state: 'RUNNING' });
    const diff = await compared(
      [known],
      [seen({ slurmJobId: '7', ownerId: ownerId(known), state: null, word: 'NEW' })],
    );
    expect(diff.missing).toEqual([]);
    expect([...diff.unknownWords]).toEqual(['NEW']);
    expect(diff.updates).toEqual([]);
  });

  it('tells of a job that nobody asked about only when it is alive, or was tried again', async () => {
    const seenJobs = [
      seen({ slurmJobId: '1' }),
      seen({ slurmJobId: '2', state: 'COMPLETED' }),
      seen({ slurmJobId: '3', state: 'COMPLETED', attempt: 2 }),
      seen({ slurmJobId: '4', state: null, word: 'NEW', attempt: 2 }),
    ];
    expect(await compared([], seenJobs)).toMatchObject({
      updates: [],
      missing: [],
      unexpected: { jobs: [seenJobs[0], seenJobs[2]], tasks: [] },
      unknownWords: new Set(),
    });
  });

  it('that confirms what is known changes nothing', async () => {
    const known = observed(job, seen());
    expect(observedAt(known, seen(), new Date(NOW.getTime() + 60_000))).toBe(known);
    expect((await compared([known], [seen()])).updates).toEqual([]);
  });

  it('is looked through for jobs that Slurm has numbered, and for the tasks of an array instead of the array', () => {
    const resources = { ...NO_RESOURCES, array: '0-3' };
    expect(isInQueue(aJob())).toBe(true);
    expect(isInQueue(aJob({ slurmJobId: null }))).toBe(false);
    expect(isInQueue(aJob({ resources }))).toBe(false);
    expect(isInQueue(aJob({ resources, arrayTaskId: 0, slurmJobId: '8_0' }))).toBe(true);
  });
});

describe('a heterogeneous job', () => {
  const part = (offset: number, parts: Partial<JobComponent> = {}): JobComponent => ({
    ...unseenComponent(offset),
    state: 'RUNNING',
    word: parts.state ?? 'RUNNING',
    attempt: 1,
    ...parts,
  });
  const unseen = aJob({ state: 'PENDING', components: [unseenComponent(0), unseenComponent(1)] });
  const running = aJob({ state: 'RUNNING', components: [part(0), part(1)] });
  const shows = (of: Job, ...components: JobComponent[]) =>
    anObservation({ ownerId: ownerId(of), ...wholeOf(components), components });

  it('is what its components are', () => {
    const said = shows(unseen, part(0), part(1, { state: 'COMPLETING' }));
    expect(observed(unseen, said)).toMatchObject({ state: 'RUNNING', components: said.components });
    const again = observed(unseen, said);
    expect(observed(again, said)).toBe(again);
  });

  it('has the exit code of its leader, though another component was cancelled', () => {
    const said = shows(
      running,
      part(0, { state: 'COMPLETED', exitCode: 0, nodeList: 'n1' }),
      part(1, { state: 'CANCELLED', exitCode: null, signal: 15, nodeList: 'n2' }),
    );
    expect(observed(running, said)).toMatchObject({ state: 'CANCELLED', exitCode: 0, signal: null });
  });

  it('is not over while a snapshot lacks a component that was not over, and is missed', async () => {
    const said = shows(running, part(0, { state: 'COMPLETED', exitCode: 0 }));
    expect(said.state).toBe('COMPLETED');
    const { updates, missing } = await compared([running], [said]);
    expect(missing).toEqual([running]);
    expect(updates.map(({ apply }) => apply(running))).toMatchObject([
      { state: 'RUNNING', exitCode: null, components: [{ state: 'COMPLETED' }, { state: 'RUNNING' }] },
    ]);
  });

  it('is not missed while a component that is shown is active, nor for one that was over', async () => {
    expect((await compared([running], [shows(running, part(0))])).missing).toEqual([]);
    const half = aJob({ state: 'RUNNING', components: [part(0), part(1, { state: 'CANCELLED' })] });
    const { updates, missing } = await compared([half], [shows(half, part(0, { state: 'COMPLETED' }))]);
    expect(missing).toEqual([]);
    expect(updates.map(({ apply }) => apply(half).state)).toEqual(['CANCELLED']);
  });

  it('has no more nodes of its components than of itself, however they are shown', () => {
    const offsets = Array.from({ length: 128 }, (_, offset) => offset);
    let wide = aJob({ state: 'PENDING', components: offsets.map(unseenComponent) });
    for (const offset of offsets) {
      wide = observed(wide, shows(wide, part(offset, { nodeList: `n${offset}_`.padEnd(16_384, 'x') })));
    }
    const lengths = [wide.nodeList, ...wide.components.map(({ nodeList }) => nodeList)].map(
      (list) => list?.length ?? 0,
    );
    expect(lengths[0]).toBeLessThanOrEqual(16_384);
    expect(Math.max(...lengths.slice(1))).toBeLessThanOrEqual(1000);
  });

  it('is no job that was submitted without components: of those that are shown, the first is the job', () => {
    const leader = part(0, { nodeList: 'n1', partition: 'gpu' });
    const others = [part(1, { state: 'FAILED', nodeList: 'n2' }), part(2, { nodeList: 'n3' })];
    for (const state of ['RUNNING', 'COMPLETED', 'PENDING'] as const) {
      const after = observed(job, shows(job, { ...leader, state, word: state }, ...others));
      expect(after).toMatchObject({ state, evidence: { word: state }, nodeList: 'n1', components: [] });
    }
  });

  it('knows nothing of a component that is not shown in a new attempt', async () => {
    const over = aJob({ state: 'FAILED', components: [part(0, { state: 'FAILED' }), part(1, { state: 'FAILED' })] });
    const said = shows(over, part(0, { state: 'PENDING', attempt: 2 }));
    expect((await reopened([over], await showing([said]), NOW)).map(({ apply }) => apply(over))).toMatchObject([
      { state: 'PENDING', attempt: 2, components: [{ state: 'PENDING' }, { state: null }] },
    ]);
  });

  it('keeps what is known of a component whose state is an unknown word, and reports the word', async () => {
    const said = shows(running, part(0), part(1, { state: null, word: 'HIBERNATING' }));
    const { updates, unknownWords } = await compared([running], [said]);
    expect([...unknownWords]).toEqual(['HIBERNATING']);
    expect(updates.map(({ apply }) => apply(running).components[1])).toEqual([running.components[1]]);
  });
});

describe('the evidence of a state', () => {
  const later = new Date(NOW.getTime() + 60_000);

  it('is what was seen first, for as long as it holds', () => {
    const known = observed(job, seen());
    const changed = observedAt(known, seen({ nodeList: 'gpu02' }), later);
    expect(changed).toMatchObject({ nodeList: 'gpu02', evidence: { seenAt: NOW } });
  });

  it.each<[string, Partial<JobObservation>]>([
    ['another word for the same state', { word: 'RESIZING' }],
    ['another state', { state: 'COMPLETING', word: 'COMPLETING' }],
    ['another state under the same word', { state: 'HELD', word: 'RUNNING' }],
    ['another attempt', { attempt: 2 }],
  ])('is new with %s', (_what, parts) => {
    const known = observed(job, seen());
    expect(observedAt(known, seen(parts), later).evidence).toEqual({
      source: 'SQUEUE',
      word: parts.word ?? 'RUNNING',
      seenAt: later,
    });
  });
});

describe('a job that was over', () => {
  const over = aJob({ state: 'CANCELLED', cancelRequestedAt: NOW, endedAt: NOW, exitCode: 1, attempt: 1 });
  const again = (parts: Partial<JobObservation> = {}) =>
    seen({ slurmJobId: over.slurmJobId ?? '', ownerId: ownerId(over), attempt: 2, ...parts });

  it('lives again when Slurm shows it alive, and the old request to cancel is void', async () => {
    const [update] = await reopened(
      [over],
      await showing([again({ state: 'PENDING', startedAt: null, nodeList: null })]),
      NOW,
    );
    expect(update?.apply(over)).toMatchObject({
      state: 'PENDING',
      attempt: 2,
      cancelRequestedAt: null,
      endedAt: null,
      exitCode: null,
    });
  });

  it('may have ended another time meanwhile', async () => {
    const [update] = await reopened(
      [over],
      await showing([again({ state: 'FAILED', exitCode: 7, endedAt: NOW })]),
      NOW,
    );
    expect(update?.apply(over)).toMatchObject({ state: 'FAILED', exitCode: 7, attempt: 2 });
  });

  it.each<[string, JobObservation]>([
    ['the end of the same attempt', again({ state: 'COMPLETED', attempt: 1 })],
    ['another job of the same number', again({ ownerId: '01K00000000000000000000099' })],
    ['an unknown word', again({ state: null, word: 'NEW' })],
  ])('stays so for %s', async (_what, observation) => {
    expect(await reopened([over], await showing([observation]), NOW)).toEqual([]);
  });

  it('is not what an active job is', async () => {
    expect(await reopened([{ ...over, state: 'RUNNING' }], await showing([again()]), NOW)).toEqual([]);
  });

  it('never goes back to an earlier attempt', () => {
    expect(observed({ ...job, attempt: 3 }, seen({ attempt: 2 })).attempt).toBe(3);
  });
});
