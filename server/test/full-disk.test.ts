import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { TestRepository } from './support/repository.ts';
import { ServerProcess, TestServer, until } from './support/server.ts';
import { type SessionHeaders, sessionAt, signIn } from './support/session.ts';

const run = promisify(execFile);

let directory: string;
let data: string;
let repository: TestRepository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-full-'));
  data = join(directory, 'data');
  await mkdir(data);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=700', 'slurmql', data]);
  repository = await TestRepository.create({ 'run.sh': 'true\n' });
});
afterEach(async () => {
  await run('umount', ['--lazy', data]);
  await repository[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Takes all the room that is left. */
const fill = () => run('sh', ['-c', 'cat /dev/zero >"$1/filler" 2>/dev/null || true', 'sh', data]);
const free = () => rm(join(data, 'filler'));

const start = () => TestServer.start(inject('clustersYaml'), directory);

interface Project {
  readonly id: string;
  readonly name: string;
  readonly prologue: string | null;
}
const projects = async (server: TestServer) =>
  (await server.query<{ projects: { nodes: Project[] } }>('{ projects(first: 100) { nodes { id name prologue } } }'))
    .projects.nodes;

/** True: the server said that it is done. */
async function does(server: TestServer, mutation: string, type: string, input: object): Promise<boolean> {
  const { data: payload, errors } = await server.send<Record<string, { userErrors: unknown[] }>>(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { userErrors { message } } }`,
    { input },
  );
  return errors === undefined && payload?.[mutation]?.userErrors.length === 0;
}

interface JobData {
  readonly state: string;
  readonly isArchived: boolean;
}
const job = async (server: TestServer, id: string) =>
  (
    await server.query<{ job: JobData }>('query ($id: ID!) { job(id: $id) { state isArchived } }', {
      id,
    })
  ).job;

/** Submits once the cluster is there, and waits until the job is as it should be. */
async function submitted(
  server: TestServer,
  projectId: string,
  command: string,
  isRight: (data: JobData) => boolean,
): Promise<string> {
  const submit = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
  const { submitJob } = await until(
    () =>
      server.query<{ submitJob: { job: { id: string } | null } }>(submit, {
        input: { projectId, cluster: 'alpha', command },
      }),
    (data) => data.submitJob.job !== null,
  );
  const id = submitJob.job?.id ?? '';
  await until(() => job(server, id), isRight);
  return id;
}

/** At each start the server has another port. */
async function isSignedIn(server: TestServer, session: SessionHeaders | undefined): Promise<boolean> {
  if (session === undefined) throw new Error('no session');
  const headers = { ...sessionAt(server.address, session) };
  return (await fetch(`${server.address}/metrics`, { headers })).status === 200;
}
const signOut = (server: TestServer, session: SessionHeaders | undefined) =>
  fetch(`${server.address}/session`, {
    method: 'DELETE',
    headers: { ...(session && sessionAt(server.address, session)) },
  });

/** Uses up what SQLite's log has room for without asking the disk. */
async function untilNothingIsTaken(server: TestServer, id: string): Promise<void> {
  await fill();
  let count = 0;
  await until(
    () => {
      count += 1;
      return does(server, 'updateProject', 'UpdateProjectInput', { id, prologue: `${count}`.padStart(16_000, '#') });
    },
    (isDone) => !isDone,
  );
}

describe('on a full disk', () => {
  it('what is said to be done is done, what is not leaves no trace, and all goes on once there is room', async () => {
    let server = await start();
    const add = (name: string) => does(server, 'addProject', 'AddProjectInput', { path: repository.path, name });
    expect(await add('kept')).toBe(true);
    expect(await add('removed')).toBe(true);
    const [kept, removed] = await projects(server);
    if (kept === undefined || removed === undefined) throw new Error('no projects');
    const sessions = await Promise.all([1, 2, 3].map(() => signIn(server.address, server.token)));
    const ended = await submitted(server, kept.id, 'true', ({ state }) => state === 'COMPLETED');
    const running = await submitted(server, kept.id, 'sleep 600', ({ state }) => state === 'RUNNING');
    await untilNothingIsTaken(server, kept.id);

    const before = await projects(server);
    const said = {
      add: await add('added'),
      rename: await does(server, 'updateProject', 'UpdateProjectInput', { id: kept.id, name: 'renamed' }),
      remove: await does(server, 'removeProject', 'RemoveProjectInput', { id: removed.id }),
      submit: await does(server, 'submitJob', 'SubmitJobInput', {
        projectId: kept.id,
        cluster: 'alpha',
        command: 'true',
        idempotencyKey: 'one',
      }),
      archive: await does(server, 'archiveJobs', 'ArchiveJobsInput', { ids: [ended] }),
      cancel: await does(server, 'cancelJob', 'CancelJobInput', { id: running }),
      signOut: (await signOut(server, sessions[0])).status === 204,
      // Once more: what couldn't be written down before can't be now.
      again: (await signOut(server, sessions[0])).status === 204,
    };
    expect(Object.values(said)).toContain(false);
    // For this server it is over in any case.
    expect(await isSignedIn(server, sessions[0])).toBe(false);
    expect(await isSignedIn(server, sessions[1])).toBe(true);
    const now = await projects(server);

    await server.stop('SIGKILL');
    await free();
    server = await start();
    expect(await projects(server)).toEqual(now);
    const names = now.map(({ name }) => name).sort();
    expect(names.includes('added')).toBe(said.add);
    expect(names.includes('renamed')).toBe(said.rename);
    expect(names.includes('removed')).toBe(!said.remove);
    if (!said.add && !said.rename && !said.remove) expect(now).toEqual(before);
    const { jobs } = await server.query<{ jobs: { totalCount: number } }>(
      '{ jobs(filter: { isArchived: null }) { totalCount } }',
    );
    expect(jobs.totalCount).toBe(said.submit ? 3 : 2);
    expect((await job(server, ended)).isArchived).toBe(said.archive);
    if (said.cancel) expect((await job(server, running)).state).toMatch(/^CANCELL/);
    await does(server, 'cancelJob', 'CancelJobInput', { id: running });
    expect(await isSignedIn(server, sessions[0])).toBe(!said.signOut && !said.again);

    // And without a restart, too.
    await untilNothingIsTaken(server, kept.id);
    expect((await signOut(server, sessions[1])).status).toBe(500);
    await free();
    expect(await add('later')).toBe(true);
    expect((await signOut(server, sessions[1])).status).toBe(204);
    await server.stop('SIGKILL');
    server = await start();
    expect(await isSignedIn(server, sessions[1])).toBe(false);
    expect(await isSignedIn(server, sessions[2])).toBe(true);
    expect((await projects(server)).map(({ name }) => name)).toContain('later');
    await server.stop();
  });

  it('the first start says so in one line, and leaves nothing that the next one stumbles over', async () => {
    await writeFile(join(directory, 'clusters.yaml'), 'clusters: {}\n');
    await fill();
    const server = new ServerProcess(directory, {});
    expect(await server.exited()).toBe(1);
    expect(server.errors).toMatch(/^\S+: can't be .*\n$/);
    await free();
    const next = new ServerProcess(directory, {});
    expect(await next.firstLine()).toMatch(/^SlurmQL listening/);
    expect(await next.stop('SIGTERM')).toBe(0);
  });

  it('a later start says so in one line, or serves what there is', async () => {
    const first = await start();
    await does(first, 'addProject', 'AddProjectInput', { path: repository.path, name: 'kept' });
    await first.stop('SIGKILL');
    await fill();
    const server = new ServerProcess(directory, {});
    const line = await server.firstLine();
    if (line === '') expect(server.errors).toMatch(/^\S+: can't be .*\n$/);
    expect(await server.stop('SIGTERM')).toBe(line === '' ? 1 : 0);
    await free();
    const next = await start();
    expect(await projects(next)).toMatchObject([{ name: 'kept' }]);
    await next.stop();
  });
});
