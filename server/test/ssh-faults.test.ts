import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKey, type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { TestServer } from './support/server.ts';
import { SMALL } from './support/slurm.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

let slurm: LocalSlurm;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [
      { ...SMALL, name: 'alpha', sshdConfig: ['LogLevel VERBOSE'] },
      { ...SMALL, name: 'beta' },
      { ...SMALL, name: 'single', sshdConfig: ['MaxSessions 1'] },
      { ...SMALL, name: 'double', sshdConfig: ['MaxSessions 2'] },
    ],
  });
  stack.defer(() => slurm.stop());
});
afterAll(() => stack.disposeAsync());

type Settings = Readonly<Record<string, string | number>>;

/** A clusters.yaml with these clusters alone, each with settings of its own. */
function yamlOf(clusters: Readonly<Record<string, Settings>>): string {
  const blocks = Object.entries(clusters).map(([name, settings]) => {
    const { host, port, user, identityFile, knownHosts } = slurm.cluster(name);
    const all = { host, port, user, identity_file: identityFile, known_hosts: knownHosts, poll_interval_seconds: 1 };
    const lines = Object.entries({ ...all, ...settings }).map(
      ([key, value]) => `    ${key}: ${JSON.stringify(value)}\n`,
    );
    return `  ${name}:\n${lines.join('')}`;
  });
  return `clusters:\n${blocks.join('')}`;
}

/** A network of its own to alpha, and the settings that lead through it. */
async function throughProxy(scenario: AsyncDisposableStack): Promise<{ proxy: TcpProxy; settings: Settings }> {
  const proxy = scenario.use(await TcpProxy.start(slurm.cluster('alpha')));
  const knownHosts = join(slurm.scratch, `known_hosts.${proxy.port}`);
  await (await ClusterLogin.open(slurm.cluster('alpha'))).knownHostsFor(proxy.port, knownHosts);
  return { proxy, settings: { port: proxy.port, known_hosts: knownHosts } };
}

const healthOf = (bench: Workbench, name: string) => new ClusterHealth(() => bench.server, name);

async function sshdLog(name: string): Promise<string> {
  return readFile(`${slurm.cluster(name).directory}/sshd/sshd.log`, 'utf8');
}

/** A job on beta goes through from its submission to its end. */
async function runsOnBeta(bench: Workbench): Promise<void> {
  const job = await bench.submit({ cluster: 'beta', command: 'bash hello.sh beta' });
  expect(await bench.ended(job.id)).toMatchObject({ state: 'COMPLETED' });
}

/** A server once it has reached beta, whatever becomes of alpha. */
async function serverWithDeadAlpha(settings: Settings): Promise<TestServer> {
  await using starting = new AsyncDisposableStack();
  const server = starting.use(await TestServer.start(yamlOf({ alpha: settings, beta: {} })));
  await new ClusterHealth(() => server, 'beta').reaches('ONLINE');
  starting.move();
  return server;
}

