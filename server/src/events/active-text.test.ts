import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { nodeNames } from '../domain/node-list.ts';
import { aJob, heldBytes } from '../domain/testing.ts';
import { Store } from '../store/index.ts';
import { writesOf } from '../store/writes.ts';
import { Journal } from './journal.ts';

// What a cluster says of its active jobs is bounded for all of them together, not for each answer alone.

const MIB = 1024 * 1024;

let store: Store;
let journal: Journal;
beforeEach(async () => {
  store = await Store.open(':memory:');
  journal = new Journal(store);
  await journal.start();
});
afterEach(() => store.close());

async function create(count: number, parts: Partial<Job> = {}): Promise<readonly Job[]> {
  const jobs = Array.from({ length: count }, (_, index) => aJob({ slurmJobId: `${index + 1}`, ...parts }));
  await journal.write(SYSTEM, (writer) =>
    writer.create(jobs.map((job) => ({ job, idempotencyKey: null, submission: null }))),
  );
  return jobs;
}

/** As a poll does that shows these alone. */
const say = (jobs: readonly Job[], parts: (index: number) => Partial<Job>) =>
  journal.write(SYSTEM, async (writer) => {
    for (const [index, { id }] of jobs.entries()) await writer.update(id, (job) => ({ ...job, ...parts(index) }));
  });

async function sayInTurn(jobs: readonly Job[], parts: (index: number) => Partial<Job>): Promise<void> {
  for (const [index, job] of jobs.entries()) await say([job], () => parts(index));
}

const active = (by = journal, clusterName = 'alpha') => [...by.active(clusterName).values()];
const charactersIn = (jobs: readonly Job[]) => jobs.reduce((sum, job) => sum + JSON.stringify(job).length, 0);

async function afterRestart(): Promise<Journal> {
  const other = new Journal(store);
  await other.start();
  return other;
}

const long = (index: number, length = MIB) => `${index}-${'x'.repeat(length)}`;
const component = (offset: number) => ({ ...unseenComponent(offset), state: 'RUNNING' as const });
const allocated = { cpus: 1, memoryMb: 1, timeLimitSeconds: null };
const components = (parts: object) => ({
  components: Array.from({ length: 4 }, (_, at) => ({ ...component(at), ...parts })),
});

const KINDS: Readonly<Record<string, (index: number) => Partial<Job>>> = {
  'lists of nodes': (index) => ({ nodeList: long(index) }),
  reasons: (index) => ({ reason: long(index) }),
  partitions: (index) => ({ partition: long(index) }),
  'lists of nodes of components': (index) => components({ nodeList: long(index, MIB / 4) }),
  'reasons of components': (index) => components({ reason: long(index, MIB / 4) }),
  'partitions of components': (index) => components({ partition: long(index, MIB / 4) }),
  'words of components': (index) => components({ word: long(index, MIB / 4) }),
  'types of GPUs': (index) => ({
    allocated: {
      ...allocated,
      gpus: Array.from({ length: 4096 }, (_, at) => ({ gpuType: long(at, 250 - `${index}`.length), count: 1 })),
    },
  }),
};

