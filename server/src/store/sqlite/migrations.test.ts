import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Job } from '../../domain/job.ts';
import type { JobFilter } from '../../domain/job-filter.ts';
import { aJob, EVERY_JOB } from '../../domain/testing.ts';
import { Store } from '../index.ts';
import { fromJob } from '../job-rows.ts';
import { insertJobs } from '../testing.ts';
import * as initial from './migrations/0001-initial.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-migrations-'));
  file = join(directory, 'slurmql.db');
});
afterEach(() => rm(directory, { recursive: true }));

/** As the first migration alone makes it. */
async function makeFirstVersion(jobs: readonly Job[]): Promise<void> {
  const raw = new SqliteDatabase(file);
  const database = new Kysely<unknown>({ dialect: new SqliteDialect({ database: raw }) });
  const provider = { getMigrations: async () => ({ '0001-initial': initial }) };
  expect((await new Migrator({ db: database, provider }).migrateToLatest()).error).toBeUndefined();
  const columns = new Set(raw.prepare("select name from pragma_table_info('jobs')").pluck().all());
  raw.transaction(() => {
    for (const job of jobs) {
      const row = Object.entries(fromJob(job)).filter(([column]) => columns.has(column));
      raw
        .prepare(`insert into jobs (${row.map(([column]) => column).join()}) values (${row.map(() => '?').join()})`)
        .run(row.map(([, value]) => value));
    }
  })();
  await database.destroy();
}

