import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM } from '../../src/domain/actor.ts';
import type { Job } from '../../src/domain/job.ts';
import type { Project } from '../../src/domain/project.ts';
import { NO_SUBMISSION } from '../../src/domain/testing.ts';
import { Journal } from '../../src/events/index.ts';
import { Store } from '../../src/store/index.ts';

/** What a server finds when it starts. */
export interface Recorded {
  readonly project: Project;
  readonly jobs: readonly Job[];
  readonly tasks?: readonly Job[];
  /** Of each of the jobs. */
  readonly script: string;
}

/** Gives the directory of a server that is still to start, with its database in it. */
export async function directoryOf({ project, jobs, tasks = [], script }: Recorded): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-test-'));
  await mkdir(join(directory, 'data'), { mode: 0o700 });
  const store = await Store.open(join(directory, 'data', 'slurmql.db'));
  const journal = new Journal(store);
  await journal.start();
  await store.projects.save(project);
  await journal.write(SYSTEM, async (writer) => {
    const submitted = jobs.map((job) => ({ job, idempotencyKey: null, submission: NO_SUBMISSION }));
    await writer.create([...submitted, ...tasks.map((job) => ({ job, idempotencyKey: null, submission: null }))]);
    for (const { id } of jobs) await writer.setScript(id, script, null);
  });
  await store.close();
  return directory;
}
