import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { SYSTEM } from '../../domain/actor.ts';
import type { Job } from '../../domain/job.ts';
import type { JobEvent } from '../../domain/job-event.ts';
import { isActiveState } from '../../domain/job-state.ts';
import { aJob } from '../../domain/testing.ts';
import { Journal } from '../../events/index.ts';
import { SlurmAdapter } from '../../slurm/index.ts';
import { Store } from '../../store/index.ts';
import { Poller } from '../poller.ts';
import { type Attempt, accountedExit, TrueCluster, type TrueJob, trueJob, type World, world } from './testing.ts';

const SECOND = 1000;
const STEP_SECONDS = 5;
/** After the last fault and the last end, everything that can be known is known within it. */
const ENOUGH_SECONDS = 30 * 60;
const TWO_LOOKS_SECONDS = 90;
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let store: Store;
let journal: Journal;
let runs = 0;

beforeAll(async () => {
  vi.useFakeTimers({
    now: new Date('2026-11-24T12:00:00Z'),
    toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
  });
  store = await Store.open(':memory:');
  journal = new Journal(store);
  await journal.start();
});
afterAll(async () => {
  await store.close();
  vi.useRealTimers();
});

/** What this server told of each job of a world, event by event, and when, in seconds since its beginning. */
interface Told {
  readonly job: TrueJob;
  readonly events: readonly { readonly at: number; readonly job: Job }[];
}

/** Lets a world go by in front of a real poller. */
async function watch(given: World): Promise<readonly Told[]> {
  runs += 1;
  const clusterName = `cluster-${runs}`;
  const beginning = Math.ceil(Date.now() / SECOND) * SECOND;
  const rows = given.jobs
    .map((_plan, index) => aJob({ clusterName, slurmJobId: String(100 + index) }))
    .map((job) => ({ ...job, workDir: `/home/ada/slurmql/jobs/${job.id}` }));
  const jobs = rows.map(({ workDir }, index) =>
    trueJob(
      given.jobs[index] ?? { attempts: [], cancelAt: null },
      { slurmJobId: String(100 + index), workDir: workDir ?? '' },
      given,
    ),
  );
  const cluster = new TrueCluster(given, jobs, beginning);
  const ending = new AbortController();
  const events: JobEvent[] = [];
  const following = collect(journal.newest, ending.signal, events);
  await journal.write(SYSTEM, (writer) =>
    writer.create(rows.map((job) => ({ job, idempotencyKey: null, submission: null }))),
  );
  const start = () => {
    const settings = { name: clusterName, host: 'login', workspace: '~/slurmql', gpuRequest: 'gres' } as const;
    const slurm = new SlurmAdapter(cluster, { ...settings, pollIntervalSeconds: 30, gpuCacheSeconds: 60 });
    const options = { clusterName, intervalSeconds: 30, slurm, jobs: store.jobs, journal, log: SILENT };
    const started = new Poller({ ...options, onAnswer: () => undefined, onAccounting: () => undefined });
    started.connected();
    return started;
  };
  let poller = start();
  const moments = jobs.flatMap(({ attempts }) => attempts.flatMap(({ startedAt, endedAt }) => [startedAt, endedAt]));
  const overAt = Math.max(...jobs.map(({ attempts }) => attempts.at(-1)?.goneAt ?? 0));
  let truthfulSince = Number.POSITIVE_INFINITY;
  for (let second = 0; ; second += STEP_SECONDS) {
    const isWithin = (moment: number) => moment > second - STEP_SECONDS && moment <= second;
    for (const moment of given.restarts.filter(isWithin)) {
      if (moment < 0) continue;
      await poller.stop();
      poller = start();
    }
    for (const [index, { cancelAt }] of given.jobs.entries()) {
      if (cancelAt === null || !isWithin(cancelAt)) continue;
      await requestCancel(rows[index]?.id ?? '');
      poller.acted();
    }
    // What batch scripts write when they begin and when they end.
    if (moments.some(isWithin)) poller.noticed();
    await vi.advanceTimersByTimeAsync(STEP_SECONDS * SECOND);
    await settle();
    if (cluster.isTruthful) truthfulSince = Math.min(truthfulSince, second);
    const isAsking = journal.active(clusterName).size > 0;
    if (second > overAt && !isAsking) break;
    if (second > Math.max(overAt, truthfulSince) + ENOUGH_SECONDS) break;
  }
  await poller.stop();
  ending.abort();
  await following;
  return jobs.map((job, index) => ({
    job,
    events: events
      .filter(({ jobId }) => jobId === rows[index]?.id)
      .map((event) => ({ at: (event.at.getTime() - beginning) / SECOND, job: event.job })),
  }));
}

async function collect(after: number, signal: AbortSignal, events: JobEvent[]): Promise<void> {
  for await (const news of journal.follow(after, signal)) {
    if (news.kind === 'events') events.push(...news.events);
  }
}

