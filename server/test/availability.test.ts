import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { TestServer, until } from './support/server.ts';

interface Pool {
  readonly gpuType: string;
  readonly total: number;
  readonly allocated: number;
  readonly idle: number;
  readonly unavailable: number;
}
interface Availability {
  readonly fetchedAt: string;
  readonly ageSeconds: number;
  readonly isStale: boolean;
  readonly pools: readonly Pool[];
  readonly nodes: readonly {
    readonly node: string;
    readonly state: string;
    readonly reason: string | null;
    readonly partitions: readonly string[];
    readonly pools: readonly Pool[];
  }[];
}

const AVAILABILITY = `query ($cluster: String!, $maxAgeSeconds: Int) {
  gpuAvailability(cluster: $cluster, maxAgeSeconds: $maxAgeSeconds) {
    fetchedAt ageSeconds isStale pools { gpuType total allocated idle unavailable }
    nodes { node state reason partitions pools { gpuType total allocated idle unavailable } }
  }
}`;

let slurm: LocalSlurm;
let bench: Workbench;

beforeAll(async () => {
  slurm = await startLocalSlurm();
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1, gpu_cache_seconds: 3600 }));
});

afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
  await slurm?.stop();
});

async function availability(cluster: string, maxAgeSeconds?: number): Promise<Availability> {
  const variables = { cluster, ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }) };
  return (await bench.server.query<{ gpuAvailability: Availability }>(AVAILABILITY, variables)).gpuAvailability;
}

/** How often a server has asked the cluster for its nodes, or other things. What is only tried is counted apart. */
async function questions(cluster: string, wanted = 'inventory', server = bench.server): Promise<number> {
  const answer = await server.query<{
    cluster: { load: { hour: { commands: { kind: string; count: number }[] } } };
  }>('query ($name: String!) { cluster(name: $name) { load { hour { commands { kind count } } } } }', {
    name: cluster,
  });
  return answer.cluster.load.hour.commands.find(({ kind }) => kind === wanted)?.count ?? 0;
}

const health = async (server: TestServer) =>
  (
    await server.query<{ cluster: { status: string; statusMessage: string | null } }>(
      '{ cluster(name: "beta") { status statusMessage } }',
    )
  ).cluster;

it('many askers share one question, and its answer is kept', async () => {
  const before = await questions('beta');
  const answers = await Promise.all(Array.from({ length: 30 }, () => availability('beta')));
  answers.push(await availability('beta'));
  expect(new Set(answers.map(({ fetchedAt }) => fetchedAt)).size).toBe(1);
  expect(await questions('beta')).toBe(before + 1);
});

it('counts each GPU once, also of a node in two partitions, as allocated, idle or unavailable', async () => {
  const job = await bench.submit({ command: 'sleep 300', gpus: 3, gpuType: 'a100' });
  const { nodeList } = await bench.reaches(job.id, 'RUNNING');
  const other = nodeList === 'gpu01' ? 'gpu02' : 'gpu01';
  await slurm.run('alpha', 'scontrol', ['update', `NodeName=${other}`, 'State=DRAIN', 'Reason=fan is broken']);
  const alpha = await availability('alpha', 0);
  expect(alpha.pools).toEqual([
    { gpuType: 'a100', total: 8, allocated: 3, idle: 1, unavailable: 4 },
    { gpuType: 'h100', total: 2, allocated: 0, idle: 2, unavailable: 0 },
  ]);
  expect(alpha.nodes.find(({ node }) => node === other)).toMatchObject({
    reason: 'fan is broken',
    partitions: ['gpu'],
  });
  const beta = await availability('beta');
  expect(beta.pools).toEqual([{ gpuType: 'rtx4090', total: 6, allocated: 0, idle: 6, unavailable: 0 }]);
  expect(beta.nodes.find(({ node }) => node === 'rtx02')?.partitions).toEqual(['gpu', 'debug']);
  await slurm.run('alpha', 'scontrol', ['update', `NodeName=${other}`, 'State=RESUME']);
  await bench.cancel(job.id);
  await bench.ended(job.id);
});

it('partitions tell what their nodes hold', async () => {
  const { partitions } = await bench.server.query<{ partitions: unknown }>(
    `{ partitions(cluster: "beta") { name isDefault state timeLimitSeconds nodeCount cpus { total idle } gpus { gpuType total } } }`,
  );
  expect(partitions).toEqual([
    {
      name: 'gpu',
      isDefault: true,
      state: 'UP',
      timeLimitSeconds: 86_400,
      nodeCount: 2,
      cpus: { total: 48, idle: 48 },
      gpus: [{ gpuType: 'rtx4090', total: 6 }],
    },
    {
      name: 'debug',
      isDefault: false,
      state: 'UP',
      timeLimitSeconds: 1800,
      nodeCount: 1,
      cpus: { total: 24, idle: 24 },
      gpus: [{ gpuType: 'rtx4090', total: 2 }],
    },
  ]);
});

it('an unknown cluster is an error that names those there are', async () => {
  const { data, errors } = await bench.server.send('{ partitions(cluster: "gamma") { name } }');
  expect(data).toEqual({ partitions: null });
  expect(errors?.[0]).toMatchObject({
    extensions: { code: 'NOT_FOUND' },
    message: expect.stringContaining('alpha, beta'),
  });
});

