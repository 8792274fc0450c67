import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth, type HealthData } from './support/cluster-health.ts';
import { ClusterLogin } from './support/cluster-login.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';

let slurm: LocalSlurm;
let bench: Workbench;
let alpha: ClusterLogin;
let beta: ClusterLogin;
/** Their rows are what is damaged; the last one waits. */
let jobs: readonly JobData[];
let states: readonly Promise<readonly JobData[]>[];
/** On the cluster whose squeue hangs. */
let waiting: JobData;
let toldOfHang: Promise<readonly HealthData[]>;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [
      { ...SMALL, name: 'alpha', accounting: true },
      { ...SMALL, name: 'beta', account: { home: 'home-beta' } },
    ],
  });
  stack.defer(() => slurm.stop());
  alpha = await ClusterLogin.open(slurm.cluster('alpha'));
  beta = await ClusterLogin.open(slurm.cluster('beta'));
  bench = stack.use(await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 })));
  jobs = await Promise.all(
    [{}, {}, { extraOptions: ['--hold'] }].map((input) => bench.submit({ command: 'sleep 900', ...input })),
  );
  waiting = await bench.submit({ cluster: 'beta', command: 'sleep 900' });
  states = jobs.map(({ id }) => bench.statesUntilEnd(id));
  await Promise.all([...jobs.slice(0, 2), waiting].map(({ id }) => bench.reaches(id, 'RUNNING')));
  await bench.reaches(jobs[2]?.id ?? '', 'HELD');
  stack.use(await beta.wrap('squeue', 'once hang && exec sleep 800; exec "$real" "$@"'));
  let isDegraded = false;
  toldOfHang = healthOf('beta').toldUntil(({ status }) => {
    isDegraded ||= status === 'DEGRADED';
    return isDegraded && status === 'ONLINE';
  });
  toldOfHang.catch(() => undefined);
});
afterAll(() => stack.disposeAsync());

const healthOf = (name: string) => new ClusterHealth(() => bench.server, name);
const statesNow = () => Promise.all(jobs.map(async ({ id }) => (await bench.job(id)).state));

/** Resolves after so many more looks that were answered whole. */
async function looks(count: number): Promise<void> {
  for (let seen = ''; count >= 0; count -= 1) {
    const { cluster } = await until(
      () => bench.server.query<{ cluster: { lastPolledAt: string } }>('{ cluster(name: "alpha") { lastPolledAt } }'),
      ({ cluster: { lastPolledAt } }) => lastPolledAt !== seen,
    );
    seen = cluster.lastPolledAt;
  }
}

describe('the answer of squeue is whole or nothing: no job changes its state, it is told, and it heals,', () => {
  it.each([
    [
      'when it ends in the middle of a row, with exit code 0',
      '"$real" "$@" >"$HOME/whole"; head -c $(($(wc -c <"$HOME/whole") / 2)) "$HOME/whole"',
      'the answer of squeue ends in the middle of a row',
    ],
    [
      'when it is killed halfway',
      '"$real" "$@" | head -c 100; kill -9 $$',
      /the answer to "queue" ended with exit code 137|Killed/,
    ],
    [
      'when it fails after half of the rows',
      '"$real" "$@" | head -n 1; exit 1',
      'the answer to "queue" ended with exit code 1',
    ],
    [
      'when it is empty and an error came with exit code 0',
      'echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2',
      'Unable to contact slurm controller',
    ],
    ['when rows have a field too many', `"$real" "$@" | sed 's/\\x1f/\\x1f\\x1f/3'`, "rows that can't be read"],
    ['when rows have a field too few', `"$real" "$@" | sed 's/\\x1f//3'`, "rows that can't be read"],
    ['when the last field of rows is missing', `"$real" "$@" | sed 's/\\x1d[^\\x1d]*\\x1e/\\x1e/'`, "can't be read"],
    [
      'when noise stands before, between and behind its rows',
      `echo noise; "$real" "$@" | sed 'a more noise'; echo the end`,
      "prints what isn't its own",
    ],
    [
      'when a banner imitates its rows, with other states',
      `"$real" "$@" | sed 's/RUNNING/COMPLETED/; s/PENDING/FAILED/'; "$real" "$@"`,
      "prints what isn't its own",
    ],
    ['when it never ends', `yes "$("$real" "$@")"`, 'printed more than 67108864 bytes'],
  ] as const)('%s', async (_when, script, said) => {
    const before = await statesNow();
    {
      await using _wrapper = await alpha.wrap('squeue', script);
      const { statusMessage } = await healthOf('alpha').reaches('DEGRADED');
      expect(statusMessage).toMatch(said);
      expect(statusMessage).toContain('The states shown are the last ones known, and it is asked again by itself');
      expect(await statesNow()).toEqual(before);
    }
    expect(await healthOf('alpha').reaches('ONLINE')).toMatchObject({ statusMessage: null });
    expect(await statesNow()).toEqual(before);
    expect(before).toEqual(['RUNNING', 'RUNNING', 'HELD']);
  });

  it('and a job that ends meanwhile is told right afterwards', async () => {
    const job = await bench.submit({ command: 'while [ ! -e "$HOME/go" ]; do sleep 0.2; done; exit 7' });
    await bench.reaches(job.id, 'RUNNING');
    {
      await using _wrapper = await alpha.wrap('squeue', '"$real" "$@" | head -c 300');
      await healthOf('alpha').reaches('DEGRADED');
      await alpha.run('touch go');
      await until(
        () => slurm.run('alpha', 'squeue', ['-h', '-t', 'all', '-j', `${job.slurmJobId}`, '-o', '%T']),
        (word) => word.trim() === 'FAILED',
      );
      expect((await bench.job(job.id)).state).toBe('RUNNING');
    }
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 7 });
  });
});

