import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { SYSTEM } from '../../domain/actor.ts';
import { aJob, aProject, EVERY_JOB } from '../../domain/testing.ts';
import { Journal } from '../../events/index.ts';
import { DatabaseError, Store } from '../index.ts';
import { insertJobs } from '../testing.ts';
import { adviceOn } from './faults.ts';
import { holdLock } from './lock.ts';

const PAGE = 4096;
const JOBS = 60;

let directory: string;
/** A database with something in each table; and as a crash left it, with much of it in its log alone. */
let whole: string;
let crashed: string;
let file: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-faults-'));
  whole = join(directory, 'whole.db');
  crashed = join(directory, 'crashed.db');
  const store = await Store.open(whole);
  const journal = new Journal(store);
  await journal.start();
  await store.projects.save(aProject({ name: 'vision' }));
  await store.clusters.save({ name: 'alpha', host: 'login', slurmVersion: null, lastPolledAt: null });
  await store.sessions.secret();
  await store.sessions.end('one', new Date());
  const jobs = Array.from({ length: JOBS }, (_, at) => aJob({ name: `train ${at}`, command: 'true #'.repeat(200) }));
  await journal.write(SYSTEM, (writer) =>
    writer.create(jobs.map((job) => ({ job, idempotencyKey: null, submission: null }))),
  );
  for (const end of ['', '-wal']) copyFileSync(whole + end, crashed + end);
  await store.close();
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(() => {
  file = join(directory, 'slurmql.db');
  copyFileSync(whole, file);
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ['', '-wal', '-shm']) await rm(file + end, { recursive: true, force: true });
});

