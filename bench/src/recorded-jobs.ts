import { EVERY_JOB } from '@slurmql/server/src/domain/testing.ts';
import { Store } from '@slurmql/server/src/store/index.ts';
import { type NewJob, writesOf } from '@slurmql/server/src/store/writes.ts';
import type { PlausibleJobs } from './plausible-jobs.ts';

const A_TRANSACTION = 10_000;

/** Records the jobs in a new database. */
export async function record(file: string, world: PlausibleJobs, progress: (line: string) => void): Promise<void> {
  const store = await Store.open(file);
  for (const project of world.projects) await store.projects.save(project);
  let recorded = 0;
  let entries: NewJob[] = [];
  const write = async () => {
    const jobs = entries;
    entries = [];
    await writesOf(store).transaction(({ jobWriter }) => jobWriter.insert(jobs));
    recorded += jobs.length;
    if (recorded % 100_000 === 0) progress(`${recorded.toLocaleString('en')} jobs recorded`);
  };
  for (const job of world.jobs) {
    entries.push({ job, idempotencyKey: null, submission: null });
    if (entries.length === A_TRANSACTION) await write();
  }
  if (entries.length > 0) await write();
  const count = await store.jobs.count({ ...EVERY_JOB, includeArrayTasks: false });
  await store.close();
  if (count !== recorded) throw new Error(`${count} jobs are there of ${recorded}`);
}