it('when Slurm no longer answers, what was known is served as stale, and heals by itself', async () => {
  const fresh = await availability('beta');
  await slurm.stopDaemon('beta/slurmctld');
  const stale = await until(
    () => availability('beta', 0),
    ({ isStale }) => isStale,
  );
  expect(stale.fetchedAt).toBe(fresh.fetchedAt);
  await slurm.startDaemon('beta/slurmctld');
  const healed = await until(
    () => availability('beta', 0),
    ({ isStale }) => !isStale,
  );
  expect(Date.parse(healed.fetchedAt)).toBeGreaterThan(Date.parse(fresh.fetchedAt));
});

it('allowed partitions are answered with no SSH at all', async () => {
  await using server = await TestServer.start(
    'clusters:\n  nowhere:\n    host: nowhere.invalid\n    allowed_partitions: [long, short]\n',
  );
  const { partitions } = await server.query<{ partitions: unknown }>(
    '{ partitions(cluster: "nowhere") { name isDefault state nodeCount gpus { total } } }',
  );
  const unasked = { isDefault: false, state: null, nodeCount: null, gpus: null };
  expect(partitions).toEqual([
    { name: 'long', ...unasked },
    { name: 'short', ...unasked },
  ]);
  const { data, errors } = await server.send('{ gpuAvailability(cluster: "nowhere") { fetchedAt } }');
  expect(data).toEqual({ gpuAvailability: null });
  expect(errors?.[0]?.extensions?.['code']).toBe('CLUSTER_UNAVAILABLE');
});

it('a controller that is away changes no state of a job, and its return shows what became of it', async () => {
  const job = await bench.submit({ cluster: 'beta', command: 'sleep 4; exit 5' });
  await bench.reaches(job.id, 'RUNNING');
  await slurm.stopDaemon('beta/slurmctld');
  const cluster = () =>
    bench.server.query<{ cluster: { status: string; statusMessage: string | null } }>(
      '{ cluster(name: "beta") { status statusMessage } }',
    );
  await until(cluster, (answer) => answer.cluster.status === 'DEGRADED');
  expect((await bench.job(job.id)).state).toBe('RUNNING');
  // The living cluster is as quick as ever.
  expect(await bench.ended((await bench.submit({ cluster: 'alpha', command: 'true' })).id)).toMatchObject({
    exitCode: 0,
  });
  await slurm.startDaemon('beta/slurmctld');
  expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 5 });
  await until(cluster, (answer) => answer.cluster.status === 'ONLINE');
});

it('a login node that is away is told of, and comes back by itself', async () => {
  const told: string[] = [];
  const listening = (async () => {
    const subscription = 'subscription { clusterStatus(name: "beta") { name status statusMessage } }';
    for await (const { clusterStatus } of bench.server.subscribe<{ clusterStatus: { status: string } }>(subscription)) {
      if (told.at(-1) !== clusterStatus.status) told.push(clusterStatus.status);
      if (told.includes('UNREACHABLE') && clusterStatus.status === 'ONLINE') return;
    }
  })();
  await until(
    async () => told,
    (statuses) => statuses.includes('ONLINE'),
  );
  await slurm.stopDaemon('beta/sshd');
  const status = () =>
    bench.server.query<{ cluster: { status: string; statusMessage: string | null } }>(
      '{ cluster(name: "beta") { status statusMessage } }',
    );
  const away = await until(status, ({ cluster }) => cluster.status === 'UNREACHABLE');
  expect(away.cluster.statusMessage).toMatch(/127\.0\.0\.1/);
  const { submitJob } = await bench.server.query<{ submitJob: { userErrors: { code: string; path: string[] }[] } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { userErrors { code path } } }',
    { input: { projectId: bench.projectId, cluster: 'beta', command: 'true' } },
  );
  expect(submitJob.userErrors).toEqual([{ code: 'CLUSTER_UNAVAILABLE', path: ['input', 'cluster'] }]);
  await slurm.startDaemon('beta/sshd');
  await bench.server.query('mutation { connectCluster(input: { name: "beta" }) { userErrors { message } } }');
  await until(status, ({ cluster }) => cluster.status === 'ONLINE');
  await listening;
  expect(told[0]).toBe('ONLINE');
});

it('nobody looks for the controller of a login without a Slurm to use, which is asked again and heals', async () => {
  const login = await ClusterLogin.open(slurm.cluster('beta'));
  await using servers = new AsyncDisposableStack();
  const started: TestServer[] = [];
  for (const [script, said] of [
    ['exit 127', '"sbatch --version" fails'],
    ['echo "Usage: sbatch FILE"; exit 2', 'Usage: sbatch FILE'],
    ['echo "Permission denied"; exit 126', 'Permission denied'],
    ['echo "sbatch: error while loading shared libraries"; exit 127', 'shared libraries'],
    ['echo "slurm 19.05.8"', 'this cluster runs Slurm 19.05.8'],
  ] as const) {
    await using _wrapped = await login.wrap('sbatch', script);
    const server = servers.use(await TestServer.start(slurm.clustersYaml({ poll_interval_seconds: 1 })));
    started.push(server);
    await until(
      () => health(server),
      ({ statusMessage }) => statusMessage?.includes(said) === true,
    );
  }
  for (const server of started) {
    await until(
      () => health(server),
      ({ status }) => status === 'ONLINE',
    );
    expect(await questions('beta', 'probe', server)).toBeGreaterThan(1);
    expect(await questions('beta', 'ping', server)).toBe(0);
  }
  await login.run('rm .bashrc');
});
