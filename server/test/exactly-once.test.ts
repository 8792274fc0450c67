import { setTimeout as pause } from 'node:timers/promises';
import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { Payload } from './support/payload.ts';
import { until } from './support/server.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

let slurm: LocalSlurm;
let login: ClusterLogin;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [
      {
        name: 'alpha',
        nodes: [{ name: 'n1', cpus: 64, memoryMb: 512_000 }],
        partitions: [{ name: 'main', nodes: ['n1'] }],
        accounting: false,
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

/** Starting a dozen servers takes its time on a busy machine. */
const SEVERAL_SERVERS = { timeout: 240_000 };

/** Sends a submission of which the answer may never come. */
function send(bench: Workbench, payload: Payload): Promise<unknown> {
  return bench.submit(payload.input).catch(() => null);
}

describe('a payload runs once, and one row tells of it', () => {
  // Each in a server of its own: one that loses its connection again and again waits longer each time.
  it.each([
    ['before sbatch', 'touch "$HOME/at.$name"; sleep 2; exec "$real" "$@"'],
    [
      'while sbatch waits for its answer',
      '"$real" "$@" >"$HOME/id.$name"; touch "$HOME/at.$name"; sleep 2; cat "$HOME/id.$name"',
    ],
    ['as sbatch has answered', '"$real" "$@"; touch "$HOME/at.$name"'],
  ])('when the connection is cut %s', async (_when, script) => {
    const payload = new Payload(`cut-${crypto.randomUUID().slice(0, 8)}`);
    const { bench, proxy, close } = await openBench();
    try {
      await using _wrapper = await login.wrap('sbatch', `name=${payload.name}\n${script}`);
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

  it('when the connection is cut at any moment of the way to sbatch', SEVERAL_SERVERS, async () => {
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

  it('when the server is killed at any moment and started again', SEVERAL_SERVERS, async () => {
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

  describe('when sbatch', () => {
    const accidents = {
      'is killed before it asked Slurm': 'once $name && kill -9 $$; exec "$real" "$@"',
      'is killed after it asked Slurm': '"$real" "$@" >/dev/null; kill -9 $$',
      'says nothing though it has submitted': '"$real" "$@" >/dev/null',
      'fails without a word though it has submitted': '"$real" "$@" >/dev/null; exit 1',
      'gets no answer though it has submitted':
        '"$real" "$@" >/dev/null; echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1',
      'dies with the shell that started it, after it has submitted': '"$real" "$@" >/dev/null; kill -9 $PPID $$',
      'dies with the shell that started it, before it has submitted':
        'once $name && kill -9 $PPID $$; exec "$real" "$@"',
      'says more than a number': 'echo "Welcome to alpha"; echo 99; "$real" "$@"; echo "Thank you"; echo "be nice" >&2',
      'takes its time': 'sleep 3; exec "$real" "$@"',
    };
    const names = Object.keys(accidents) as (keyof typeof accidents)[];
    const payloads = new Map(names.map((name, index) => [name, new Payload(`sbatch-${index}`)]));
    let wrapper: AsyncDisposable;

    beforeAll(async () => {
      const cases = names.map((name) => {
        const payload = payloads.get(name)?.name;
        return `*--job-name=${payload}.*) name=${payload}; ${accidents[name]};;`;
      });
      wrapper = await login.wrap('sbatch', `case "$*" in\n${cases.join('\n')}\n*) exec "$real" "$@";;\nesac`);
      // All at once: those that were really lost take a minute to be sure of it.
      await Promise.all([...payloads.values()].map(({ input }) => bench.submit({ ...input, waitSeconds: 0 })));
    });
    afterAll(() => wrapper?.[Symbol.asyncDispose]());

    it.each(names)('%s', { timeout: 150_000 }, async (name) => {
      await payloads.get(name)?.ranOnce(bench, login, slurm);
    });
  });
});

describe('where sbatch has submitted twice', () => {
  // The wrapper stands in the job's folder.
  const claimed = (task: string) => `until [ -L run/${task}.claim ]; do sleep 0.1; done`;
  const orders = {
    'and tells the first one, which works': `a=$("$real" "$@"); ${claimed('job')}; "$real" "$@" >/dev/null; echo "$a"`,
    'and tells the second one, which finds the folder taken': `"$real" "$@" >/dev/null; ${claimed('job')}; "$real" "$@"`,
    'and tells the one that works, while the other is held': 'a=$("$real" "$@"); "$real" --hold "$@" >&2; echo "$a"',
    'and tells the one that is held, while the other works': '"$real" "$@" >/dev/null; exec "$real" --hold "$@"',
  };
  const names = Object.keys(orders) as (keyof typeof orders)[];
  const payloads = new Map(names.map((name, index) => [name, new Payload(`double-${index}`)]));
  const array = new Payload('double-array', {
    input: {
      array: '0-1',
      command: 'echo "$SLURM_ARRAY_JOB_ID"_"$SLURM_ARRAY_TASK_ID" >>"$HOME/runs.double-array"; exit 3',
    },
  });
  let bench: Workbench;
  const own = new AsyncDisposableStack();

  beforeAll(async () => {
    const opened = await openBench();
    own.defer(() => opened.close());
    bench = opened.bench;
    const cases = names.map((name) => `*--job-name=${payloads.get(name)?.name}.*) ${orders[name]};;`);
    cases.push(`*--job-name=double-array.*) "$real" "$@" >/dev/null; ${claimed('1')}; exec "$real" "$@";;`);
    own.use(await login.wrap('sbatch', `case "$*" in\n${cases.join('\n')}\n*) exec "$real" "$@";;\nesac`));
  });
  afterAll(() => own.disposeAsync());

  /** The states of all that Slurm holds under the payload's name, by number. */
  async function inSlurm(payload: Payload): Promise<ReadonlyMap<string, string>> {
    const rows = await slurm.run('alpha', 'squeue', ['--noheader', '--array', '--states=all', '--format=%i %T %j']);
    return new Map(
      rows.split('\n').flatMap((row) => {
        const [id = '', state = '', name] = row.trim().split(/\s+/);
        return name?.startsWith(`${payload.name}.`) ? [[id, state] as const] : [];
      }),
    );
  }

  async function nothingIsLeft(payload: Payload, count: number): Promise<void> {
    const left = await until(
      () => inSlurm(payload),
      (states) => [...states.values()].every((state) => state === 'FAILED' || state === 'CANCELLED'),
    );
    expect(left.size).toBe(count);
  }

  it.each(names)('%s, the row is that of the one that works, and nothing is left of the other', async (name) => {
    const payload = payloads.get(name);
    if (payload === undefined) throw new Error('no payload');
    const { id } = await bench.submit(payload.input);
    const states = await bench.statesUntilEnd(id);
    expect(states.map(({ state }) => state)).not.toContain('COMPLETED');
    const end = states.at(-1);
    expect(end).toMatchObject({ state: 'FAILED', exitCode: 3 });
    expect(await payload.runs(login)).toEqual([end?.slurmJobId]);
    await nothingIsLeft(payload, 2);
  });

  it('each task of an array is that of the one that works', async () => {
    const { id } = await bench.submit(array.input);
    expect(await bench.ended(id)).toMatchObject({ state: 'FAILED', exitCode: 3 });
    const { job } = await bench.server.query<{ job: { tasks: { nodes: { slurmJobId: string; exitCode: number }[] } } }>(
      'query ($id: ID!) { job(id: $id) { tasks(first: 5) { nodes { slurmJobId exitCode } } } }',
      { id },
    );
    expect(job.tasks.nodes.map(({ exitCode }) => exitCode)).toEqual([3, 3]);
    const numbers = job.tasks.nodes.map(({ slurmJobId }) => slurmJobId);
    expect((await array.runs(login)).toSorted()).toEqual(numbers.toSorted());
    await nothingIsLeft(array, 4);
  });
});