describe('a database of the first version', () => {
  it('keeps its jobs and their events, and lists and finds them by all that is new', async () => {
    // More than are indexed at once. The last one recorded was submitted first.
    const plain = Array.from({ length: 1200 }, (_, index) =>
      aJob({ name: `Übung ${index}`, submittedAt: new Date(1_700_000_000_000 - index * 1000) }),
    );
    const array = aJob({ name: 'sweep', submittedAt: new Date(1_800_000_000_000) });
    const task = aJob({ name: 'sweep', arrayParentId: array.id, arrayTaskId: 0, slurmJobId: '42_0' });
    await makeFirstVersion([...plain, array, task]);
    const raw = new SqliteDatabase(file);
    raw.transaction(() => {
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
    await insertJobs(store, [another]);
    expect(await store.jobs.count({ ...listed, search: 'anoth' })).toBe(1);
    await store.close();
  });
});

/**
 * The file that an earlier version of the server left when it stopped, and what its own store read from it before. Each is
 * named after the newest migration of that version, and is recorded once, from its commit.
 */
describe.each(['0011-session-secret', '0012-event-actors'])(
  'a database that an earlier version wrote, %s',
  (version) => {
    const fixture = (end: string) => readFileSync(new URL(`fixtures/${version}${end}`, import.meta.url));

    it('reads as that version read it', async () => {
      await writeFile(file, gunzipSync(fixture('.db.gz')), { mode: 0o600 });
      const before = JSON.parse(fixture('.json').toString()) as {
        readonly jobs: readonly { readonly id: string }[];
        readonly events: readonly { readonly actorId?: string | null }[];
      };
      const store = await Store.open(file);
      const all = { limit: 100, backwards: false, from: null };
      const { rows } = await store.jobs.page(EVERY_JOB, { field: 'SUBMITTED_AT', direction: 'ASC' }, all);
      const jobs = rows.map(({ row }) => row);
      const ids = jobs.map(({ id }) => id);
      const [first = ''] = ids;
      const projects = (await store.projects.page(all, null)).rows.map(({ row }) => row);
      const branches = await store.projects.list(
        'branches',
        projects.map(({ id }) => id),
      );
      const after = {
        jobs,
        submissions: Object.fromEntries(await store.jobs.submissions.getMany(ids)),
        scripts: Object.fromEntries(await store.jobs.submissions.scripts(ids)),
        events: await store.events.after(0, 100),
        // At that time a project was read with its branches, and had no fault.
        projects: projects.map(({ fault: _, ...row }) => ({
          ...row,
          git: { ...row.git, branches: branches.get(row.id) },
        })),
        clusters: await store.clusters.all(),
        ended: await store.sessions.ended(new Date('2026-11-24T12:00:00Z')),
        keyed: (await store.jobs.byIdempotencyKey('administrator', 'key-1'))?.id ?? null,
        digest: await store.jobs.submissions.requestDigest(first),
      };
      expect(before.jobs).toHaveLength(6);
      // New versions may add fields, and lose none.
      expect(JSON.parse(JSON.stringify(after))).toMatchObject(before);
      // What that version didn't record, nobody knows.
      expect(after.events.map(({ actorId, request }) => [actorId, request])).toEqual(
        before.events.map(({ actorId = null }) => [actorId, null]),
      );
      expect(await store.jobs.count({ ...EVERY_JOB, search: 'ÜBUNG' })).toBe(1);
      await store.close();
    });

    it('is written to and read again like a new one', async () => {
      await writeFile(file, gunzipSync(fixture('.db.gz')), { mode: 0o600 });
      const store = await Store.open(file);
      const newest = await store.events.newest();
      const job = aJob({ name: 'after the update' });
      await insertJobs(store, [job]);
      await store.close();
      const again = await Store.open(file);
      expect(await again.events.newest()).toBe(newest);
      // Tasks of arrays have no number.
      expect((await again.jobs.get(job.id))?.number).toBe(5);
      expect(await again.jobs.count({ ...EVERY_JOB, search: 'update' })).toBe(1);
      await again.close();
    });
  },
);

describe('a start whose process ends between any two statements', () => {
  const FILES = ['', '-wal'];
  /** What the process leaves behind, by what is read there. */
  type Left = readonly (Buffer | null)[];

  /** Opens the database, and looks at its files before each statement. */
  async function start(): Promise<readonly Left[]> {
    const left = new Map<string, Left>();
    const look = () => {
      const files = FILES.map((end) => (existsSync(file + end) ? readFileSync(file + end) : null));
      left.set(files.map((content) => (content === null ? '' : hash('sha256', content))).join(), files);
    };
    const { prepare } = SqliteDatabase.prototype;
    const prepared = vi.spyOn(SqliteDatabase.prototype, 'prepare');
    prepared.mockImplementation(function (this: SqliteDatabase.Database, text: string) {
      const statement = prepare.call(this, text);
      for (const name of ['run', 'all'] as const) {
        const execute = statement[name].bind(statement) as (...values: unknown[]) => never;
        statement[name] = (...values: unknown[]) => {
          look();
          return execute(...values);
        };
      }
      return statement;
    });
    try {
      await (await Store.open(file)).close();
      expect(prepared.mock.calls.length).toBeGreaterThan(30);
    } finally {
      prepared.mockRestore();
    }
    return [...left.values()];
  }

  /** All that a database is made of. */
  function schemaOf(path: string): unknown[] {
    const raw = new SqliteDatabase(path, { readonly: true });
    const parts = raw.prepare('select type, name, sql from sqlite_master order by type, name').all();
    const migrations = raw.prepare('select name from kysely_migration order by name').all();
    raw.close();
    return [parts, migrations];
  }

  it.each([
    ['of no database', null],
    ['of the first version', aJob({ name: 'kept' })],
  ])('is made good by the next one: %s', async (_what, kept) => {
    if (kept !== null) await makeFirstVersion([kept]);
    const left = await start();
    const whole = schemaOf(file);
    expect(left.length).toBeGreaterThan(1);
    for (const [index, contents] of left.entries()) {
      await mkdir(join(directory, `${index}`));
      const again = join(directory, `${index}`, 'slurmql.db');
      for (const [at, content] of contents.entries()) {
        if (content !== null) await writeFile(again + FILES[at], content, { mode: 0o600 });
      }
      const store = await Store.open(again);
      expect(await store.jobs.count({ ...EVERY_JOB, search: 'kept' })).toBe(kept === null ? 0 : 1);
      await store.close();
      expect(schemaOf(again)).toEqual(whole);
    }
  });
});

describe('a database from before what logins took was kept', () => {
  it('knows of none, keeps its clusters, and takes new ones', async () => {
    const before = readFileSync(new URL('fixtures/0012-event-actors.db.gz', import.meta.url));
    await writeFile(file, gunzipSync(before), { mode: 0o600 });
    const store = await Store.open(file);
    expect(await store.clusters.acceptedKeys()).toEqual(new Map());
    expect((await store.clusters.all()).map(({ name }) => name)).toEqual(['alpha']);
    const keys = new Map([['ada@login', 'SHA256:one']]);
    await store.clusters.saveAcceptedKeys('alpha', keys);
    expect(await store.clusters.acceptedKeys()).toEqual(new Map([['alpha', keys]]));
    await store.close();
  });
});
