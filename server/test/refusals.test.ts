import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { GitThatWaits } from './support/git-that-waits.ts';
import { TestRepository } from './support/repository.ts';
import { TestServer, until } from './support/server.ts';

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly path: readonly string[];
}

let git: GitThatWaits;
let server: TestServer;
let repository: TestRepository;
let projectId: string;

beforeAll(async () => {
  const yaml = inject('clustersYaml').replace(
    /^( +)(gpu_cache_seconds:)/m,
    '$1allowed_partitions: [gpu]\n$1allowed_gpu_types: [a100]\n$1$2',
  );
  git = await GitThatWaits.install();
  server = await TestServer.start(yaml);
  repository = await TestRepository.create({ 'train.sh': 'echo training\n' });
  const { addProject } = await server.query<{ addProject: { project: { id: string } } }>(
    'mutation ($path: String!) { addProject(input: { path: $path, name: "training" }) { project { id } } }',
    { path: repository.path },
  );
  projectId = addProject.project.id;
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  await git?.[Symbol.asyncDispose]();
});

const staged = () => readdir(join(server.directory, 'data', 'staging')).catch(() => []);

async function submitErrors(input: Readonly<Record<string, unknown>>): Promise<readonly Refusal[]> {
  const { submitJob } = await server.query<{ submitJob: { job: unknown; userErrors: Refusal[] } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } userErrors { code message path } } }',
    { input: { projectId, cluster: 'alpha', partition: 'gpu', command: 'true', ...input } },
  );
  expect(submitJob.job).toBeNull();
  return submitJob.userErrors;
}

async function addErrors(input: Readonly<Record<string, unknown>>): Promise<readonly Refusal[]> {
  const { addProject } = await server.query<{ addProject: { project: unknown; userErrors: Refusal[] } }>(
    'mutation ($input: AddProjectInput!) { addProject(input: $input) { project { id } userErrors { code message path } } }',
    { input },
  );
  expect(addProject.project).toBeNull();
  return addProject.userErrors;
}

