import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aProject, NO_RESOURCES } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { Repository, stagingFor, UNWATCHED } from '../projects/testing.ts';
import { Store } from '../store/index.ts';
import type { ActionContext } from './context.ts';
import { removeProject } from './projects.ts';
import { resubmitJob } from './resubmit-job.ts';
import { submitJob } from './submit-job.ts';
import { asked } from './testing.ts';

const ACTOR = { user: { id: 'administrator', name: 'Administrator', role: 'ADMIN' }, via: 'TOKEN' } as const;
/** In the repository's directory, beside its files. */
const DATABASE = '.git/slurmql.sqlite';
let repository: Repository;
let stagingDirectory: string;
/** What clusters.yaml names. */
let names: string[];
let store: Store;
let context: ActionContext;
let projectId: string;

beforeEach(async () => {
  repository = await Repository.create();
  await repository.write({ 'a.txt': 'a\n' });
  await repository.commit();
  store = await Store.open(join(repository.path, DATABASE));
  const journal = new Journal(store);
  await journal.start();
  const project = aProject({ path: repository.path });
  projectId = project.id;
  await store.projects.save(project);
  const alpha = {
    settings: { name: 'alpha' },
    maxArraySize: null,
    health: { status: 'ONLINE', message: null },
    wanted: async () => undefined,
  };
  names = ['alpha'];
  const find = () => (names.includes('alpha') ? alpha : null);
  const clusters = {
    get: find,
    all: () => [],
    successor: async () => find(),
    submit: async () => undefined,
  };
  stagingDirectory = join(repository.path, '.git/staging');
  context = {
    reads: store,
    store,
    journal,
    clusters: clusters as never,
    staging: stagingFor(store, stagingDirectory),
    repositories: UNWATCHED,
  };
});
afterEach(async () => {
  await store.close();
  await repository[Symbol.asyncDispose]();
});

type Submitted = Awaited<ReturnType<typeof submitJob>>;

/** What is told with the job. */
async function messageOf(outcome: Submitted): Promise<string | null | undefined> {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusals));
  return (await store.jobs.submissions.get(outcome.value.id))?.message;
}

describe('a job', () => {
  it('of a commit that is complete is told nothing', async () => {
    expect(await messageOf(await submitJob(context, ACTOR, asked('true', { projectId })))).toBeNull();
  });

  it('is told which directories are empty, after what became of its script, and so is one that is made of it', async () => {
    await repository.write({ 'lib/x.txt': 'x\n' });
    await repository.gitIn('lib', 'init', '--quiet');
    await repository.commit('lib');
    await repository.commit();
    const command = '#!/bin/bash\n#SBATCH --output=x\ntrue';
    const outcome = await submitJob(context, ACTOR, asked(command, { projectId }));
    expect(await messageOf(outcome)).toMatch(/^Line 2, .*\nEmpty for the job: lib\. /);
    const id = outcome.ok ? outcome.value.id : '';
    const again = await resubmitJob(context, ACTOR, { id, idempotencyKey: null, waitSeconds: 0 });
    expect(await messageOf(again)).toMatch(/^Empty for the job: lib\. /);
  });
});

it.each(['--nodefile=/dev/ptmx', '--output=x', 'script.sh'])(
  'a job that was stored with an option that is refused by now is not resubmitted: %s',
  async (option) => {
    const outcome = await submitJob(context, ACTOR, asked('true', { projectId }));
    const id = outcome.ok ? outcome.value.id : '';
    const database = new SqliteDatabase(join(repository.path, DATABASE));
    database
      .prepare('update job_submissions set extra_options = ? where job_id = ?')
      .run(JSON.stringify(['--requeue', option]), id);
    database.close();
    const again = await resubmitJob(context, ACTOR, { id, idempotencyKey: null, waitSeconds: 0 });
    expect(again).toMatchObject({ ok: false, refusals: [{ code: 'INVALID_INPUT', path: ['input', 'id'] }] });
  },
);