async function requestCancel(id: string): Promise<void> {
  await journal.write(SYSTEM, (writer) =>
    writer.update(id, (job) =>
      isActiveState(job.state) ? { ...job, state: 'CANCELLING', cancelRequestedAt: new Date() } : job,
    ),
  );
}

/** The store answers from outside of the timers. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const exitOf = ({ exitCode, signal }: Pick<Job, 'exitCode' | 'signal'>) =>
  signal === null ? `code ${exitCode}` : `signal ${signal}`;

/** How squeue tells an end: code 0 of what didn't complete is none. */
function shownExit({ end: { word, status } }: Attempt): string {
  const signal = status & 0x7f;
  if (word === 'NODE_FAIL') return 'code null';
  if (signal !== 0) return `signal ${signal}`;
  return status === 0 && word !== 'COMPLETED' ? 'code null' : `code ${status >> 8}`;
}

/**
 * How sacct tells it: what a limit or a person ended has no exit, and a code may be 128 less than the script's own. What
 * the script wrote itself is exact.
 */
function accountExits({ end: { word, status, marked } }: Attempt, isLast: boolean): readonly string[] {
  const [code = 0, signal = 0] = accountedExit({ word, status, marked }).split(':').map(Number);
  const own = marked === null ? [] : [`code ${marked.code === 0 && word !== 'COMPLETED' ? null : marked.code}`];
  // Only the last attempt's own word is read.
  if (word === 'FAILED' && marked !== null) return isLast ? own : [...own, 'code null'];
  // 125 is no signal.
  if (signal !== 0) return [signal === 125 ? 'code null' : `signal ${signal}`, ...own];
  return [`code ${code === 0 && word === 'COMPLETED' ? code : null}`, ...own];
}

/** Why a final state that was told is not true; null when it is. */
function lieIn(told: Job, at: number, { attempts }: TrueJob, { accounts }: World): string | null {
  const attempt = attempts[told.attempt - 1];
  const last = attempts.at(-1);
  if (attempt === undefined || last === undefined) return `there is no attempt ${told.attempt}`;
  const source = told.evidence?.source;
  if (source === 'ABSENCE') {
    if (accounts === 'kept' || (accounts === 'lossy' && !last.isLost)) return 'lost, though the accounts know it';
    if (last.end.marked?.isInterrupted === false) return 'lost, though it left a marker';
    return at >= last.goneAt ? null : 'lost, though the queue shows it';
  }
  if (at < attempt.endedAt) return 'over, though it is not';
  if (told.endedAt === null) return 'over, and nobody says when';
  if (source === 'MARKER') {
    if (attempt.end.marked?.code !== told.exitCode) return 'not what its script wrote';
    // Whether the script failed by itself just before the signal came, it can't tell.
    if (accounts !== 'kept' || (told.state === 'CANCELLED' && told.cancelRequestedAt !== null)) return null;
    return told.state === attempt.end.word ? null : 'its script was believed, though the accounts say otherwise';
  }
  const exits = source === 'SACCT' ? accountExits(attempt, attempt === last) : [shownExit(attempt)];
  const isTrue = told.state === attempt.end.word && exits.includes(exitOf(told));
  return isTrue ? null : `${told.state} with ${exitOf(told)} by ${source}`;
}

/** Attempts after the one that is told last, which were there to be seen for long enough. */
function passedOver(told: Job, { attempts }: TrueJob, { faults }: World): readonly Attempt[] {
  // While questions fail they come more and more seldom.
  if (faults.some(({ kind }) => kind !== 'none')) return [];
  return attempts.slice(told.attempt).filter(({ queuedAt, goneAt }) => goneAt - queuedAt >= TWO_LOOKS_SECONDS);
}

const sameButForSeenAt = (left: Job, right: Job) => {
  const plain = (job: Job) => JSON.stringify({ ...job, evidence: { ...job.evidence, seenAt: null } });
  return plain(left) === plain(right);
};

it('whatever happens to jobs and to the answers about them, nothing untrue is told, and their ends are', async () => {
  await fc.assert(
    fc.asyncProperty(world, async (given) => {
      for (const { job, events } of await watch(given)) {
        let before: Job | null = null;
        for (const { at, job: told } of events) {
          if (before !== null) {
            expect(told.attempt, 'attempts only grow').toBeGreaterThanOrEqual(before.attempt);
            expect(sameButForSeenAt(before, told), 'an event tells of a change').toBe(false);
          }
          before = told;
          if (!isActiveState(told.state)) expect(lieIn(told, at, job, given), 'a final state is true').toBeNull();
        }
        if (before === null) throw new Error('nothing was told');
        expect(isActiveState(before.state), `its end is told, not ${before.state}`).toBe(false);
        expect(passedOver(before, job, given), 'later attempts are told').toEqual([]);
      }
    }),
    { numRuns: 40 },
  );
});