it('an sshd that is restarted: the connection comes back by itself, and jobs are told right', async () => {
  await using bench = await Workbench.open(yamlOf({ alpha: {}, beta: {} }));
  const short = await bench.submit({ command: 'sleep 3' });
  const long = await bench.submit({ command: 'sleep 300' });
  await bench.reaches(long.id, 'RUNNING');
  await slurm.stopDaemon('alpha/sshd');
  const { statusMessage } = await healthOf(bench, 'alpha').reaches('UNREACHABLE');
  expect(statusMessage).toMatch(/connection to .* was lost|connection refused, no SSH server listens there/);
  expect((await bench.job(long.id)).state).toBe('RUNNING');
  await runsOnBeta(bench);
  await slurm.startDaemon('alpha/sshd');
  await healthOf(bench, 'alpha').reaches('ONLINE');
  expect(await bench.ended(short.id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
  expect((await bench.job(long.id)).state).toBe('RUNNING');
  await bench.cancel(long.id);
  expect(await bench.ended(long.id)).toMatchObject({ state: 'CANCELLED' });
});

// A server each: what they do most is wait.
describe.concurrent('a server meets', () => {
  it('a half-open connection: it is noticed, no state is guessed, beta goes on, and it heals by itself', async () => {
    await using scenario = new AsyncDisposableStack();
    const { proxy, settings } = await throughProxy(scenario);
    await using bench = await Workbench.open(yamlOf({ alpha: settings, beta: {} }));
    const job = await bench.submit({ command: 'sleep 300' });
    await bench.reaches(job.id, 'RUNNING');
    const told = healthOf(bench, 'alpha').toldUntil(({ isStale }) => isStale);
    proxy.stall();
    await runsOnBeta(bench);
    // Long before the connection is given up.
    expect((await told).at(-1)).toMatchObject({ status: 'ONLINE', isStale: true });
    expect(await bench.job(job.id)).toMatchObject({ state: 'RUNNING', isStale: true });
    const away = await healthOf(bench, 'alpha').until(({ status }) => status !== 'ONLINE');
    expect(away.statusMessage).toMatch(/the connection to .* was lost: Keepalive timeout/);
    // The keepalive gives it up, and a new attempt comes no further.
    const { statusMessage } = await healthOf(bench, 'alpha').until(({ status }) => status === 'UNREACHABLE');
    expect(statusMessage).toContain('the deadline of 15000 ms passed');
    expect((await bench.job(job.id)).state).toBe('RUNNING');
    proxy.resume();
    await healthOf(bench, 'alpha').connect();
    await healthOf(bench, 'alpha').until(({ status, isStale }) => status === 'ONLINE' && !isStale);
    expect(await bench.job(job.id)).toMatchObject({ state: 'RUNNING', isStale: false });
    await bench.cancel(job.id);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'CANCELLED' });
  });

  it('a cluster that answers nothing: neither the start of the server nor beta waits for it', async () => {
    await using scenario = new AsyncDisposableStack();
    const { proxy, settings } = await throughProxy(scenario);
    proxy.stall();
    await using server = await serverWithDeadAlpha({ ...settings, help: 'Is the VPN up?' });
    const alpha = new ClusterHealth(() => server, 'alpha');
    expect((await alpha.now()).status).toBe('CONNECTING');
    const { statusMessage } = await alpha.reaches('UNREACHABLE');
    expect(statusMessage).toContain('the deadline of 15000 ms passed');
    expect(statusMessage).toContain('Is the VPN up?');
    proxy.resume();
    await alpha.reaches('ONLINE');
  });

  it('connections that are refused: told at once, and healed by itself', async () => {
    await using scenario = new AsyncDisposableStack();
    const { proxy, settings } = await throughProxy(scenario);
    proxy.refuse();
    await using server = await serverWithDeadAlpha(settings);
    const alpha = new ClusterHealth(() => server, 'alpha');
    const { statusMessage } = await alpha.reaches('UNREACHABLE');
    expect(statusMessage).toMatch(/can't be reached|broke off before the login/);
    proxy.resume();
    await alpha.reaches('ONLINE');
  });

  describe.each(['single', 'double'])('a login node that allows few sessions a connection (%s)', (cluster) => {
    it('lets jobs be submitted, polled and their logs followed, all at once', async () => {
      await using bench = await Workbench.open(yamlOf({ [cluster]: {} }));
      const names = ['one', 'two', 'three', 'four'];
      const jobs = await Promise.all(
        names.map((name) => bench.submit({ cluster, command: `for i in 1 2 3; do echo ${name} $i; sleep 1; done` })),
      );
      const logs = await Promise.all(jobs.map(({ id }) => bench.wholeLog(id)));
      expect(logs).toEqual(names.map((name) => [1, 2, 3].map((count) => `${name} ${count}\n`).join('')));
      for (const { id } of jobs) expect(await bench.ended(id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
      expect(await healthOf(bench, cluster).now()).toMatchObject({ status: 'ONLINE', statusMessage: null });
    });
  });
});

it('a host key that has changed: nothing is sent, it is told what to do, and mended it heals when a person asks', async () => {
  const alpha = slurm.cluster('alpha');
  const right = await readFile(alpha.knownHosts, 'utf8');
  const other = await createKey(join(slurm.scratch, 'another_host_key'));
  const path = join(slurm.scratch, 'known_hosts.changed');
  await writeFile(path, `[${alpha.host}]:${alpha.port} ${other}\n`);
  const before = await sshdLog('alpha');
  await using server = await serverWithDeadAlpha({ known_hosts: path });
  const health = new ClusterHealth(() => server, 'alpha');
  const { statusMessage, loginAsksPerson } = await health.reaches('AUTH_REQUIRED');
  expect(statusMessage).toContain('HAS CHANGED');
  expect(statusMessage).toContain(`${path}:1`);
  expect(statusMessage).toContain('Ask the administrators; only if they confirm the new key, replace that line');
  const key = Buffer.from(
    right
      .split('\n')
      .find((line) => line.includes(`:${alpha.port} `))
      ?.split(' ')[2] ?? '',
    'base64',
  );
  expect(statusMessage).toContain(createHash('sha256').update(key).digest('base64').replace(/=+$/, ''));
  expect(loginAsksPerson).toBe(false);
  // The server has connected once, and has not even told who it is.
  const news = (await sshdLog('alpha')).slice(before.length);
  expect(news.match(/^Connection from/gm)).toHaveLength(1);
  expect(news).not.toContain(alpha.user);

  await writeFile(path, right);
  await health.connect();
  await health.reaches('ONLINE');
});

it('a key that is refused: one attempt, and none after it until a person asks', async () => {
  const wrong = join(slurm.scratch, 'wrong_key');
  await createKey(wrong);
  const before = (await sshdLog('alpha')).length;
  await using server = await serverWithDeadAlpha({ identity_file: wrong });
  const alpha = new ClusterHealth(() => server, 'alpha');
  const { statusMessage } = await alpha.reaches('AUTH_REQUIRED');
  expect(statusMessage).toContain(`It was offered ${wrong} and accepts publickey`);
  expect(statusMessage).toContain('Nothing more is tried until you ask for it');
  // An attempt that was tried again by itself would have come by then: the first pause is 6 s at most.
  await new Promise((resolve) => setTimeout(resolve, 7_000));
  const attempts = async () => (await sshdLog('alpha')).slice(before).match(/^Failed publickey/gm)?.length;
  expect(await attempts()).toBe(1);
  expect((await alpha.now()).status).toBe('AUTH_REQUIRED');
  await alpha.connect();
  await expect.poll(attempts, { timeout: 60_000 }).toBe(2);
});