describe('jobs that squeue does not show at all', () => {
  it('keep their states for as long as the accounting says that they go on', async () => {
    await using _wrapper = await alpha.wrap('squeue', ':');
    await looks(6);
    expect(await statesNow()).toEqual(['RUNNING', 'RUNNING', 'HELD']);
  });

  // Else the accounting, which was asked a moment ago, would not be asked again for half a minute.
  afterEach(() => looks(1));

  it.each([
    ['ends in the middle of a row', '"$real" "$@" | head -c -4', 'in the middle of a row'],
    [
      'is empty and an error came with exit code 0',
      'echo "sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection: Connection refused" >&2',
      'Connection refused',
    ],
    ['fails after half of its rows', '"$real" "$@" | head -n 1; exit 1', 'gave no whole answer'],
  ])('keep their states while the answer of sacct %s, and it is told until it heals', async (_how, script, said) => {
    {
      await using _squeue = await alpha.wrap('squeue', ':');
      await using _sacct = await alpha.wrap('sacct', script);
      const { statusMessage } = await healthOf('alpha').reaches('DEGRADED');
      expect(statusMessage).toMatch(said);
      expect(statusMessage).toContain("Slurm's accounting can't be read");
      expect(await statesNow()).toEqual(['RUNNING', 'RUNNING', 'HELD']);
    }
    await healthOf('alpha').reaches('ONLINE');
  });
});

it('through all of this, no subscriber was told of another state', async () => {
  await Promise.all(jobs.map(({ id }) => bench.cancel(id)));
  const told = (await Promise.all(states)).map((all) => [...new Set(all.map(({ state }) => state))]);
  const right = ['SUBMITTING', 'PENDING', 'CONFIGURING', 'RUNNING', 'HELD', 'CANCELLING', 'COMPLETING', 'CANCELLED'];
  expect(told.flat().filter((state) => !right.includes(state))).toEqual([]);
  expect(told.map((all) => all.at(-1))).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED']);
});

it('a squeue that hangs is ended at its deadline and leaves nothing behind; it is told, and it heals', async () => {
  const told = await toldOfHang;
  const { statusMessage } = told.find(({ status }) => status === 'DEGRADED') ?? {};
  expect(statusMessage).toContain('the deadline of 60000 ms passed');
  expect(told.at(-1)).toMatchObject({ status: 'ONLINE', statusMessage: null });
  expect(await beta.run('ps -ww -o args= -u "$(id -u)"')).not.toMatch(/^sleep 800$/m);
  expect((await bench.job(waiting.id)).state).toBe('RUNNING');
  await bench.cancel(waiting.id);
  const right = ['RUNNING', 'CANCELLING', 'COMPLETING', 'CANCELLED'];
  const states = (await bench.statesUntilEnd(waiting.id)).map(({ state }) => state);
  expect(states.filter((state) => !right.includes(state))).toEqual([]);
  expect(states.at(-1)).toBe('CANCELLED');
});
