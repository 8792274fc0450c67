import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aProject, NO_RESOURCES } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { Staging } from '../projects/index.ts';
import { Repository } from '../projects/testing.ts';
import { Store } from '../store/index.ts';
import type { ActionContext } from './context.ts';
import { resubmitJob } from './resubmit-job.ts';
import { submitJob } from './submit-job.ts';
import { asked } from './testing.ts';

const ACTOR = { user: { id: 'administrator', name: 'Administrator', role: 'ADMIN' }, via: 'TOKEN' } as const;
let repository: Repository;
let store: Store;
let context: ActionContext;
let projectId: string;

beforeEach(async () => {
  repository = await Repository.create();
  await repository.write({ 'a.txt': 'a\n' });
  await repository.commit();
  store = await Store.open(':memory:');
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
    jobs: { submit: async () => undefined },
  };
  const staging = new Staging(join(repository.path, '.git/staging'));
  context = { store, journal, clusters: { get: () => alpha } as never, staging };
});
afterEach(async () => {
  await store.close();
  await repository[Symbol.asyncDispose]();
});

type Submitted = Awaited<ReturnType<typeof submitJob>>;

/** What is told with the job. */
async function messageOf(outcome: Submitted): Promise<string | null | undefined> {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusals));
  return (await store.jobs.submission(outcome.value.id))?.message;
}

describe('a job', () => {
  it('of a commit that is complete is told nothing', async () => {
    expect(await messageOf(await submitJob(context, ACTOR, asked('true', { projectId })))).toBeNull();
  });

  it('is told which folders are empty, behind what became of its script, and so is one that is made from it', async () => {
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