describe('texts of active jobs', () => {
  it.each(Object.keys(KINDS))('are bounded together, also after a restart, and say what was cut: %s', async (kind) => {
    const jobs = await create(80);
    await sayInTurn(jobs, KINDS[kind] ?? (() => ({})));
    for (const by of [journal, await afterRestart()]) {
      expect(charactersIn(active(by))).toBeLessThan(68 * MIB);
      expect(charactersIn(active(by))).toBeGreaterThan(50 * MIB);
      const [first = '', ...others] = active(by).map((job) => JSON.stringify(job));
      expect(first).not.toMatch(/ cut\)/);
      expect(others.at(-1)).toMatch(/\((?:1,0|26|4,0)[\d,]+ (?:characters|types) cut\)/);
      expect(others.at(-1)?.length).toBeLessThan(4000);
    }
  });

  it('are bounded when they are stored with a new job, too', async () => {
    for (let index = 0; index < 80; index += 1) await create(1, { nodeList: long(index) });
    expect(charactersIn(active())).toBeLessThan(68 * MIB);
  });

  it('are bounded when one transaction has them all', async () => {
    const jobs = await create(80);
    await say(jobs, (index) => ({ nodeList: long(index) }));
    expect(charactersIn(active())).toBeLessThan(68 * MIB);
  });

  it('are bounded when an earlier version has stored more', async () => {
    const jobs = Array.from({ length: 80 }, (_, index) => aJob({ nodeList: long(index) }));
    await writesOf(store).transaction(({ jobWriter }) =>
      jobWriter.insert(jobs.map((job) => ({ job, idempotencyKey: null, submission: null }))),
    );
    const later = await afterRestart();
    expect(active(later)).toHaveLength(80);
    expect(charactersIn(active(later))).toBeLessThan(68 * MIB);
  });

  it('are bounded for each cluster by itself', async () => {
    const jobs = await create(80);
    await sayInTurn(jobs, (index) => ({ nodeList: long(index) }));
    const others = await create(10, { clusterName: 'beta' });
    await say(others, (index) => ({ nodeList: long(index) }));
    expect(active(journal, 'beta').map(({ nodeList }) => nodeList?.length)).toEqual(others.map(() => MIB + 2));
  });

  it('have room again once others are over, or say less, whether or not a change was undone', async () => {
    const jobs = await create(80);
    await sayInTurn(jobs, (index) => ({ nodeList: long(index) }));
    const undone = journal.write(SYSTEM, async (writer) => {
      for (const { id } of jobs) await writer.update(id, (job) => ({ ...job, state: 'COMPLETED' }));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    const last = jobs.slice(-20);
    await say(last, (index) => ({ nodeList: long(index) }));
    expect(charactersIn(active())).toBeLessThan(68 * MIB);
    await say(jobs.slice(0, 10), () => ({ state: 'COMPLETED' }));
    await say(jobs.slice(10, 20), () => ({ nodeList: 'n1' }));
    await say(last, (index) => ({ nodeList: long(index) }));
    const whole = new Set(last.map(({ id }) => id));
    const lists = active().filter(({ id }) => whole.has(id));
    expect(lists.every(({ nodeList }) => (nodeList?.length ?? 0) > MIB)).toBe(true);
  });

  it('are whole for thousands of jobs, each on a thousand nodes of which no two are neighbours', async () => {
    const numbers = Array.from({ length: 1000 }, (_, index) => `${10_000 + 2 * index}`);
    const jobs = await create(5000, { state: 'RUNNING' });
    const list = (index: number) => `gpu${index}-[${numbers.join(',')}]`;
    for (let from = 0; from < jobs.length; from += 250) {
      await say(jobs.slice(from, from + 250), (index) => ({ nodeList: list(from + index), partition: 'gpu' }));
    }
    for (const by of [journal, await afterRestart()]) {
      const lists = active(by).map(({ nodeList }) => nodeList ?? '');
      expect(lists).toEqual(jobs.map((_, index) => list(index)));
      expect(nodeNames(lists.at(-1) ?? '')).toHaveLength(1000);
    }
  });

  it('of a job that is over are stored whole', async () => {
    const jobs = await create(80);
    await sayInTurn(jobs, (index) => ({ nodeList: long(index) }));
    const { id } = jobs.at(-1) ?? aJob();
    await journal.write(SYSTEM, (writer) =>
      writer.update(id, (job) => ({ ...job, state: 'COMPLETED', nodeList: long(79) })),
    );
    expect((await store.jobs.get(id))?.nodeList).toBe(long(79));
  });
});

it('keeps the texts of few events for followers, who get all of them', async () => {
  const [job = aJob()] = await create(1);
  const before = heldBytes();
  for (let index = 0; index < 100; index += 1) await say([job], () => ({ reason: long(index) }));
  expect(heldBytes() - before).toBeLessThan(30 * MIB);
  for (const by of [journal, await afterRestart()]) {
    const controller = new AbortController();
    const sequences: number[] = [];
    for await (const followed of by.follow(0, controller.signal)) {
      if (followed.kind === 'events') sequences.push(...followed.events.map(({ sequence }) => sequence));
      if (followed.upTo === by.newest) controller.abort();
    }
    expect(sequences).toEqual(Array.from({ length: 101 }, (_, index) => index + 1));
  }
});
