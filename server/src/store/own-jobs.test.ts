import { expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import { aJob } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { Store } from './index.ts';

it('tells which ids are of jobs of one cluster, whether active or over', async () => {
  const store = await Store.open(':memory:');
  const journal = new Journal(store);
  await journal.start();
  const jobs = [
    ...Array.from({ length: 1200 }, () => aJob({ clusterName: 'alpha', state: 'COMPLETED' })),
    aJob({ clusterName: 'alpha', state: 'RUNNING' }),
  ];
  const others = [aJob({ clusterName: 'beta', state: 'RUNNING' }), aJob({ clusterName: 'beta', state: 'COMPLETED' })];
  await journal.write(SYSTEM, (writer) =>
    writer.create([...jobs, ...others].map((job) => ({ job, idempotencyKey: null, submission: null }))),
  );
  const ids = jobs.map(({ id }) => id);
  const asked = [...ids, ...others.map(({ id }) => id), '01K00000000000000000000099', 'x'];
  expect(await store.jobs.among('alpha', asked)).toEqual(new Set(ids));
  expect(await store.jobs.among('gamma', asked)).toEqual(new Set());
  expect(await store.jobs.among('alpha', [])).toEqual(new Set());
  await store.close();
});
