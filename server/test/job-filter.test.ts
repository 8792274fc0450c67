import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobData, Workbench } from './support/jobs.ts';

interface Event {
  readonly kind: string;
  readonly state: string;
  readonly job: { readonly id: string; readonly exitCode: number | null };
}

let bench: Workbench;
/** They end with exit code 0 and 3, one after the other. */
let good: JobData;
let bad: JobData;
let start: string;

beforeAll(async () => {
  bench = await Workbench.open();
  start = (await bench.server.query<{ jobs: { eventCursor: string } }>('{ jobs { eventCursor } }')).jobs.eventCursor;
  good = await bench.ended((await bench.submit({ command: 'exit 0' })).id);
  // Slurm tells seconds.
  bad = await bench.ended((await bench.submit({ command: 'sleep 2; exit 3' })).id);
});

afterAll(() => bench?.[Symbol.asyncDispose]());

async function listed(filter: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  const { jobs } = await bench.server.query<{ jobs: { totalCount: number; nodes: readonly { id: string }[] } }>(
    'query ($filter: JobFilter) { jobs(filter: $filter) { totalCount nodes { id } } }',
    { filter },
  );
  expect(jobs.totalCount).toBe(jobs.nodes.length);
  return jobs.nodes.map(({ id }) => id);
}

/** What a follower with this filter is told since the start, up to an event that ends it. */
async function told(
  filter: Readonly<Record<string, unknown>>,
  isLast: (event: Event) => boolean,
): Promise<readonly Event[]> {
  const events: Event[] = [];
  const subscription = `subscription ($filter: JobFilter, $after: String) {
    jobEvents(filter: $filter, after: $after) { kind state job { id exitCode } }
  }`;
  for await (const { jobEvents } of bench.server.subscribe<{ jobEvents: Event }>(subscription, {
    filter,
    after: start,
  })) {
    events.push(jobEvents);
    if (isLast(jobEvents)) break;
  }
  return events;
}

describe('jobs are found', () => {
  it('by their exit codes', async () => {
    expect(await listed({ exitCodes: [3] })).toEqual([bad.id]);
    expect(await listed({ exitCodes: [0, 3] })).toEqual([bad.id, good.id]);
    expect(await listed({ exitCodes: [7] })).toEqual([]);
    expect(await listed({ exitCodes: [] })).toEqual([]);
    await expect(listed({ exitCodes: Array.from({ length: 1001 }, (_, code) => code) })).rejects.toThrow(
      'filter.exitCodes has 1001 entries: 1000 are taken at most',
    );
  });

  it('by their ids', async () => {
    expect(await listed({ ids: [good.id, bad.id, good.id] })).toEqual([bad.id, good.id]);
    expect(await listed({ ids: [good.id, bad.id], exitCodes: [0] })).toEqual([good.id]);
    // Of no job, of another type, and none at all.
    const others = ['Job:01K00000000000000000000000', `Project:${good.id}`].map((text) => btoa(text));
    expect(await listed({ ids: [...others, 'none', good.id] })).toEqual([good.id]);
    expect(await listed({ ids: others })).toEqual([]);
    expect(await listed({ ids: [] })).toEqual([]);
    await expect(listed({ ids: Array.from({ length: 1001 }, () => good.id) })).rejects.toThrow(
      'filter.ids has 1001 entries: 1000 are taken at most',
    );
  });

  it('by when they started and ended', async () => {
    expect(await listed({ endedAfter: bad.endedAt })).toEqual([bad.id]);
    expect(await listed({ endedBefore: bad.endedAt })).toEqual([good.id]);
    expect(await listed({ startedAfter: good.startedAt, endedBefore: bad.endedAt })).toEqual([good.id]);
    expect(await listed({ startedBefore: good.startedAt })).toEqual([]);
    expect(await listed({ startedAfter: good.startedAt, startedBefore: good.startedAt })).toEqual([]);
  });

  it('by followers that name them', async () => {
    const events = await told({ ids: [bad.id] }, ({ state }) => state === 'FAILED');
    expect(new Set(events.map(({ job }) => job.id))).toEqual(new Set([bad.id]));
  });

  it('by followers as well: one that stops matching is told of once more', async () => {
    const { requeueJob } = await bench.server.query<{ requeueJob: { userErrors: unknown[] } }>(
      'mutation ($id: ID!) { requeueJob(input: { id: $id }) { userErrors { message } } }',
      { id: bad.id },
    );
    expect(requeueJob.userErrors).toEqual([]);
    const filters = [{ exitCodes: [3] }, { endedAfter: bad.endedAt }];
    for (const filter of filters) {
      const events = await told(filter, ({ kind }) => kind === 'REMOVED');
      expect(new Set(events.map(({ job }) => job.id))).toEqual(new Set([bad.id]));
      expect(events.at(-1)).toMatchObject({ kind: 'REMOVED', state: 'PENDING' });
    }
    await bench.cancel(bad.id);
  });
});
