import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { GitThatWaits } from './support/git-that-waits.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { type TestServer, until } from './support/server.ts';

interface ClusterData {
  readonly name: string;
  readonly status: string;
  readonly isConfigured: boolean;
}

const OPTIONS = { poll_interval_seconds: 1, gpu_cache_seconds: 5 };

let slurm: LocalSlurm;
let bench: Workbench;
let path: string;

let login: ClusterLogin;
let git: GitThatWaits;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm();
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
  git = stack.use(await GitThatWaits.install());
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  bench = await Workbench.open(slurm.clustersYaml(OPTIONS));
  path = join(bench.server.directory, 'clusters.yaml');
});
afterEach(() => bench?.[Symbol.asyncDispose]());

/** clusters.yaml with one of the clusters, or with further keys for it. */
function only(name: string, extra: Readonly<Record<string, string | number>> = {}): string {
  const blocks = slurm.clustersYaml({ ...OPTIONS, ...extra }).split(/^(?= {2}\w+:$)/m);
  return `clusters:\n${blocks.find((block) => block.startsWith(`  ${name}:`))}`;
}

async function clusters(server: TestServer = bench.server): Promise<readonly ClusterData[]> {
  return (await server.query<{ clusters: ClusterData[] }>('{ clusters { name status isConfigured } }')).clusters;
}

async function names(): Promise<string> {
  return (await clusters()).map(({ name }) => name).join(' ');
}

/** Writes clusters.yaml, and resolves once it is in force and every cluster in it is reached. */
async function reload(yaml: string): Promise<void> {
  const reloads = () => bench.server.errors.split('has changed and is in force').length;
  const before = reloads();
  await writeFile(path, yaml);
  await until(
    async () => reloads(),
    (count) => count > before,
  );
  await bench.online();
}

const fault = async () =>
  (await bench.server.query<{ configurationFault: string | null }>('{ configurationFault }')).configurationFault;

/** How many times the server has logged in to a cluster. */
async function logins(name: string): Promise<number> {
  const answer = await bench.server.query<{ cluster: { load: { day: { logins: number } } } }>(
    'query ($name: String!) { cluster(name: $name) { load { day { logins } } } }',
    { name },
  );
  return answer.cluster.load.day.logins;
}

async function readiness(): Promise<{ status: number; configuration: unknown }> {
  const response = await fetch(`${bench.server.address}/readyz`, {
    headers: { authorization: `Bearer ${bench.server.token}` },
  });
  const body = (await response.json()) as { checks: { configuration: unknown } };
  return { status: response.status, configuration: body.checks.configuration };
}

describe('clusters.yaml is read again while the server runs', () => {
  it('a cluster goes and comes back: subscribers are told, its job stays and is followed on, the other is left alone', async () => {
    const seen: ClusterData[] = [];
    const watching = (async () => {
      const subscription = 'subscription { clusterStatus { name status isConfigured } }';
      for await (const { clusterStatus } of bench.server.subscribe<{ clusterStatus: ClusterData }>(subscription)) {
        seen.push(clusterStatus);
      }
    })();
    watching.catch(() => undefined);
    const job = await bench.submit({ cluster: 'alpha', command: 'echo before; sleep 8; echo after' });
    await bench.reaches(job.id, 'RUNNING');
    const log = bench.wholeLog(job.id);

    await writeFile(path, only('beta'));
    await until(names, (text) => text === 'beta');
    expect(await bench.job(job.id)).toMatchObject({ state: 'RUNNING', isStale: true });
    await until(
      async () => seen,
      (all) => all.some(({ name, isConfigured }) => name === 'alpha' && !isConfigured),
    );
    expect(await bench.cancel(job.id)).toMatchObject({ job: null, userErrors: [{ code: 'CLUSTER_UNAVAILABLE' }] });

    await writeFile(path, slurm.clustersYaml(OPTIONS));
    await until(names, (text) => text === 'alpha beta');
    expect((await bench.ended(job.id)).state).toBe('COMPLETED');
    // Who was reading it goes on where it was.
    expect(await log).toBe('before\nafter\n');
    expect(seen.at(-1)).toMatchObject({ isConfigured: true });
    expect(await logins('beta')).toBe(1);
  });

  it('settings that concern no connection change over the same login, and jobs that are on their way arrive', async () => {
    await slurm.signalDaemon('alpha/slurmctld', 'SIGSTOP');
    let id: string;
    try {
      const job = await bench.submit({ cluster: 'alpha', command: 'echo "$MARK"', waitSeconds: 0 });
      ({ id } = job);
      expect(job.state).toBe('SUBMITTING');
      await writeFile(path, slurm.clustersYaml({ ...OPTIONS, prologue: 'export MARK=reloaded' }));
      await until(
        async () => bench.server.errors,
        (text) => text.includes('has changed and is in force'),
      );
    } finally {
      await slurm.signalDaemon('alpha/slurmctld', 'SIGCONT');
    }
    expect((await bench.ended(id)).state).toBe('COMPLETED');
    const next = await bench.submit({ cluster: 'alpha', command: 'echo "$MARK"' });
    await bench.ended(next.id);
    expect(await bench.wholeLog(next.id)).toBe('reloaded\n');
    expect(await logins('beta')).toBe(1);
  });

  it('a new way to a cluster is a new connection', async () => {
    await writeFile(path, slurm.clustersYaml({ ...OPTIONS, proxy_jump: 'none' }));
    await until(
      () => logins('alpha'),
      (count) => count === 2,
    );
    await bench.online();
    const job = await bench.submit({ cluster: 'alpha', command: 'true' });
    expect((await bench.ended(job.id)).state).toBe('COMPLETED');
  });

  it('a faulty edit is told with line and column and changes nothing, until it is mended', async () => {
    const good = slurm.clustersYaml(OPTIONS);
    await writeFile(path, `${good}  gamma:\n    hots: nowhere\n`);
    const message = await until(fault, (text) => text !== null);
    const lines = good.split('\n').length;
    expect(message).toContain(`${path}:${lines + 1}:5: clusters.gamma.hots: unknown key; did you mean "host"?`);
    expect(bench.server.errors).toContain(`clusters.yaml:${lines + 1}:5`);
    expect(await readiness()).toEqual({ status: 503, configuration: false });
    expect(await names()).toBe('alpha beta');

    await rm(path);
    await until(fault, (text) => text?.includes('the file is gone') === true);
    expect(await names()).toBe('alpha beta');

    await writeFile(path, good);
    await until(fault, (text) => text === null);
    expect(await readiness()).toEqual({ status: 200, configuration: true });
    expect([await logins('alpha'), await logins('beta')]).toEqual([1, 1]);
  });

  it('in whatever way it is written: by rename, in several steps, and behind a symbolic link that turns', async () => {
    await writeFile(`${path}.new`, only('alpha'));
    await rename(`${path}.new`, path);
    await until(names, (text) => text === 'alpha');

    // An editor that empties the file first must not take every cluster away.
    await writeFile(path, '');
    await new Promise((resolve) => setTimeout(resolve, 600));
    await writeFile(path, slurm.clustersYaml(OPTIONS));
    await until(names, (text) => text === 'alpha beta');
    expect(await logins('alpha')).toBe(1);

    // As Kubernetes mounts a ConfigMap: the file leads to ..data, which leads to a directory and is turned to the next.
    const directory = bench.server.directory;
    for (const [version, text] of [
      ['..1', slurm.clustersYaml(OPTIONS)],
      ['..2', only('beta')],
    ] as const) {
      await mkdir(join(directory, version));
      await writeFile(join(directory, version, 'clusters.yaml'), text);
    }
    await symlink('..1', join(directory, '..data'));
    await symlink('..data/clusters.yaml', `${path}.link`);
    await rename(`${path}.link`, path);
    await symlink('..2', join(directory, '..data.new'));
    await rename(join(directory, '..data.new'), join(directory, '..data'));
    await until(names, (text) => text === 'beta');
  });
});

