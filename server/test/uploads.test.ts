import { randomBytes } from 'node:crypto';
import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { TestRepository } from './support/repository.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

const MIB = 1024 ** 2;
const LARGE_BYTES = 39 * MIB;
const LARGE_TEXT_BYTES = (LARGE_BYTES / 3) * 4;

let slurm: LocalSlurm;
let proxy: TcpProxy;
let bench: Workbench;
/** Of a project that takes a while to be sent. */
let largeProjectId: string;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [{ ...SMALL, name: 'alpha' }],
  });
  stack.defer(() => slurm.stop());
  const login = await ClusterLogin.open(slurm.cluster('alpha'));
  proxy = stack.use(await TcpProxy.start(slurm.cluster('alpha')));
  const knownHosts = `${slurm.scratch}/known_hosts`;
  await login.knownHostsFor(proxy.port, knownHosts);
  bench = stack.use(
    await Workbench.open(slurm.clustersYaml({ port: proxy.port, known_hosts: knownHosts, poll_interval_seconds: 1 })),
  );
  // What no compression makes smaller.
  const large = stack.use(await TestRepository.create({ 'model.txt': randomBytes(LARGE_BYTES).toString('base64') }));
  const { addProject } = await bench.server.query<{ addProject: { project: { id: string } } }>(
    'mutation ($path: String!) { addProject(input: { path: $path, name: "large" }) { project { id } } }',
    { path: large.path },
  );
  largeProjectId = addProject.project.id;
});

afterAll(() => stack.disposeAsync());

const submitLarge = (): Promise<JobData> =>
  bench.submit({ projectId: largeProjectId, command: 'wc -c model.txt', waitSeconds: 0 });
const statesOf = (jobs: readonly JobData[]) => Promise.all(jobs.map(async ({ id }) => (await bench.job(id)).state));

it('a small project waits for no large ones, which come one after the other, whole', async () => {
  // They would take minutes.
  proxy.limit(MIB / 4);
  const large = await Promise.all([submitLarge(), submitLarge(), submitLarge()]);
  await until(
    () => Promise.all(large.map(({ id }) => bench.job(id))),
    (jobs) => jobs.some(({ workDir }) => workDir !== null),
  );
  const small = [await bench.submit({ command: 'echo 1' }), await bench.submit({ command: 'echo 2' })];
  expect(await statesOf(large)).toEqual(['SUBMITTING', 'SUBMITTING', 'SUBMITTING']);
  expect(small.map(({ slurmJobId }) => slurmJobId)).toEqual([expect.any(String), expect.any(String)]);
  proxy.resume();
  for (const { id } of large) {
    expect(await bench.ended(id)).toMatchObject({ state: 'COMPLETED' });
    expect(await bench.wholeLog(id)).toBe(`${LARGE_TEXT_BYTES} model.txt\n`);
  }
});

it('a job that waits to be sent is cancelled at once, and one that is being sent is not handed to sbatch', async () => {
  proxy.limit(MIB / 4);
  const large = await Promise.all([submitLarge(), submitLarge()]);
  const [sent, waiting] = await until(
    async () => {
      const jobs = await Promise.all(large.map(({ id }) => bench.job(id)));
      return jobs.toSorted((one, other) => Number(one.workDir === null) - Number(other.workDir === null));
    },
    (jobs) => jobs[0]?.workDir !== null,
  );
  if (sent === undefined || waiting === undefined) throw new Error('there are two');
  expect((await bench.cancel(waiting.id)).job).toMatchObject({
    state: 'CANCELLED',
    slurmJobId: null,
    workDir: null,
    reason: 'Cancelled before it was sent',
  });
  expect((await bench.cancel(sent.id)).job).toMatchObject({ state: 'CANCELLING' });
  expect((await bench.submit({ command: 'echo small' })).slurmJobId).not.toBeNull();
  proxy.resume();
  expect(await bench.ended(sent.id)).toMatchObject({ state: 'CANCELLED', slurmJobId: null });
});