describe('a submission that fails once its files are packed', () => {
  const packed = () => readdir(stagingDirectory);
  const submit = (idempotencyKey: string | null = null) =>
    submitJob(context, ACTOR, asked('true', { projectId, idempotencyKey }));
  /** Does this after the next packing, before the job is recorded. */
  const meanwhile = (work: () => Promise<unknown>) => {
    const pack = context.staging.pack.bind(context.staging);
    vi.spyOn(context.staging, 'pack').mockImplementationOnce(async (...request) => {
      const files = await pack(...request);
      await work();
      return files;
    });
  };
  afterEach(() => vi.restoreAllMocks());

  it('since its project was removed, says so where the project was named, and leaves no files', async () => {
    meanwhile(() => removeProject(context, ACTOR, projectId));
    const byId = await submit();
    expect(byId).toMatchObject({ ok: false, refusals: [{ code: 'NOT_FOUND', path: ['input', 'projectId'] }] });

    const project = aProject({ path: repository.path, name: 'again' });
    await store.projects.save(project);
    const named = asked('true', { projectId: null, project: 'again' });
    meanwhile(() => removeProject(context, ACTOR, project.id));
    const byName = await submitJob(context, ACTOR, named);
    expect(byName).toMatchObject({ ok: false, refusals: [{ code: 'NOT_FOUND', path: ['input', 'project'] }] });
    expect(await packed()).toEqual([]);
  });

  it('as a resubmission does, at the job that it is made from', async () => {
    const first = await submit();
    const id = first.ok ? first.value.id : '';
    meanwhile(() => removeProject(context, ACTOR, projectId));
    const again = await resubmitJob(context, ACTOR, { id, idempotencyKey: null, waitSeconds: 0 });
    expect(again).toMatchObject({ ok: false, refusals: [{ code: 'NOT_FOUND', path: ['input', 'id'] }] });
    expect(await packed()).toEqual([`${id}.tar.gz`]);
  });

  it('since its cluster is no longer in clusters.yaml, says so and leaves no files', async () => {
    meanwhile(async () => names.pop());
    const outcome = await submit();
    expect(outcome).toMatchObject({ ok: false, refusals: [{ code: 'NOT_FOUND', path: ['input', 'cluster'] }] });
    expect(await packed()).toEqual([]);
  });

  it('by a fault of the database leaves no files, and can be repeated with its key', async () => {
    const database = new SqliteDatabase(join(repository.path, DATABASE));
    database.exec(
      "CREATE TRIGGER faulty BEFORE INSERT ON job_submissions BEGIN SELECT raise(ABORT, 'disk I/O error'); END",
    );
    await expect(submit('one')).rejects.toThrow('disk I/O error');
    await expect(submit('one')).rejects.toThrow('disk I/O error');
    expect(await packed()).toEqual([]);
    database.exec('DROP TRIGGER faulty');
    database.close();
    const outcome = await submit('one');
    expect(await packed()).toEqual([`${outcome.ok && outcome.value.id}.tar.gz`]);
  });

  it('by a commit whose answer is lost keeps the files of the job, which its key finds', async () => {
    const write = context.journal.write.bind(context.journal);
    vi.spyOn(context.journal, 'write').mockImplementationOnce(async (...request) => {
      await write(...request);
      throw new Error('the answer was lost');
    });
    await expect(submit('one')).rejects.toThrow('the answer was lost');
    const outcome = await submit('one');
    expect(await packed()).toEqual([`${outcome.ok && outcome.value.id}.tar.gz`]);
  });

  it('since another one with its key was faster leaves the files of that one alone', async () => {
    const outcomes = await Promise.all([submit('one'), submit('one'), submit('one')]);
    const ids = new Set(outcomes.map((outcome) => outcome.ok && outcome.value.id));
    expect(await packed()).toEqual([...ids].map((id) => `${id}.tar.gz`));
  });
});

describe('what is too large together is refused before anything is packed:', () => {
  const component = (option: string) => ({ partition: null, resources: NO_RESOURCES, extraOptions: [option] });
  const many = (count: number, option: string) => Array.from({ length: count }, () => component(option));

  it.each([
    ['options of components', many(10, `--comment=${'x'.repeat(8000)}`), 'components'],
    ['options of components, as they are quoted', many(4, `--comment=${"'".repeat(8000)}`), 'extraOptions'],
    ['all that a hundred components ask for', many(100, `--nodelist=${'n'.repeat(640)}`), 'extraOptions'],
  ])('%s', async (_what, components, field) => {
    const outcome = await submitJob(context, ACTOR, asked('true', { projectId, components }));
    expect(outcome).toMatchObject({ ok: false, refusals: [{ code: 'INVALID_INPUT', path: ['input', field] }] });
    expect(JSON.stringify(outcome)).toMatch(/at most 65536 are allowed/);
    expect(await readdir(join(repository.path, '.git/staging')).catch(() => [])).toEqual([]);
  });

  it('what the lines of a script add', async () => {
    const command = `#SBATCH --comment=${'x'.repeat(9000)}\ntrue`;
    const outcome = await submitJob(context, ACTOR, asked(command, { projectId }));
    expect(outcome).toMatchObject({ ok: false, refusals: [{ path: ['input', 'extraOptions'] }] });
  });
});

it('a job is told a hundred faults at most', async () => {
  const command = `#SBATCH ${'x '.repeat(16_000)}\ntrue`;
  const extraOptions = Array.from({ length: 100 }, () => 'x');
  const outcome = await submitJob(context, ACTOR, asked(command, { projectId, extraOptions }));
  expect(outcome.ok ? [] : outcome.refusals).toHaveLength(100);
});