/** Whatever the server reads before it listens. */
async function startOn(path: string): Promise<Store> {
  const store = await Store.open(path);
  try {
    await new Journal(store).start();
    await store.jobs.submitting([]);
    await store.clusters.all();
    await store.clusters.acceptedKeys();
    await store.sessions.secret();
    await store.sessions.ended(new Date());
    return store;
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

/** What clients read. */
async function readAll(store: Store): Promise<void> {
  const page = { limit: JOBS, backwards: false, from: null };
  const { rows } = await store.jobs.page(EVERY_JOB, { field: 'SUBMITTED_AT', direction: 'ASC' }, page);
  await store.jobs.submissions.getMany(rows.map(({ row }) => row.id));
  await store.jobs.submissions.scripts(rows.map(({ row }) => row.id));
  await store.jobs.count({ ...EVERY_JOB, search: 'train 3' });
  await store.projects.page(page, null);
  await store.events.after(0, 1000);
}

async function faultOf(work: () => Promise<unknown>): Promise<unknown> {
  return work().then(
    () => null,
    (cause: unknown) => cause,
  );
}

/** Why the start is refused. */
async function refusal(): Promise<string> {
  const fault = await faultOf(async () => (await startOn(file)).close());
  expect(fault).toBeInstanceOf(DatabaseError);
  const { message } = fault as DatabaseError;
  expect(message).toContain(`${file}: `);
  expect(message).not.toContain('\n');
  return message;
}

describe('a damaged page', () => {
  it.each<[string, (page: Buffer) => unknown]>([
    ['full of ones', (page) => page.fill(0xff)],
    ['empty', (page) => page.fill(0)],
    ['of a text', (page) => page.fill('This is no page of a table. ')],
    ['whose second half is gone', (page) => page.fill(0, PAGE / 2)],
  ])('%s, wherever it is, is told as one and changes nothing', async (_what, spoil) => {
    const good = readFileSync(whole);
    const told = { start: 0, later: 0 };
    for (let at = 0; at < good.length; at += PAGE) {
      const bad = Buffer.from(good);
      // Of the first page, what is not the head of the file.
      spoil(bad.subarray(at === 0 ? 100 : at, at + PAGE));
      await writeFile(file, bad);
      let store: Store | null = null;
      const fault = await faultOf(async () => {
        store = await startOn(file);
      });
      const later = store === null ? null : await faultOf(() => readAll(store as never));
      await (store as Store | null)?.close();
      for (const cause of [fault, later]) {
        if (cause === null) continue;
        expect(cause, `page ${at / PAGE + 1}`).toBeInstanceOf(DatabaseError);
        expect(String(cause)).toMatch(/slurmql\.db: (?:can't be|was written by) .*restore a backup$/);
      }
      told.start += Number(fault !== null);
      told.later += Number(later !== null);
      if (fault !== null) expect(readFileSync(file).equals(bad), `page ${at / PAGE + 1}`).toBe(true);
      for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true });
    }
    expect(told.start).toBeGreaterThan(2);
    expect(told.later).toBeGreaterThan(2);
  });
});

describe('what is no database of SlurmQL is refused with what to do, and left as it is', () => {
  const raw = (work: (database: SqliteDatabase.Database) => unknown) => {
    const database = new SqliteDatabase(file);
    work(database);
    database.close();
  };
  it.each<[string, () => unknown, RegExp]>([
    ['a text', () => writeFile(file, 'This is a text. '.repeat(1000)), /can't be opened \(file is not a database\)/],
    ['a few bytes', () => writeFile(file, 'SQLite'), /\(file is not a database\)/],
    ['a file that lost its end', () => truncate(file, 5 * PAGE), /\(database disk image is malformed\)/],
    ['a file that lost half a page', () => truncate(file, 5 * PAGE + 100), /\(database disk image is malformed\)/],
    ['a table too few', () => raw((database) => database.exec('drop table session_secret')), /\(no such table: /],
    [
      'a column with another name',
      () => raw((database) => database.exec('alter table job_events rename column sequence to number')),
      /\(no such column: .*\)\. Its tables are not as SlurmQL made them/,
    ],
    [
      'a migration too few',
      () => raw((database) => database.exec("delete from kysely_migration where name = '0003-components'")),
      /can't be brought up to date \(corrupted migrations: .*\)\. .*restore a backup/,
    ],
    [
      'a migration that fails',
      () => raw((database) => database.exec("delete from kysely_migration where name >= '0014'")),
      /can't be brought up to date \(table .* already exists\)\. Its tables were left as they are: start the version/,
    ],
  ])('%s', async (_what, spoil, said) => {
    await spoil();
    const before = await readFile(file);
    const message = await refusal();
    expect(message).toMatch(said);
    expect(message).toMatch(/restore a backup$/);
    expect(await refusal()).toBe(message);
    expect(before.equals(await readFile(file))).toBe(true);
  });

  it.each<[string, () => unknown]>([
    ['a directory', () => rm(file).then(() => mkdir(file))],
    ['a link to nowhere', () => rm(file).then(() => symlink('nowhere/slurmql.db', file))],
    [
      'a file in no directory',
      () => {
        file = join(directory, 'nowhere', 'slurmql.db');
      },
    ],
  ])('%s', async (_what, put) => {
    await put();
    expect(await refusal()).toMatch(
      /: can't be opened \(.*\)\. Check that it is a file, that its directory exists, and/,
    );
  });

  it('a lock that is not empty', async () => {
    await writeFile(file, 'mine '.repeat(1000));
    expect(() => holdLock(file)).toThrow(`${file}: can't be locked, because it isn't empty. Move it away`);
    expect(await readFile(file, 'utf8')).toContain('mine');
  });
});

describe('a log', () => {
  it('that a crash left holds what was committed', async () => {
    for (const end of ['', '-wal']) copyFileSync(crashed + end, file + end);
    const store = await startOn(file);
    expect(await store.jobs.count(EVERY_JOB)).toBe(JOBS);
    await store.close();
  });

  it.each<[string, (wal: Buffer) => Buffer]>([
    ['full of ones', (wal) => wal.fill(0xff)],
    ['empty', (wal) => wal.subarray(0, 0)],
    ['of a text', () => Buffer.from('This is no log. '.repeat(1000))],
    // As a power cut may leave it.
    ['whose end is missing', (wal) => wal.subarray(0, -2 * PAGE)],
    ['with a fault in the middle', (wal) => wal.fill(0xff, wal.length / 2, wal.length / 2 + PAGE)],
  ])('%s ends where it is wrong, and what was committed before is there', async (_what, spoil) => {
    for (const end of ['', '-wal']) copyFileSync(crashed + end, file + end);
    await writeFile(`${file}-wal`, spoil(await readFile(`${file}-wal`)));
    await writeFile(`${file}-shm`, 'This is no index of a log. '.repeat(1000));
    const store = await startOn(file);
    await readAll(store);
    await store.close();
  });
});

describe('a database that another program', () => {
  it.each([
    ['writes to', 'begin immediate'],
    ['keeps to itself', 'pragma locking_mode = exclusive; begin exclusive'],
  ])('%s is refused with what to do', async (_what, statements) => {
    const other = new SqliteDatabase(file);
    other.exec(statements);
    const { pragma } = SqliteDatabase.prototype;
    vi.spyOn(SqliteDatabase.prototype, 'pragma').mockImplementation(function (this: SqliteDatabase.Database, text) {
      const result = pragma.call(this, text);
      // Not five seconds.
      pragma.call(this, 'busy_timeout = 10');
      return result;
    });
    expect(await refusal()).toMatch(/\(database is locked\)\. Another program is using it: end that one$/);
    other.close();
  });

  it('only reads is opened', async () => {
    const other = new SqliteDatabase(file);
    other.exec('begin; select * from jobs');
    await (await startOn(file)).close();
    other.close();
  });
});

describe('a write for which there is no room', () => {
  it('is told as that, leaves nothing, and is done once there is room', async () => {
    const prepared = vi.spyOn(SqliteDatabase.prototype, 'prepare');
    const store = await startOn(file);
    const [sqlite] = prepared.mock.contexts as SqliteDatabase.Database[];
    sqlite?.pragma(`max_page_count = ${sqlite.pragma('page_count', { simple: true })}`);
    const insert = () =>
      insertJobs(
        store,
        Array.from({ length: 100 }, () => aJob({ command: 'true #'.repeat(500) })),
      );
    const fault = await faultOf(insert);
    expect(fault).toBeInstanceOf(DatabaseError);
    expect(String(fault)).toMatch(/slurmql\.db: can't be used \(database or disk is full\)\. Free space on its disk$/);
    expect(await store.jobs.count(EVERY_JOB)).toBe(JOBS);
    expect(sqlite?.inTransaction).toBe(false);
    sqlite?.pragma('max_page_count = 100000');
    await insert();
    expect(await store.jobs.count(EVERY_JOB)).toBe(JOBS + 100);
    await store.close();
  });
});

describe('an error', () => {
  it.each<[string, RegExp | null]>([
    ['SQLITE_CORRUPT_INDEX', /restore a backup$/],
    ['SQLITE_IOERR_SHMSIZE', /Its disk is full or has a fault/],
    ['SQLITE_IOERR_WRITE', /Its disk is full or has a fault/],
    ['SQLITE_READONLY_DBMOVED', /the server's account may write/],
    ['SQLITE_CANTOPEN_ISDIR', /Check that it is a file/],
    ['SQLITE_BUSY_SNAPSHOT', /end that one$/],
    ['SQLITE_LOCKED', /end that one$/],
    ['SQLITE_PROTOCOL', /end that one$/],
    ['SQLITE_NOMEM', /more memory$/],
    ['ENOSPC', /^Free space/],
    ['EROFS', /the server's account may write/],
    // These are SlurmQL's own.
    ['SQLITE_CONSTRAINT_UNIQUE', null],
    ['SQLITE_ERROR', null],
    ['SQLITE_MISUSE', null],
    ['SQLITE_INTERRUPT', null],
  ])('with the code %s has its advice, or none', (code, advice) => {
    const cause = Object.assign(new Error('said'), { code });
    if (advice === null) expect(adviceOn(cause)).toBeNull();
    else expect(adviceOn(cause)).toMatch(advice);
  });
});
