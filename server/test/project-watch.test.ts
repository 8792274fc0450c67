import { chown, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestRepository } from './support/repository.ts';
import { TestServer, until } from './support/server.ts';

interface ProjectData {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly status: string;
  readonly statusMessage: string | null;
  readonly branch: string | null;
  readonly isDirty: boolean;
  readonly headCommit: { readonly sha: string } | null;
  readonly branches: readonly { readonly name: string }[];
  readonly tags: readonly { readonly name: string; readonly sha: string }[];
  readonly uncommittedFiles: readonly {
    readonly path: string;
    readonly kind: string;
    readonly sizeBytes: number | null;
  }[];
}
const PROJECT = `id name path status statusMessage branch isDirty headCommit { sha } branches { name } tags { name sha }
  uncommittedFiles { path kind sizeBytes }`;

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n');
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

async function mutate(name: string, input: object) {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const data = await server.query<
    Record<
      string,
      { project: ProjectData | null; userErrors: readonly { code: string; path: string[]; message: string }[] }
    >
  >(
    `mutation ($input: ${type}!) { ${name}(input: $input) { project { ${PROJECT} } userErrors { code path message } } }`,
    {
      input,
    },
  );
  const payload = data[name];
  if (payload === undefined) throw new Error(`no answer to ${name}`);
  return payload;
}

async function add(path: string): Promise<ProjectData> {
  const { project, userErrors } = await mutate('addProject', { path });
  expect(userErrors).toEqual([]);
  if (project === null) throw new Error('no project');
  return project;
}

/** Resolves to a project once it is as expected, without that anybody has it read again. */
function shown({ id }: { readonly id: string }, isExpected: (project: ProjectData) => boolean): Promise<ProjectData> {
  const query = `query ($id: ID!) { node(id: $id) { ... on Project { ${PROJECT} } } }`;
  return until(async () => (await server.query<{ node: ProjectData }>(query, { id })).node, isExpected);
}

describe('what is done in a terminal shows by itself', () => {
  it('an edit, a new directory, a commit, a branch, a tag', async () => {
    await using repository = await TestRepository.create({ 'train.py': 'print(1)\n', '.gitignore': '*.log\n' });
    const project = await add(repository.path);
    expect(project).toMatchObject({ status: 'READY', statusMessage: null, isDirty: false, tags: [] });

    await repository.write({ 'train.py': 'print(22)\n' });
    expect((await shown(project, ({ isDirty }) => isDirty)).uncommittedFiles).toEqual([
      { path: 'train.py', kind: 'MODIFIED', sizeBytes: 10 },
    ]);
    await repository.write({ 'conf/model/big.yaml': 'a: 1\n' });
    await shown(project, ({ uncommittedFiles }) => uncommittedFiles.length === 2);
    await repository.write({ 'conf/model/small.yaml': 'a: 2\n' });
    await shown(project, ({ uncommittedFiles }) => uncommittedFiles.length === 3);

    const sha = await repository.commit('All of it');
    await shown(project, ({ headCommit, isDirty }) => headCommit?.sha === sha && !isDirty);
    await repository.git('switch', '--quiet', '--create', 'people/ada/idea');
    await shown(project, ({ branch }) => branch === 'people/ada/idea');
    await repository.git('branch', 'people/ada/other');
    await shown(project, ({ branches }) => branches.some(({ name }) => name === 'people/ada/other'));
    await repository.git('tag', '--annotate', '--message', 'x', 'v1/final');
    expect((await shown(project, ({ tags }) => tags.length > 0)).tags).toEqual([{ name: 'v1/final', sha }]);
    await repository.git('pack-refs', '--all');
    await repository.git('tag', '--delete', 'v1/final');
    await shown(project, ({ tags }) => tags.length === 0);
    await repository.git('switch', '--quiet', '--detach');
    await shown(project, ({ branch }) => branch === null);
  });

  it('in a work tree beside the first one', async () => {
    await using repository = await TestRepository.create({ 'a.txt': '1\n' });
    const beside = join(repository.path, '..', `beside ${Math.random()}`);
    await repository.git('worktree', 'add', '--quiet', '-b', 'second', beside);
    const project = await add(beside);
    expect(project).toMatchObject({ branch: 'second', path: beside });
    await writeFile(join(beside, 'a.txt'), '22\n');
    await shown(project, ({ isDirty }) => isDirty);
    await repository.git('-C', beside, 'commit', '--quiet', '--all', '--message', 'x');
    await shown(project, ({ isDirty }) => !isDirty);
    await rm(beside, { recursive: true });
  });
});

describe('a repository that is moved away', () => {
  it('is missing, keeps what it was, is told by a sync, and comes back at its new path', async () => {
    await using repository = await TestRepository.create({ 'a.txt': '1\n' });
    const project = await add(repository.path);
    const elsewhere = `${repository.path} moved`;
    await rename(repository.path, elsewhere);
    const { userErrors } = await mutate('syncProject', { id: project.id });
    expect(userErrors).toMatchObject([{ code: 'NOT_A_GIT_REPOSITORY', path: ['input', 'id'] }]);
    const missing = await shown(project, ({ status }) => status !== 'READY');
    expect(missing).toEqual({
      ...project,
      status: 'MISSING',
      statusMessage: `Nothing is at ${repository.path}: move the repository back, or give the project its new path`,
    });

    const refused = await mutate('updateProject', { id: project.id, path: `${elsewhere}/nowhere` });
    expect(refused).toMatchObject({
      project: null,
      userErrors: [{ code: 'NOT_A_GIT_REPOSITORY', path: ['input', 'path'] }],
    });
    const { project: found } = await mutate('updateProject', { id: project.id, path: elsewhere });
    expect(found).toEqual({ ...project, path: elsewhere });
    await writeFile(join(elsewhere, 'a.txt'), '22\n');
    await shown(project, ({ isDirty }) => isDirty);
    await rename(elsewhere, repository.path);
  });

  it('is seen to be missing by itself', async () => {
    await using repository = await TestRepository.create({ 'a.txt': '1\n' });
    const project = await add(repository.path);
    await shown(project, ({ status }) => status === 'READY');
    await repository.git('tag', 'watched');
    await shown(project, ({ tags }) => tags.length > 0);
    await rm(join(repository.path, '.git'), { recursive: true });
    const { status, statusMessage } = await shown(project, (one) => one.status !== 'READY');
    expect(status).toBe('UNREADABLE');
    expect(statusMessage).toMatch(/can't be read: .*not a git repository/);
  });
});

it.runIf(process.getuid?.() === 0)(
  'a repository that belongs to somebody else is refused with what git says',
  async () => {
    await using repository = await TestRepository.create({ 'a.txt': '1\n' });
    const project = await add(repository.path);
    for (const place of [repository.path, join(repository.path, '.git')]) await chown(place, 12_345, 12_345);
    await mutate('syncProject', { id: project.id });
    const { status, statusMessage } = await shown(project, (one) => one.status !== 'READY');
    expect(status).toBe('UNREADABLE');
    expect(statusMessage).toMatch(/dubious ownership.*safe\.directory/);
  },
);