describe('while clusters.yaml changes', () => {
  const staged = () => readdir(join(bench.server.directory, 'data', 'staging')).catch(() => []);
  /** What a submission answers, of which the files are packed while something else is done. */
  async function packedDuring(work: () => Promise<void>): Promise<JobData> {
    await git.wait();
    try {
      const submitted = bench.submit({ cluster: 'alpha', command: 'echo "$MARK"' });
      submitted.catch(() => undefined);
      await until(staged, (names) => names.some((name) => name.endsWith('.part')));
      await work();
      await git.goOn();
      return await submitted;
    } finally {
      await git.goOn();
    }
  }

  it('a job whose files are being packed is submitted as the new settings say, and waited for', async () => {
    const job = await packedDuring(() => reload(slurm.clustersYaml({ ...OPTIONS, prologue: 'export MARK=new' })));
    expect(job.slurmJobId).not.toBeNull();
    expect((await bench.ended(job.id)).state).toBe('COMPLETED');
    expect(await bench.wholeLog(job.id)).toBe('new\n');
    expect(await staged()).toEqual([]);
  });

  it('a job whose files are being packed is submitted though its cluster was gone for a while', async () => {
    const job = await packedDuring(async () => {
      await reload(only('beta'));
      await reload(slurm.clustersYaml(OPTIONS));
    });
    expect(job.slurmJobId).not.toBeNull();
    expect((await bench.ended(job.id)).state).toBe('COMPLETED');
  });

  it('a submission goes on waiting for Slurm, and no longer than until it answers', async () => {
    await using _wrapper = await login.wrap(
      'sbatch',
      'case "$*" in *--job-name=waits*) touch "$HOME/asked"; until [ -e "$HOME/go" ]; do sleep 0.1; done ;; esac; exec "$real" "$@"',
    );
    const submitted = bench.submit({ cluster: 'alpha', command: 'true', name: 'waits' });
    submitted.catch(() => undefined);
    await until(
      () => login.run('ls asked 2>/dev/null || :'),
      (found) => found !== '',
    );
    // Longer than a connection waits for its open commands before it is closed.
    await reload(slurm.clustersYaml({ ...OPTIONS, prologue: 'export MARK=new' }));
    const begin = performance.now();
    await login.run('touch go');
    expect((await submitted).slurmJobId).not.toBeNull();
    expect(performance.now() - begin).toBeLessThan(30_000);
  });

  it('a requeue of a job that is over is seen, with nothing else to ask Slurm about', async () => {
    const job = await bench.submit({ cluster: 'alpha', command: 'true' });
    await bench.ended(job.id);
    await using _wrapper = await login.wrap(
      'scontrol',
      'case "$*" in *requeue*) touch "$HOME/requeued"; until [ -e "$HOME/allowed" ]; do sleep 0.1; done ;; esac; exec "$real" "$@"',
    );
    const requeued = bench.server.query<{ requeueJob: { userErrors: unknown[] } }>(
      'mutation ($id: ID!) { requeueJob(input: { id: $id }) { userErrors { message } } }',
      { id: job.id },
    );
    requeued.catch(() => undefined);
    await until(
      () => login.run('ls requeued 2>/dev/null || :'),
      (found) => found !== '',
    );
    await reload(slurm.clustersYaml({ ...OPTIONS, prologue: 'export MARK=new' }));
    await login.run('touch allowed');
    expect((await requeued).requeueJob.userErrors).toEqual([]);
    await until(
      () => bench.job(job.id),
      ({ state }) => state !== 'COMPLETED',
    );
  });
});
