import { setTimeout as pause } from 'node:timers/promises';
import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { Payload } from './support/payload.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

let slurm: LocalSlurm;
let login: ClusterLogin;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [
      {
        ...SMALL,
        name: 'alpha',
        // How long sbatch waits for a controller that hangs.
        slurmConf: ['MessageTimeout=3'],
      },
    ],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
});

afterAll(() => stack.disposeAsync());

/** A server that reaches the cluster through a network of its own. */
async function openBench(): Promise<{ bench: Workbench; proxy: TcpProxy; close(): Promise<void> }> {
  const cluster = slurm.cluster('alpha');
  const proxy = await TcpProxy.start(cluster);
  const knownHosts = `${slurm.scratch}/known_hosts.${proxy.port}`;
  await login.knownHostsFor(proxy.port, knownHosts);
  const bench = await Workbench.open(
    slurm.clustersYaml({ port: proxy.port, known_hosts: knownHosts, poll_interval_seconds: 1 }),
  );
  return {
    bench,
    proxy,
    close: async () => {
      await bench[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** Sends a submission of which the answer may never come. */
function send(bench: Workbench, payload: Payload): Promise<unknown> {
  return bench.submit(payload.input).catch(() => null);
}

describe.concurrent('a payload runs once, and one row tells of it', () => {
  const cuts = {
    'before sbatch': 'touch "$HOME/at.$name"; sleep 2; exec "$real" "$@"',
    'while sbatch waits for its answer':
      '"$real" "$@" >"$HOME/id.$name"; touch "$HOME/at.$name"; sleep 2; cat "$HOME/id.$name"',
    'as sbatch has answered': '"$real" "$@"; touch "$HOME/at.$name"',
  };
  const payloads = Object.keys(cuts).map((when, index) => [when, new Payload(`cut-${index}`)] as const);
  let wrapper: AsyncDisposable;

  beforeAll(async () => {
    const scripts = Object.values(cuts);
    const cases = payloads.map(([, { name }], index) => `*"--job-name=${name} "*) name=${name}; ${scripts[index]};;`);
    wrapper = await login.wrap('sbatch', `case "$*" in\n${cases.join('\n')}\n*) exec "$real" "$@";;\nesac`);
  });
  afterAll(() => wrapper?.[Symbol.asyncDispose]());

  // Each in a server of its own: one that loses its connection again and again waits longer each time.
  it.each(payloads)('when the connection is cut %s', async (_when, payload) => {
    const { bench, proxy, close } = await openBench();
    try {
      const sent = send(bench, payload);
      await until(
        () => login.run(`ls "at.${payload.name}" 2>/dev/null || :`),
        (found) => found !== '',
      );
      proxy.cut();
      await sent;
      await payload.ranOnce(bench, login, slurm);
    } finally {
      await close();
    }
  });

  it('when the connection is cut at any moment of the way to sbatch', async () => {
    const delays = [5, 20, 40, 60, 90, 130];
    await Promise.all(
      delays.map(async (delay) => {
        const payload = new Payload(`cut-after-${String(delay).padStart(3, '0')}`);
        const { bench, proxy, close } = await openBench();
        try {
          const sent = send(bench, payload);
          await pause(delay);
          proxy.cut();
          await sent;
          // Cut early enough, it was refused: sending it again is the same request in any case.
          await bench.online();
          await bench.submit(payload.input);
          await payload.ranOnce(bench, login, slurm);
        } finally {
          await close();
        }
      }),
    );
  });

  it('when the server is killed at any moment and started again', async () => {
    const { bench, close } = await openBench();
    try {
      const delays = [0, 10, 20, 30, 45, 60, 80, 100, 130, 160, 200, 300];
      const payloads = delays.map((delay) => new Payload(`kill-after-${String(delay).padStart(3, '0')}`));
      for (const [index, payload] of payloads.entries()) {
        const sent = send(bench, payload);
        await pause(delays[index] ?? 0);
        await bench.restart('SIGKILL');
        await sent;
      }
      await bench.online();
      // Whoever got no answer sends the request again; whoever got one and sends it again gets the same job.
      for (const payload of payloads) await bench.submit(payload.input);
      for (const payload of payloads) await payload.ranOnce(bench, login, slurm);
    } finally {
      await close();
    }
  });
});

describe('on one server, a payload runs once', () => {
  let bench: Workbench;
  let closeBench: () => Promise<void>;

  beforeAll(async () => {
    ({ bench, close: closeBench } = await openBench());
  });
  afterAll(() => closeBench?.());

  it('when the request is sent several times at once, and again after a restart', async () => {
    const payload = new Payload('twice');
    const jobs = await Promise.all([1, 2, 3, 4].map(() => bench.submit(payload.input)));
    await bench.restart();
    await bench.online();
    jobs.push(await bench.submit(payload.input));
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    await payload.ranOnce(bench, login, slurm);
    expect((await bench.submit(payload.input)).id).toBe(jobs[0]?.id);
    await payload.ranOnce(bench, login, slurm);
  });

  it('when slurmctld hangs while it is submitted, and takes the job after sbatch has given up', async () => {
    const payload = new Payload('frozen');
    await slurm.signalDaemon('alpha/slurmctld', 'SIGSTOP');
    try {
      const job = await bench.submit({ ...payload.input, waitSeconds: 5 });
      expect(job).toMatchObject({ state: 'SUBMITTING', slurmJobId: null });
    } finally {
      await slurm.signalDaemon('alpha/slurmctld', 'SIGCONT');
    }
    await payload.ranOnce(bench, login, slurm);
  });

  it('when slurmctld is down while it is submitted: Slurm gets it soon after it is back', async () => {
    const payload = new Payload('down');
    await slurm.stopDaemon('alpha/slurmctld');
    try {
      const job = await bench.submit({ ...payload.input, waitSeconds: 20 });
      expect(job).toMatchObject({ state: 'SUBMITTING', slurmJobId: null });
      expect(job.reason).toMatch(/contact slurm controller/);
    } finally {
      await slurm.startDaemon('alpha/slurmctld');
    }
    await payload.ranOnce(bench, login, slurm);
  });
});
