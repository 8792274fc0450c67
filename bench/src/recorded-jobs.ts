import { Store } from '@slurmql/server/src/store/index.ts';
import type { PlausibleJobs } from './plausible-jobs.ts';

const A_TRANSACTION = 10_000;

/** Records the jobs in a new database. */
export async function record(file: string, world: PlausibleJobs, progress: (line: string) => void): Promise<void> {
  const store = await Store.open(file);
  for (const project of world.projects) await store.projects.save(project);
  let recorded = 0;
  for (;;) {
    const entries = world.jobs
      .take(A_TRANSACTION)
      .map((job) => ({ job, idempotencyKey: null, submission: null }))
      .toArray();
    if (entries.length === 0) break;
    await store.transaction((queries) => queries.jobs.insert(entries));
    recorded += entries.length;
    if (recorded % 100_000 === 0) progress(`${recorded.toLocaleString('en')} jobs recorded`);
  }
  await store.close();
}