describe('submitJob refuses, naming the field,', () => {
  it.each([
    ['an unknown cluster', { cluster: 'gamma' }, 'NOT_FOUND', 'cluster', 'alpha, beta'],
    ['an unknown project', { projectId: 'UHJvamVjdDp4' }, 'NOT_FOUND', 'projectId', 'Project not found'],
    ['an unknown ref', { gitRef: 'nowhere' }, 'UNKNOWN_REF', 'gitRef', '"nowhere" is not a branch, tag or commit'],
    ['a ref that looks like an option', { gitRef: '--output=/tmp/x' }, 'UNKNOWN_REF', 'gitRef', 'is not a branch'],
    [
      'a partition that is not allowed',
      { partition: 'cpu' },
      'PARTITION_NOT_ALLOWED',
      'partition',
      'choose one of gpu',
    ],
    ['a GPU type that is not allowed', { gpus: 1, gpuType: 'h100' }, 'GPU_TYPE_NOT_ALLOWED', 'gpuType', 'a100'],
    ['such a type in all', { gpusTotal: 1, gpuType: 'h100' }, 'GPU_TYPE_NOT_ALLOWED', 'gpuType', 'a100'],
    ['such a type per task', { tasks: 1, gpusPerTask: 1, gpuType: 'h100' }, 'GPU_TYPE_NOT_ALLOWED', 'gpuType', 'a100'],
    [
      'a part of such a GPU',
      { extraOptions: ['--gres=shard:h100:2'] },
      'GPU_TYPE_NOT_ALLOWED',
      'extraOptions',
      'choose one of a100',
    ],
    [
      'such a type in a pasted script',
      { command: '#!/bin/bash\n#SBATCH --gres=gpu:h100:1\ntrue' },
      'GPU_TYPE_NOT_ALLOWED',
      'gpuType',
      'choose one of a100',
    ],
    [
      'a partition of a pasted script that is not allowed',
      { partition: null, command: '#SBATCH -p cpu\ntrue' },
      'PARTITION_NOT_ALLOWED',
      'partition',
      'choose one of gpu',
    ],
    ['a line break in a name', { name: 'a\nb' }, 'INVALID_INPUT', 'name', 'one plain line'],
    ['a name of more bytes than Slurm keeps', { name: 'ü'.repeat(128) }, 'INVALID_INPUT', 'name', 'has 256 bytes'],
    ['a blank before a name', { name: ' train' }, 'INVALID_INPUT', 'name', 'blank at its beginning'],
    ['a blank behind the name of a script', { command: '#SBATCH -J "a "\ntrue' }, 'INVALID_INPUT', 'name', 'blank'],
    ['a control character in a name', { name: 'a\u0007b' }, 'INVALID_INPUT', 'name', 'control character'],
    ['a negative GPU count', { gpus: -1 }, 'INVALID_INPUT', 'gpus', 'from 0 to'],
    ['an empty command', { command: ' \n' }, 'INVALID_INPUT', 'command', 'what the job runs'],
    ['carriage returns in a command', { command: 'true\r\n' }, 'INVALID_INPUT', 'command', 'carriage return'],
    ['a bad array', { array: '0-9;reboot' }, 'INVALID_INPUT', 'array', '0-99%4'],
    ['an option of our own', { extraOptions: ['--wrap=reboot'] }, 'INVALID_INPUT', 'extraOptions', '--wrap'],
    [
      'an abbreviated option of our own',
      { extraOptions: ['--outp=/tmp/x'] },
      'INVALID_INPUT',
      'extraOptions',
      '--output',
    ],
    [
      'a variable with a bad name',
      { environment: [{ name: 'A B', value: '1' }] },
      'INVALID_INPUT',
      'environment',
      'is not a valid variable name',
    ],
    ['an unknown dependency', { dependsOn: [{ jobId: 'Sm9iOng=' }] }, 'NOT_FOUND', 'dependsOn', 'Job not found'],
  ])('%s', async (_what, input, code, field, words) => {
    const refusals = await submitErrors(input);
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatchObject({ code, path: ['input', field] });
    expect(refusals[0]?.message).toContain(words);
  });

  it('several faults at once', async () => {
    const refusals = await submitErrors({ name: '', gpus: -1, nodes: 0, timeLimitMinutes: 0 });
    expect(refusals.map(({ path }) => path[1]).sort()).toEqual(['gpus', 'name', 'nodes', 'timeLimitMinutes']);
  });

  it('a project that is removed while its files are packed', async () => {
    await until(
      () => server.query<{ cluster: { status: string } }>('{ cluster(name: "alpha") { status } }'),
      ({ cluster }) => cluster.status === 'ONLINE',
    );
    const { addProject } = await server.query<{ addProject: { project: { id: string } } }>(
      'mutation ($path: String!) { addProject(input: { path: $path, name: "brief" }) { project { id } } }',
      { path: repository.path },
    );
    const { id } = addProject.project;
    await git.wait();
    const refused = submitErrors({ projectId: id });
    refused.catch(() => undefined);
    await until(staged, (names) => names.some((name) => name.endsWith('.part')));
    await server.query('mutation ($id: ID!) { removeProject(input: { id: $id }) { userErrors { message } } }', { id });
    await git.goOn();
    expect(await refused).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'projectId'] }]);
    expect(server.errors).not.toContain('FOREIGN KEY');
  });

  it('and leaves nothing half done behind', async () => {
    const { jobs } = await server.query<{ jobs: { totalCount: number } }>('{ jobs { totalCount } }');
    expect(jobs.totalCount).toBe(0);
    expect(await staged()).toEqual([]);
  });
});

describe('addProject refuses', () => {
  it('a path that is no git repository, with what git says', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-plain-'));
    const [refusal] = await addErrors({ path: directory });
    expect(refusal).toMatchObject({ code: 'NOT_A_GIT_REPOSITORY', path: ['input', 'path'] });
    expect(refusal?.message).toContain('not a git repository');
    await rm(directory, { recursive: true });
  });

  it.each([
    ['a relative path', { path: 'here' }, 'INVALID_INPUT', 'path'],
    ['a directory that is not there', { path: '/nowhere/at/all' }, 'NOT_A_GIT_REPOSITORY', 'path'],
  ])('%s', async (_what, input, code, field) => {
    expect(await addErrors(input)).toMatchObject([{ code, path: ['input', field] }]);
  });

  it('a name that is taken, and one with a line break', async () => {
    expect(await addErrors({ path: repository.path, name: 'training' })).toMatchObject([
      { code: 'ALREADY_EXISTS', path: ['input', 'name'] },
    ]);
    expect(await addErrors({ path: repository.path, name: 'a\nb' })).toMatchObject([
      { code: 'INVALID_INPUT', path: ['input', 'name'] },
    ]);
  });
});
