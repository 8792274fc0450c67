import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aJob } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { UNWATCHED } from '../projects/testing.ts';
import { Store } from '../store/index.ts';
import { insertJobs } from '../store/testing.ts';
import { cancelJob } from './cancel-job.ts';
import type { ActionContext } from './context.ts';

const ADA = { user: { id: 'ada', name: 'Ada', role: 'MEMBER' }, via: 'TOKEN' } as const;
let store: Store;
let context: ActionContext;
/** Jobs whose packed files were removed. */
let removed: string[];

beforeEach(async () => {
  store = await Store.open(':memory:');
  removed = [];
  context = {
    reads: store,
    store,
    journal: new Journal(store),
    clusters: { get: () => null } as never,
    staging: { remove: async (id: string) => removed.push(id) } as never,
    repositories: UNWATCHED,
  };
});
afterEach(() => store.close());

describe('a job whose cluster is no longer in clusters.yaml', () => {
  it('is cancelled with its files as long as it has not left the server', async () => {
    const job = aJob({ state: 'SUBMITTING', slurmJobId: null, workDir: null });
    await insertJobs(store, [job]);
    expect(await cancelJob(context, ADA, job.id)).toMatchObject({ ok: true, value: { state: 'CANCELLED' } });
    expect(removed).toEqual([job.id]);
  });

  it.each(['EIO', 'EROFS', 'EACCES'])('is cancelled though its files can not be removed (%s)', async (code) => {
    const job = aJob({ state: 'SUBMITTING', slurmJobId: null, workDir: null });
    await insertJobs(store, [job]);
    const staging = { remove: () => Promise.reject(new Error(code)) } as never;
    const answer = await cancelJob({ ...context, staging }, ADA, job.id);
    expect(answer).toMatchObject({ ok: true, value: { state: 'CANCELLED' } });
  });

  it.each([
    ['is on its way', { state: 'SUBMITTING', slurmJobId: null, workDir: '/w/jobs/1' }],
    ['is in Slurm', { state: 'RUNNING', slurmJobId: '1', workDir: '/w/jobs/1' }],
  ] as const)('is not while it %s', async (_when, parts) => {
    const job = aJob(parts);
    await insertJobs(store, [job]);
    const refusals = [{ code: 'CLUSTER_UNAVAILABLE' }];
    expect(await cancelJob(context, ADA, job.id)).toMatchObject({ ok: false, refusals });
    expect(removed).toEqual([]);
  });
});
