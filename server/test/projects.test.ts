import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestRepository } from './support/repository.ts';
import { TestServer } from './support/server.ts';

interface ProjectData {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly branch: string | null;
  readonly remoteUrl: string | null;
  readonly condaEnv: string | null;
  readonly prologue: string | null;
  readonly isDirty: boolean;
  readonly headCommit: { readonly sha: string; readonly subject: string; readonly author: string } | null;
  readonly branches: readonly { readonly name: string }[];
}

const PROJECT =
  'id name path branch remoteUrl condaEnv prologue isDirty headCommit { sha subject author } branches { name }';
let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n');
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

async function write(mutation: string, type: string, input: object): Promise<ProjectData> {
  const data = await server.query<Record<string, { project: ProjectData | null; userErrors: unknown[] }>>(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { project { ${PROJECT} } userErrors { code message } } }`,
    { input },
  );
  const payload = data[mutation];
  expect(payload?.userErrors).toEqual([]);
  if (payload?.project == null) throw new Error('no project');
  return payload.project;
}

it('a project goes through its life: added, changed, read again, found, removed', async () => {
  await using repository = await TestRepository.create({ 'deep/file.txt': '1\n' });
  await repository.git('remote', 'add', 'origin', 'https://ada:secret-token@git.example.org/ada/model.git');

  const added = await write('addProject', 'AddProjectInput', { path: `${repository.path}/deep`, name: 'model' });
  expect(added).toMatchObject({
    name: 'model',
    path: repository.path,
    branch: 'main',
    remoteUrl: 'https://git.example.org/ada/model.git',
    isDirty: false,
    headCommit: { sha: await repository.git('rev-parse', 'HEAD'), subject: 'First commit', author: 'Ada' },
    branches: [{ name: 'main' }],
  });

  const changed = await write('updateProject', 'UpdateProjectInput', {
    id: added.id,
    condaEnv: 'torch',
    prologue: 'module load cuda',
  });
  expect(changed).toMatchObject({ name: 'model', condaEnv: 'torch', prologue: 'module load cuda' });
  expect(await write('updateProject', 'UpdateProjectInput', { id: added.id, condaEnv: null })).toMatchObject({
    condaEnv: null,
    prologue: 'module load cuda',
  });

  await repository.git('switch', '--quiet', '--create', 'wild/ideas');
  const sha = await repository.commit('Second "commit" \\ $HOME');
  await repository.write({ 'new.txt': 'x' });
  expect(await write('syncProject', 'SyncProjectInput', { id: added.id })).toMatchObject({
    branch: 'wild/ideas',
    isDirty: true,
    headCommit: { sha, subject: 'Second "commit" \\ $HOME' },
  });

  const { projects, node } = await server.query<{
    projects: { nodes: ProjectData[]; totalCount: number };
    node: ProjectData;
  }>(
    `query ($id: ID!) { projects(search: "MOD") { nodes { name } totalCount } node(id: $id) { ... on Project { name } } }`,
    { id: added.id },
  );
  expect(projects).toEqual({ nodes: [{ name: 'model' }], totalCount: 1 });
  expect(node).toEqual({ name: 'model' });

  const remove = 'mutation ($id: ID!) { removeProject(input: { id: $id }) { removedProjectId userErrors { code } } }';
  expect(await server.query(remove, { id: added.id })).toEqual({
    removeProject: { removedProjectId: added.id, userErrors: [] },
  });
  expect(await server.query(remove, { id: added.id })).toEqual({
    removeProject: { removedProjectId: null, userErrors: [{ code: 'NOT_FOUND' }] },
  });
});

it('what may be secret in the address of a remote is in no answer, log or file of the server', async () => {
  await using repository = await TestRepository.create({ 'file.txt': '1\n' });
  await repository.git('remote', 'add', 'origin', 'x');
  const { id } = await write('addProject', 'AddProjectInput', { path: repository.path, name: 'secret' });
  for (const address of [
    'https://ada:Hushhush@git.example.org/x',
    'https://Hushhush@git.example.org/x',
    'https://ada:p@Hush/hush@git.example.org/x',
    'https://git.example.org/x?private_token=Hushhush',
    'https://git.example.org/x#Hushhush',
    'https://git.example.org/glpat-Hushhush/x',
    'https://ada:%48ush%68ush@git.example.org/x',
    'ada:Hushhush@git.example.org:x',
    'https::https://ada:Hushhush@git.example.org/x',
    'ext::ssh -o Hushhush git@git.example.org x',
    'ssh://git:Hushhush@git.example.org/x',
  ]) {
    await repository.git('config', 'remote.origin.url', address);
    const synced = await write('syncProject', 'SyncProjectInput', { id });
    expect(JSON.stringify(synced)).not.toMatch(/hush/i);
  }
  await repository.git('config', 'transfer.credentialsInUrl', 'die');
  await write('syncProject', 'SyncProjectInput', { id });
  expect(server.errors).not.toMatch(/hush/i);
  for (const name of await readdir(server.directory, { recursive: true })) {
    const bytes = await readFile(join(server.directory, name), 'latin1').catch(() => '');
    expect(bytes).not.toMatch(/hush/i);
  }
  await server.query('mutation ($id: ID!) { removeProject(input: { id: $id }) { removedProjectId } }', { id });
});

it('a path below ~ is one below the home of the user that the server runs as', async () => {
  const path = join(server.directory, 'code', 'model');
  await mkdir(path, { recursive: true });
  // The server's own environment names this directory as its home.
  await promisify(execFile)('git', ['init', '--quiet', path]);
  const added = await write('addProject', 'AddProjectInput', { path: '~/code/model' });
  expect(added).toMatchObject({ name: 'model', path });
  await server.query('mutation ($id: ID!) { removeProject(input: { id: $id }) { removedProjectId } }', {
    id: added.id,
  });
  const add = 'mutation ($path: String!) { addProject(input: { path: $path }) { userErrors { code message path } } }';
  for (const wrong of ['~ada/code', 'code/model', '~x']) {
    expect(await server.query(add, { path: wrong })).toEqual({
      addProject: {
        userErrors: [
          { code: 'INVALID_INPUT', path: ['input', 'path'], message: expect.stringContaining('or one below ~/') },
        ],
      },
    });
  }
});

it('a list is paged forwards and backwards by cursor', async () => {
  await using repository = await TestRepository.create({ 'file.txt': '1\n' });
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await write('addProject', 'AddProjectInput', { path: repository.path, name });
  interface Page {
    projects: {
      nodes: { name: string }[];
      pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string; endCursor: string };
    };
  }
  const page = async (args: string) => {
    const { projects } = await server.query<Page>(
      `{ projects(${args}) { nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
    );
    return { names: projects.nodes.map(({ name }) => name).join(''), ...projects.pageInfo };
  };
  const first = await page('first: 2');
  expect(first).toMatchObject({ names: 'ab', hasNextPage: true, hasPreviousPage: false });
  const second = await page(`first: 3, after: "${first.endCursor}"`);
  expect(second).toMatchObject({ names: 'cde', hasNextPage: false, hasPreviousPage: true });
  expect(await page(`last: 2, before: "${second.startCursor}"`)).toMatchObject({ names: 'ab', hasNextPage: true });
  expect(await page('last: 2')).toMatchObject({ names: 'de', hasNextPage: false, hasPreviousPage: true });
  for (const args of ['first: -1', 'first: 501', 'first: 1, last: 1', 'after: "x"']) {
    const { errors } = await server.send(`{ projects(${args}) { nodes { name } } }`);
    expect(errors?.[0]?.extensions?.['code']).toBe('BAD_USER_INPUT');
  }
});
