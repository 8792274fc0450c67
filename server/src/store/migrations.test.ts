import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobFilter } from '../domain/job-filter.ts';
import { aJob, EVERY_JOB } from '../domain/testing.ts';
import { Store } from './index.ts';
import { fromJob } from './job-rows.ts';
import * as initial from './migrations/0001-initial.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-migrations-'));
  file = join(directory, 'slurmql.db');
});
afterEach(() => rm(directory, { recursive: true }));

describe('a database of the first version', () => {
  it('keeps its jobs and their events, and lists and finds them by all that is new', async () => {
    const database = new Kysely<unknown>({ dialect: new SqliteDialect({ database: new SqliteDatabase(file) }) });
    const provider = { getMigrations: async () => ({ '0001-initial': initial }) };
    expect((await new Migrator({ db: database, provider }).migrateToLatest()).error).toBeUndefined();
    await database.destroy();
    // More than are indexed at once. The last one recorded was submitted first.
    const plain = Array.from({ length: 1200 }, (_, index) =>
      aJob({ name: `Übung ${index}`, submittedAt: new Date(1_700_000_000_000 - index * 1000) }),
    );
    const array = aJob({ name: 'sweep', submittedAt: new Date(1_800_000_000_000) });
    const task = aJob({ name: 'sweep', arrayParentId: array.id, arrayTaskId: 0, slurmJobId: '42_0' });
    const raw = new SqliteDatabase(file);
    const columns = new Set(
      raw
        .prepare<[], { name: string }>("select name from pragma_table_info('jobs')")
        .all()
        .map(({ name }) => name),
    );
    raw.transaction(() => {
      for (const job of [...plain, array, task]) {
        const row = Object.entries(fromJob(job)).filter(([column]) => columns.has(column));
        raw
          .prepare(`insert into jobs (${row.map(([column]) => column).join()}) values (${row.map(() => '?').join()})`)
          .run(row.map(([, value]) => value));
      }
      const event = raw.prepare(
        `insert into job_events (sequence, job_id, kind, at, from_state, state, message) values (?, ?, ?, 5, null, ?, ?)`,
      );
      event.run(1, array.id, 'CREATED', 'PENDING', null);
      event.run(7, task.id, 'CREATED', 'PENDING', 'hello');
    })();
    raw.close();

    const store = await Store.open(file);
    const listed: JobFilter = { ...EVERY_JOB, includeArrayTasks: false };
    const page = await store.jobs.page(
      listed,
      { field: 'SUBMITTED_AT', direction: 'DESC' },
      { limit: 2000, backwards: false, from: null },
    );
    expect(page.rows.map(({ row }) => ({ ...row, number: null }))).toEqual([array, ...plain]);
    // In the order of their submission.
    expect(page.rows.map(({ row }) => row.number)).toEqual(Array.from({ length: 1201 }, (_, index) => 1201 - index));
    expect(await store.jobs.count({ ...listed, search: 'ÜBUNG 119' })).toBe(12);
    expect(await store.jobs.count({ ...listed, search: '42_0' })).toBe(0);
    expect(await store.jobs.count({ ...EVERY_JOB, search: '42_0' })).toBe(1);
    expect(await store.jobs.tasks(array.id)).toEqual([task]);
    const events = await store.events.after(0, 10);
    expect(events.map(({ sequence, job, message }) => [sequence, job.id, message])).toEqual([
      [1, array.id, null],
      [7, task.id, 'hello'],
    ]);
    const another = aJob({ name: 'another' });
    await store.jobs.insert([{ job: another, idempotencyKey: null, submission: null }]);
    expect(await store.jobs.count({ ...listed, search: 'anoth' })).toBe(1);
    await store.close();
  });
});
