import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aProject } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { setGitEnvironment } from '../projects/index.ts';
import { Repository, UNWATCHED } from '../projects/testing.ts';
import { Store } from '../store/index.ts';
import type { ActionContext } from './context.ts';
import { removeProject, syncProject, type UpdateProject, updateProject } from './projects.ts';

const ACTOR = { user: { id: 'administrator', name: 'Administrator', role: 'ADMIN' }, via: 'TOKEN' } as const;
const SAME = { id: 'P', name: undefined, path: undefined, condaEnv: undefined, prologue: undefined };
const NOT_FOUND = { ok: false, refusals: [{ code: 'NOT_FOUND' }] };
let repository: Repository;
let store: Store;
let context: ActionContext;

beforeEach(async () => {
  repository = await Repository.create();
  await repository.commit();
  store = await Store.open(':memory:');
  const journal = new Journal(store);
  await journal.start();
  await store.projects.save(aProject({ id: 'P', name: 'vision', path: repository.path, syncedAt: new Date(0) }));
  context = { reads: store, store, journal, clusters: {} as never, staging: {} as never, repositories: UNWATCHED };
});
afterEach(async () => {
  await store.close();
  await repository[Symbol.asyncDispose]();
});

const update = (fields: Partial<UpdateProject>) => updateProject(context, ACTOR, { ...SAME, ...fields });
const sync = () => syncProject(context, ACTOR, 'P');
const there = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Begins a sync whose git waits, once it has read the head, until the answer is called. */
async function heldSync(): Promise<() => ReturnType<typeof sync>> {
  const bin = join(repository.path, '.git/bin');
  const held = `${bin}/held`;
  await mkdir(bin);
  await writeFile(`${bin}/hold`, '');
  const script = `case "$*" in *--others*) mv ${bin}/hold ${held} && while [ -e ${held} ]; do sleep 0.01; done ;; esac`;
  await writeFile(`${bin}/git`, `#!/bin/sh\n{ ${script}; } 2>&-\nPATH=\${PATH#*:} exec git "$@"\n`, { mode: 0o755 });
  setGitEnvironment({ PATH: `${bin}:${process.env['PATH'] ?? ''}` });
  const synced = sync();
  await expect.poll(() => there(held)).toBe(true);
  return async () => {
    await rm(held);
    return synced;
  };
}

describe('what is done with a project while git looks at its repository', () => {
  it.each<[string, Partial<UpdateProject>]>([
    ['name', { name: 'renamed' }],
    ['prologue', { prologue: 'module load cuda' }],
    ['conda environment', { condaEnv: 'torch' }],
  ])('is kept: another %s', async (_field, fields) => {
    const release = await heldSync();
    expect(await update(fields)).toMatchObject({ ok: true, value: fields });
    expect(await release()).toMatchObject({ ok: true, value: { ...fields, git: { branch: 'main' } } });
    const stored = await store.projects.get('P');
    expect(stored).toMatchObject({ ...fields, git: { headCommit: { subject: 'A commit' } } });
    expect(stored?.syncedAt.getTime()).toBeGreaterThan(0);
  });

  it('is kept: its removal', async () => {
    const release = await heldSync();
    expect(await removeProject(context, ACTOR, 'P')).toMatchObject({ ok: true });
    expect(await release()).toMatchObject(NOT_FOUND);
    expect(await store.projects.get('P')).toBeNull();
  });

  it('is kept: what git said to somebody who asked later', async () => {
    const release = await heldSync();
    const sha = await repository.commit();
    expect(await sync()).toMatchObject({ ok: true, value: { git: { headCommit: { sha } } } });
    expect(await release()).toMatchObject({ ok: true, value: { git: { headCommit: { sha } } } });
    expect(await store.projects.get('P')).toMatchObject({ git: { headCommit: { sha } } });
  });
});

describe('updates at the same moment', () => {
  it('of different fields are all kept', async () => {
    await Promise.all([
      update({ name: 'renamed' }),
      update({ condaEnv: 'torch' }),
      update({ prologue: 'true' }),
      sync(),
    ]);
    const fields = {
      name: 'renamed',
      condaEnv: 'torch',
      prologue: 'true',
      git: { headCommit: { subject: 'A commit' } },
    };
    expect(await store.projects.get('P')).toMatchObject(fields);
  });

  it('and a removal leave nothing', async () => {
    const [removed, , updated] = await Promise.all([
      removeProject(context, ACTOR, 'P'),
      sync(),
      update({ name: 'renamed' }),
    ]);
    expect(removed).toMatchObject({ ok: true });
    expect(updated.ok || updated.refusals[0]?.code === 'NOT_FOUND').toBe(true);
    expect(await store.projects.get('P')).toBeNull();
  });
});

it('a project that is not there, and a name that is taken, are refused', async () => {
  await store.projects.save(aProject({ name: 'nlp' }));
  expect(await updateProject(context, ACTOR, { ...SAME, id: 'none', name: 'nlp' })).toMatchObject(NOT_FOUND);
  expect(await update({ name: 'nlp' })).toMatchObject({
    ok: false,
    refusals: [{ code: 'ALREADY_EXISTS' }],
  });
  expect(await update({ name: 'vision' })).toMatchObject({ ok: true });
});
