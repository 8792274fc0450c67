import { expect, inject, it } from 'vitest';
import { Workbench } from './support/jobs.ts';
import { TestServer, until } from './support/server.ts';

interface Step {
  readonly name: string;
  readonly status: string;
  readonly found: string;
  readonly advice: string | null;
}

const TEST = `mutation ($name: String!) { testCluster(input: { name: $name }) {
  cluster { name status } steps { name status found advice seconds } userErrors { code message }
} }`;
const LOAD = '{ cluster(name: "alpha") { load { hour { logins seconds commands { kind count } } day { logins } } } }';

async function test(server: TestServer, name: string): Promise<readonly Step[]> {
  return (await server.query<{ testCluster: { steps: Step[] } }>(TEST, { name })).testCluster.steps;
}

async function load(server: TestServer): Promise<{ logins: number; counts: Map<string, number> }> {
  const { cluster } = await server.query<{
    cluster: { load: { hour: { logins: number; commands: { kind: string; count: number }[] } } };
  }>(LOAD);
  const { logins, commands } = cluster.load.hour;
  return { logins, counts: new Map(commands.map(({ kind, count }) => [kind, count])) };
}

it('what is asked of a cluster is counted by kind, and nothing is asked while no job is active', async () => {
  await using bench = await Workbench.open();
  const job = await bench.submit({ command: 'true' });
  await bench.ended(job.id);
  const { logins, counts } = await load(bench.server);
  expect(logins).toBe(1);
  // What there is, who may write to the workspace, the questions for the queue, the accounts and the nodes, and sbatch's
  // options, each once.
  expect(counts.get('probe')).toBe(6);
  expect(counts.get('submit')).toBeGreaterThanOrEqual(2);
  expect(counts.get('queue')).toBeGreaterThanOrEqual(1);
  expect(counts.get('files')).toBeGreaterThanOrEqual(3);
  const metrics = await fetch(`${bench.server.address}/metrics`, {
    headers: { authorization: `Bearer ${bench.server.token}` },
  });
  expect(await metrics.text()).toContain('slurmql_cluster_logins_total{cluster="alpha",outcome="accepted"} 1');
  // The poll interval of these tests is a second; the looks after an own action are over once two of them agree.
  const quiet = await until(
    async () => {
      const before = await load(bench.server);
      await new Promise((resolve) => setTimeout(resolve, 3000));
      return { before, after: await load(bench.server) };
    },
    ({ before, after }) => before.counts.get('queue') === after.counts.get('queue'),
  );
  // A look at the file of activity asks Slurm nothing.
  for (const { counts: seen } of [quiet.before, quiet.after]) seen.delete('files');
  expect(quiet.after).toEqual(quiet.before);
});

it('a test goes through every step over the connection that is there', async () => {
  await using bench = await Workbench.open();
  const steps = await test(bench.server, 'alpha');
  expect(steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
    ...['SETTINGS OK', 'REACH OK', 'HOST_KEY OK', 'LOGIN OK', 'SHELL OK', 'SLURM OK', 'QUEUE OK', 'ACCOUNTING OK'],
    ...['NODES OK', 'SFTP OK', 'GIT OK', 'WORKSPACE OK', 'SUBMIT OK'],
  ]);
  expect((await load(bench.server)).logins).toBe(1);
});

it("a test of a cluster that can't be reached names the step that failed and what to do", async () => {
  await using server = await TestServer.start(
    `${inject('clustersYaml')}  unnamed: { host: no-such-host.invalid, help: Start the VPN }\n` +
      '  refused: { host: 127.0.0.1, port: 1 }\n',
  );
  for (const [name, said] of [
    ['unnamed', /no such host name|name server gives no answer/],
    ['refused', /connection refused/],
  ] as const) {
    const steps = await test(server, name);
    expect(steps.map(({ status }) => status)).toEqual(['OK', 'FAILED', ...Array(11).fill('SKIPPED')]);
    expect(steps[1]).toMatchObject({ name: 'REACH', found: expect.stringMatching(said) });
    expect(steps[1]?.advice).toContain('in clusters.yaml');
  }
  expect((await test(server, 'unnamed'))[1]?.advice).toContain('Start the VPN');
});
