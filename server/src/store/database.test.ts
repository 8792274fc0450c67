import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import type { GitLists, GitSnapshot, ProjectFault } from '../domain/project.ts';
import { aJob, aProject, EVERY_JOB, NO_RESOURCES, NO_SUBMISSION } from '../domain/testing.ts';
import { DatabaseError, Store } from './index.ts';
import * as initial from './sqlite/migrations/0001-initial.ts';
import { DatabaseWork, insertJobs, turnsDuring } from './testing.ts';
import { writesOf } from './writes.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-store-'));
  file = join(directory, 'slurmql.db');
});
afterEach(() => rm(directory, { recursive: true }));

async function refusal(): Promise<string> {
  const opened = Store.open(file);
  await expect(opened).rejects.toThrow(DatabaseError);
  return opened.then(
    () => '',
    (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
  );
}

describe('a database', () => {
  it('is made where there is none, for its owner alone', async () => {
    const store = await Store.open(file);
    expect(await store.events.newest()).toBe(0);
    expect(await store.isOpen()).toBe(true);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await store.close();
    expect(await store.isOpen()).toBe(false);
  });

  it('holds after it was closed what was written to it', async () => {
    const job = aJob({ state: 'RUNNING', startedAt: new Date(1_795_494_207_123), exitCode: 3, isArchived: true });
    const submission = {
      ...NO_SUBMISSION,
      environment: [{ name: 'KEY', value: "it's\nsecret" }],
      extraOptions: ['--exclusive'],
      dependsOn: [{ jobId: 'x', kind: 'AFTER_OK' as const }],
      condaEnv: 'torch',
    };
    const first = await Store.open(file);
    await insertJobs(first, [job], { idempotencyKey: 'key', submission });
    await first.close();
    const second = await Store.open(file);
    expect(await second.jobs.get(job.id)).toEqual({ ...job, number: 1 });
    expect(await second.jobs.submissions.get(job.id)).toEqual(submission);
    expect((await second.jobs.byIdempotencyKey('administrator', 'key'))?.id).toBe(job.id);
    expect(await second.jobs.byIdempotencyKey('somebody else', 'key')).toBeNull();
    await second.close();
  });

  it('is read as it was committed last while a long write is under way', async () => {
    const store = await Store.open(file);
    const [first, second] = [aJob(), aJob()];
    await insertJobs(store, [first]);
    const newest = { field: 'SUBMITTED_AT', direction: 'DESC' } as const;
    const everyone = { limit: 10, backwards: false, from: null };
    const list = async () => {
      const { rows } = await store.jobs.page(EVERY_JOB, newest, everyone);
      return { ids: rows.map(({ row }) => row.id), count: await store.jobs.count(EVERY_JOB) };
    };
    const before = { version: store.version, list: await list() };
    await writesOf(store).transaction(async ({ jobs, jobWriter }) => {
      await jobWriter.insert([{ job: second, idempotencyKey: null, submission: null }]);
      expect(await jobs.count(EVERY_JOB)).toBe(2);
      expect(await list()).toEqual(before.list);
      expect(await store.jobs.get(second.id)).toBeNull();
      expect(store.version).toBe(before.version);
    });
    expect(store.version).not.toBe(before.version);
    expect((await list()).count).toBe(2);
    expect(await store.jobs.get(second.id)).toMatchObject({ id: second.id });
    await store.close();
  });

  it('keeps its writes durable and its references whole', async () => {
    const store = await Store.open(file);
    const orphan = aJob({ projectId: 'no such project' });
    await expect(insertJobs(store, [orphan])).rejects.toThrow('FOREIGN KEY');
    await store.close();
    const raw = new SqliteDatabase(file, { readonly: true });
    expect(raw.pragma('journal_mode', { simple: true })).toBe('wal');
    raw.close();
  });

  it('has its log moved to the file by the time that much was written', async () => {
    const store = await Store.open(file);
    const made = await stat(file);
    for (let round = 0; round < 5; round += 1) {
      const created = Array.from({ length: 500 }, () => ({ job: aJob(), idempotencyKey: null, submission: null }));
      await writesOf(store).transaction(({ jobWriter }) => jobWriter.insert(created));
    }
    await vi.waitFor(async () => expect((await stat(file)).size).toBeGreaterThan(made.size + 1_000_000));
    expect((await stat(`${file}-wal`)).size).toBeLessThan(8_000_000);
    await store.close();
  });

  it('takes one idempotency key of one user once', async () => {
    const store = await Store.open(file);
    const insert = () => insertJobs(store, [aJob()], { idempotencyKey: 'key' });
    await insert();
    await expect(insert()).rejects.toThrow('UNIQUE');
    await store.close();
  });

  it('of a newer version is refused in one line that says what to do, and is left as it is', async () => {
    await (await Store.open(file)).close();
    const raw = new SqliteDatabase(file);
    raw.prepare("insert into kysely_migration (name, timestamp) values ('0999-from-the-future', '2030')").run();
    raw.close();
    const message = await refusal();
    expect(message).toBe(
      `${file}: was written by a newer version (it has "0999-from-the-future"). Start that version, or restore a backup`,
    );
    expect(await refusal()).toBe(message);
  });

  it('that is none is refused in one line', async () => {
    await writeFile(file, 'This is a text and has been one all along. '.repeat(100));
    const message = await refusal();
    expect(message).toContain(file);
    expect(message).toContain('not a database');
    expect(message).not.toContain('\n');
  });

  it('in a directory that is not there is refused in one line', async () => {
    file = join(directory, 'nowhere', 'slurmql.db');
    const message = await refusal();
    expect(message).toContain(file);
    expect(message).not.toContain('\n');
  });

  it('whose migration fails halfway is left without the half', async () => {
    // The last table of the first migration is there already, so that it fails after all the others.
    const raw = new SqliteDatabase(file);
    raw.exec('create table job_events (sequence integer)');
    raw.close();
    expect(await refusal()).toContain("can't be brought up to date");
    const after = new SqliteDatabase(file, { readonly: true });
    const tables = after.prepare("select name from sqlite_master where type = 'table' order by name").all();
    expect(JSON.stringify(tables)).not.toContain('"jobs"');
    after.close();
  });
});

describe('a transaction', () => {
  it('writes all or nothing', async () => {
    const store = await Store.open(file);
    const job = aJob();
    const failed = writesOf(store).transaction(async ({ jobWriter }) => {
      await jobWriter.insert([{ job, idempotencyKey: null, submission: null }]);
      throw new Error('on purpose');
    });
    await expect(failed).rejects.toThrow('on purpose');
    expect(await store.jobs.get(job.id)).toBeNull();
    await store.close();
  });
});

describe('projects', () => {
  it('have names of their own', async () => {
    const store = await Store.open(file);
    const vision = aProject({ name: 'vision' });
    expect(await store.projects.save(vision)).toBe(true);
    expect(await store.projects.save(aProject({ name: 'vision' }))).toBe(false);
    const same = { name: undefined, condaEnv: undefined, prologue: undefined, moved: undefined };
    const torch = { ...vision, condaEnv: 'torch' };
    expect(await store.projects.update(vision.id, { ...same, name: 'vision', condaEnv: 'torch' })).toEqual(torch);
    expect(await store.projects.update(vision.id, same)).toEqual(torch);
    const nlp = aProject({ name: 'nlp' });
    expect(await store.projects.save(nlp)).toBe(true);
    expect(await store.projects.update(nlp.id, { ...same, name: 'vision' })).toBe('NAME_TAKEN');
    expect(await store.projects.update('none', { ...same, name: 'vision' })).toBe('NOT_FOUND');
    expect(await store.projects.byName('vision')).toEqual(torch);
    expect(await store.projects.byName('VISION')).toBeNull();
    await store.close();
  });

  it('are given one name once, even when two ask for it at the same moment', async () => {
    const store = await Store.open(file);
    const saved = await Promise.all([1, 2, 3].map(() => store.projects.save(aProject({ name: 'vision' }))));
    expect(saved.filter(Boolean)).toHaveLength(1);
    await store.close();
  });

  it('keep what git said of them', async () => {
    const store = await Store.open(file);
    const project = aProject({
      prologue: 'module load cuda\n',
      git: {
        remoteUrl: 'https://example.org/x.git',
        branch: null,
        headCommit: { sha: 'abc', subject: 'Ünïcode 🐧', author: 'Ada', committedAt: new Date(1_700_000_000_000) },
        isDirty: true,
      },
    });
    const lists: GitLists = {
      branches: [{ name: 'main', sha: 'abc' }],
      tags: [{ name: 'v1 🐧', sha: 'abc' }],
      uncommittedFiles: [
        { path: 'a b', kind: 'MODIFIED', sizeBytes: 3 },
        { path: 'ü', kind: 'DELETED', sizeBytes: null },
      ],
    };
    await store.projects.save(project, lists);
    expect(await store.projects.get(project.id)).toEqual(project);
    const empty = aProject();
    await store.projects.save(empty);
    const ids = [empty.id, 'none', project.id];
    expect(await store.projects.getMany(ids)).toEqual([empty, null, project]);
    for (const kind of ['branches', 'tags', 'uncommittedFiles'] as const) {
      expect(await store.projects.list(kind, ids)).toEqual(
        new Map<string, unknown>([
          [empty.id, []],
          [project.id, lists[kind]],
        ]),
      );
    }
    await store.close();
  });

  it('keep what git said last, by when it was asked, and also after the clock was set back', async () => {
    const store = await Store.open(file);
    const project = aProject({ syncedAt: new Date(Date.now() + 3_600_000) });
    await store.projects.save(project);
    const state = (branch: string) => ({ ...project.git, branch });
    const said = (branch: string): GitSnapshot => ({
      ...state(branch),
      ...{ branches: [{ name: branch, sha: 'abc' }], tags: [], uncommittedFiles: [] },
    });
    const [earlier, later] = [new Date(Date.now() - 2000), new Date(Date.now() - 1000)];
    const expected = { ...project, git: state('later'), syncedAt: later };
    expect(await store.projects.saveSnapshot(project.id, said('later'), later)).toEqual(expected);
    expect(await store.projects.saveSnapshot(project.id, said('earlier'), earlier)).toEqual(expected);
    expect(await store.projects.saveSnapshot('none', said('later'), later)).toBeNull();
    expect((await store.projects.list('branches', [project.id])).get(project.id)).toEqual(said('later').branches);
    await store.close();
  });

  it('keep what they were, beside what keeps git from telling of them, until git tells of them again', async () => {
    const store = await Store.open(file);
    const askedAt = new Date();
    const project = aProject({ syncedAt: new Date(askedAt.getTime() - 1000) });
    await store.projects.save(project);
    const fault: ProjectFault = { status: 'MISSING', message: 'Nothing is there: move it back' };
    expect(await store.projects.saveFault(project.id, fault, askedAt)).toEqual({ ...project, fault });
    expect(await store.projects.saveFault('none', fault, askedAt)).toBeNull();
    const snapshot = { ...project.git, branches: [], tags: [], uncommittedFiles: [] };
    const synced = { ...project, syncedAt: askedAt };
    expect(await store.projects.saveSnapshot(project.id, snapshot, askedAt)).toEqual(synced);
    // It has told since.
    const before = new Date(askedAt.getTime() - 500);
    expect(await store.projects.saveFault(project.id, fault, before)).toEqual(synced);
    await store.close();
  });

  it('leave their jobs behind when they are removed', async () => {
    const store = await Store.open(file);
    const project = aProject();
    await store.projects.save(project);
    const job = aJob({ projectId: project.id });
    await insertJobs(store, [job]);
    expect(await writesOf(store).removeProjectFurther(project.id)).toBe(true);
    expect(await store.projects.get(project.id)).toBeNull();
    expect(await store.jobs.get(job.id)).toEqual({ ...job, number: 1, projectId: null });
    await store.close();
  });

  it('are listed without their branches, which are read a few at a time, and only as far as is wanted', async () => {
    using work = new DatabaseWork();
    const store = await Store.open(file);
    const projects = Array.from({ length: 100 }, () => aProject());
    const branches = Array.from({ length: 100 }, (_, index) => ({ name: `branch-${index}`, sha: 'a'.repeat(40) }));
    for (const project of projects) await store.projects.save(project, { branches, tags: [], uncommittedFiles: [] });
    const ids = projects.map(({ id }) => id);
    work.characters = 0;
    expect(await store.projects.getMany(ids)).toEqual(projects);
    await store.projects.page({ limit: 100, backwards: false, from: null }, null);
    expect(work.characters).toBeLessThan(projects.length * 1_000);
    expect(await turnsDuring(() => store.projects.list('branches', ids))).toBeGreaterThanOrEqual(8);
    work.characters = 0;
    const stop = () => {
      throw new Error('enough');
    };
    await expect(store.projects.list('branches', ids, stop)).rejects.toThrow('enough');
    expect(work.characters).toBeLessThan(projects.length * 1_000);
    await store.close();
  });

  it("are found by name and path, with LIKE's own characters as they are", async () => {
    const store = await Store.open(file);
    for (const name of ['100% sure', '100 percent', 'a_b', 'axb', 'c\\d']) {
      await store.projects.save(aProject({ name, path: `/repositories/${name.length}` }));
    }
    const found = async (search: string) => {
      const page = await store.projects.page({ limit: 10, backwards: false, from: null }, search);
      expect(await store.projects.count(search)).toBe(page.rows.length);
      return page.rows.map(({ row }) => row.name);
    };
    expect(await found('100%')).toEqual(['100% sure']);
    expect(await found('A_B')).toEqual(['a_b']);
    expect(await found('c\\d')).toEqual(['c\\d']);
    expect(await found('100 SURE')).toEqual(['100% sure']);
    expect(await found('/repositories/11')).toEqual(['100 percent']);
    expect(await found('')).toHaveLength(5);
    await store.close();
  });
});

describe('what is known of clusters', () => {
  it('includes what their logins took, until it is replaced or forgotten', async () => {
    const store = await Store.open(file);
    const keys = new Map([
      ['ada@jump', 'SHA256:one'],
      ['ada@login:2222', 'SHA256:two'],
    ]);
    expect(await store.clusters.acceptedKeys()).toEqual(new Map());
    await store.clusters.saveAcceptedKeys('alpha', new Map([['ada@login', 'SHA256:old']]));
    await store.clusters.saveAcceptedKeys('alpha', keys);
    await store.clusters.saveAcceptedKeys('beta', keys);
    await store.clusters.saveAcceptedKeys('beta', null);
    await store.close();
    const again = await Store.open(file);
    expect(await again.clusters.acceptedKeys()).toEqual(new Map([['alpha', keys]]));
    for (const unreadable of ['{', '[]', '{"ada@login":1}', 'null']) {
      const raw = new SqliteDatabase(file);
      raw.prepare('update cluster_logins set accepted_keys = ?').run(unreadable);
      raw.close();
      expect(await again.clusters.acceptedKeys()).toEqual(new Map());
    }
    await again.close();
  });

  it('is kept, and replaced when more is known', async () => {
    const store = await Store.open(file);
    const alpha = { name: 'alpha', host: 'login', slurmVersion: null, lastPolledAt: null };
    await store.clusters.save(alpha);
    await store.clusters.save({ ...alpha, slurmVersion: '22.05.8', lastPolledAt: new Date(1_795_494_207_000) });
    await store.clusters.save({ ...alpha, name: 'beta' });
    expect(await store.clusters.all()).toEqual([
      { ...alpha, slurmVersion: '22.05.8', lastPolledAt: new Date(1_795_494_207_000) },
      { ...alpha, name: 'beta' },
    ]);
    await store.close();
  });
});

describe('jobs', () => {
  it('are read while they are active, and tasks are counted by state', async () => {
    const store = await Store.open(file);
    const array = aJob({ state: 'RUNNING' });
    const jobs = [
      array,
      aJob({ state: 'RUNNING', arrayParentId: array.id, arrayTaskId: 0 }),
      aJob({ state: 'COMPLETED', arrayParentId: array.id, arrayTaskId: 1 }),
      aJob({ state: 'SUBMITTING', slurmJobId: null }),
      aJob({ state: 'LOST' }),
      aJob({ state: 'HELD', clusterName: 'beta' }),
    ];
    await insertJobs(store, jobs);
    const active: Job[] = [];
    for await (const some of store.jobs.allActive()) active.push(...some);
    expect(active.map(({ state }) => state).sort()).toEqual(['HELD', 'RUNNING', 'RUNNING', 'SUBMITTING']);
    expect([...(await store.jobs.submitting([...jobs.map(({ id }) => id), 'none']))]).toEqual([jobs[3]?.id]);
    expect(await store.jobs.arrays.taskCounts([array.id, 'none'])).toEqual(
      new Map([
        [
          array.id,
          [
            { state: 'COMPLETED', count: 1 },
            { state: 'RUNNING', count: 1 },
          ],
        ],
      ]),
    );
    await store.close();
  });

  it('keep their components, what was asked for and what was seen of them', async () => {
    const store = await Store.open(file);
    const { timeLimitMinutes, account, qos, array, ...resources } = { ...NO_RESOURCES, gpus: 2, gpuType: 'a100' };
    expect([timeLimitMinutes, account, qos, array]).toEqual([null, null, null, null]);
    const components = [{ partition: 'gpu', resources, extraOptions: ['--comment=x'] }];
    const job = { ...aJob({ components: [unseenComponent(0), unseenComponent(1)] }), number: 1 };
    await insertJobs(store, [job], { submission: { ...NO_SUBMISSION, components } });
    expect(await store.jobs.get(job.id)).toEqual(job);
    expect(await store.jobs.submissions.get(job.id)).toEqual({ ...NO_SUBMISSION, components });
    const at = new Date('2026-11-24T12:00:00Z');
    const seen = { state: 'FAILED', word: 'FAILED', exitCode: 3, attempt: 1, startedAt: at, endedAt: at } as const;
    const after = { ...job, components: [{ ...unseenComponent(0), ...seen, nodeList: 'n1' }, unseenComponent(1)] };
    await writesOf(store).transaction(({ jobWriter }) => jobWriter.update([{ before: job, after }]));
    expect(await store.jobs.get(job.id)).toEqual(after);
    await store.close();
  });

  it('of a database as the first version wrote it have no components', async () => {
    const raw = new SqliteDatabase(file);
    const old = new Kysely<unknown>({ dialect: new SqliteDialect({ database: raw }) });
    const provider = { getMigrations: async () => ({ '0001-initial': initial }) };
    expect((await new Migrator({ db: old, provider }).migrateToLatest()).error).toBeUndefined();
    raw.exec(`insert into jobs (id, name, slurm_name, cluster_name, submitted_by, state, is_active, attempt, is_archived,
        command, has_uncommitted_changes, submitted_at) values ('J', 'old', 'old.J', 'alpha', 'A', 'RUNNING', 1, 1, 0, 'true', 0, 0);
      insert into job_submissions (job_id, environment, extra_options, depends_on) values ('J', '[]', '[]', '[]')`);
    await old.destroy();
    const store = await Store.open(file);
    expect(await store.jobs.get('J')).toMatchObject({ name: 'old', components: [] });
    expect(await store.jobs.submissions.get('J')).toMatchObject({ extraOptions: [], components: [] });
    await store.close();
  });

  it('come in the order of the ids that were asked for, with their scripts where there are some', async () => {
    const store = await Store.open(file);
    const [one, two] = [aJob({ number: 1 }), aJob({ number: 2 })];
    await insertJobs(store, [one, two], { submission: NO_SUBMISSION });
    await writesOf(store).transaction(({ jobWriter }) => jobWriter.setScript(two.id, '#!/bin/bash\n', null));
    expect(await store.jobs.getMany([two.id, 'none', one.id, two.id])).toEqual([two, null, one, two]);
    expect(await store.jobs.getMany([])).toEqual([]);
    expect(await store.jobs.submissions.scripts([one.id, two.id])).toEqual(new Map([[two.id, '#!/bin/bash\n']]));
    await store.close();
  });

  it('are read with what they were submitted with a few at a time, and only as far as is wanted', async () => {
    using work = new DatabaseWork();
    const store = await Store.open(file);
    const jobs = Array.from({ length: 200 }, () => aJob());
    const ids = jobs.map(({ id }) => id);
    const submission = {
      ...NO_SUBMISSION,
      environment: [{ name: 'LONG', value: 'x'.repeat(60_000) }],
      message: 'a remark',
    };
    await insertJobs(store, jobs, { submission });
    expect(await turnsDuring(() => store.jobs.submissions.getMany(ids))).toBeGreaterThanOrEqual(15);
    work.characters = 0;
    expect(await store.jobs.submissions.messages([...ids, 'none'])).toEqual(new Map(ids.map((id) => [id, 'a remark'])));
    expect(work.characters).toBeLessThan(20_000);
    work.characters = 0;
    const stop = () => {
      throw new Error('enough');
    };
    await expect(store.jobs.submissions.getMany(ids, stop)).rejects.toThrow('enough');
    expect(work.characters).toBeLessThan((ids.length * 60_000) / 10);
    await store.close();
  });

  it('of an array have its command, which is stored once, and are found by its words', async () => {
    using work = new DatabaseWork();
    const store = await Store.open(file);
    const array = aJob({ command: `train ${'x'.repeat(30_000)}`, resources: { ...NO_RESOURCES, array: '0-299' } });
    const tasks = Array.from({ length: 300 }, (_, index) =>
      aJob({ ...array, id: aJob().id, arrayParentId: array.id, arrayTaskId: index }),
    );
    await insertJobs(store, [array, ...tasks]);
    const filter = { ...EVERY_JOB, search: 'train' };
    const everyone = { limit: 400, backwards: false, from: null };
    const newest = { field: 'SUBMITTED_AT', direction: 'DESC' } as const;
    work.characters = 0;
    const read = [
      await store.jobs.tasks(array.id),
      await store.jobs.getMany(tasks.map(({ id }) => id)),
      (await store.jobs.page(filter, newest, everyone)).rows.map(({ row }) => row),
    ];
    expect(read.map(({ length }) => length)).toEqual([300, 300, 301]);
    expect(new Set(read.flat().map((job) => job?.command))).toEqual(new Set([array.command]));
    // A copy for some slices, not one for each.
    expect(work.characters).toBeLessThan((900 * array.command.length) / 10);
    expect((await stat(file)).size + (await stat(`${file}-wal`)).size).toBeLessThan((300 * array.command.length) / 3);
    await store.close();
  });

  it('of an array, from before its command was stored once, are read as they are', async () => {
    const store = await Store.open(file);
    const array = aJob({ command: 'train' });
    const task = aJob({ command: 'train', arrayParentId: array.id, arrayTaskId: 0 });
    await insertJobs(store, [array, task]);
    const database = new SqliteDatabase(file);
    database.prepare("update jobs set command = 'train', search_text = 'train' where id = ?").run(task.id);
    database.close();
    expect(await store.jobs.get(task.id)).toEqual(task);
    expect(await store.jobs.count({ ...EVERY_JOB, search: 'train' })).toBe(2);
    await store.close();
  });

  it('may be as many at once as an array has tasks', async () => {
    const store = await Store.open(file);
    const array = aJob();
    const tasks = Array.from({ length: 3000 }, (_, arrayTaskId) => aJob({ arrayParentId: array.id, arrayTaskId }));
    await insertJobs(store, [array, ...tasks]);
    expect((await store.jobs.tasks(array.id)).map(({ arrayTaskId }) => arrayTaskId)).toEqual(
      tasks.map((_, index) => index),
    );
    await store.close();
  });
});
