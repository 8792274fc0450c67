import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type LocalSlurm, startLocalSlurm } from './local-slurm.ts';
import { RELEASES } from './releases.ts';
import { CommandError } from './run.ts';
import type { LocalCluster } from './state.ts';
import {
  leftovers,
  newDirectory,
  type Owner,
  SMALL_CLUSTER,
  ssh,
  startInAnotherProcess,
  type Traces,
  untilNothingIsLeft,
} from './test-support.ts';
import { waitFor } from './wait.ts';

const owners: Owner[] = [];
afterEach(() => {
  for (const owner of owners) owner.kill();
});

function start(...args: Parameters<typeof startInAnotherProcess>): Owner {
  const owner = startInAnotherProcess(...args);
  owners.push(owner);
  return owner;
}

async function tracesOf(directory: string, cluster: LocalCluster): Promise<Traces> {
  return { directory, user: cluster.user, uid: Number(await ssh(cluster, 'id -u')) };
}

async function withRunningJob(cluster: LocalCluster): Promise<void> {
  await ssh(cluster, `sbatch --wrap 'setsid sleep 1000 & touch running; sleep 1000'`);
  await waitFor(async () => (await ssh(cluster, 'ls')).includes('running'), { timeoutMs: 30_000, failure: 'no job' });
}

/** The error of what must not succeed. */
const failureOf = (command: Promise<string>) =>
  command.then(
    (output) => Promise.reject(new Error(`it said: ${output}`)),
    (error: unknown) => (error instanceof CommandError ? error.stderr : Promise.reject(error)),
  );

async function accounts(slurm: LocalSlurm): Promise<void> {
  const job = (cluster: string) => ssh(slurm.cluster(cluster), `sbatch --parsable --wait --wrap 'exit 0'`);
  const told = (cluster: string, id: string) => ssh(slurm.cluster(cluster), `sacct -X -n -P -j ${id} -o State,Account`);
  for (const cluster of ['alpha', 'gamma']) {
    const id = (await job(cluster)).trim();
    await waitFor(async () => (await told(cluster, id)) === 'COMPLETED|lab\n', {
      timeoutMs: 30_000,
      intervalMs: 200,
      failure: `${cluster} has no account of it`,
    });
  }
  expect(await failureOf(told('beta', (await job('beta')).trim()))).toContain('accounting storage is disabled');
  for (const cluster of ['beta', 'gamma'])
    expect(await slurm.run(cluster, 'scontrol', ['show', 'config'])).toMatch(/^MinJobAge +(?:= *)?2 sec/m);
}

test.each(Object.keys(RELEASES))(
  'Slurm %s comes up in a system of its own, of which the machine sees nothing',
  async (release) => {
    const slurm = await startLocalSlurm({ release });
    const { directory } = slurm;
    const alpha = slurm.cluster('alpha');
    const traces = await tracesOf(directory, alpha);
    expect(await ssh(alpha, 'sinfo --version')).toMatch(new RegExp(`^slurm\\S* ${release}\\.`));
    expect((await ssh(alpha, 'sinfo -h -N -o "%N %t %G"')).trim().split('\n').sort()).toEqual([
      'cpu01 idle (null)',
      'gpu01 idle gpu:a100:4',
      'gpu02 idle gpu:a100:4',
      'gpu03 idle gpu:h100:2',
    ]);
    await accounts(slurm);

    // Its user is known inside alone, with a number that no other has, and its mounts are not the machine's.
    expect(await readFile('/etc/passwd', 'utf8')).not.toContain(alpha.user);
    expect(traces.uid).toBeGreaterThan(60_000);
    expect(await readFile('/proc/mounts', 'utf8')).not.toContain(directory);
    expect(await slurm.run('alpha', 'hostname', [])).toBe('localhost\n');
    expect(await slurm.run('alpha', 'pwd', [])).toBe('/\n');
    expect(await slurm.run('alpha', 'id', ['-un', String(traces.uid)])).toBe(`${alpha.user}\n`);

    await slurm.stopDaemon('beta/slurmctld');
    // Its exit code tells of this in some releases alone.
    const ping = () => slurm.run('beta', 'scontrol', ['ping']).catch((error: unknown) => String(error));
    expect(await ping()).toContain('is DOWN');
    await slurm.startDaemon('beta/slurmctld');
    expect(await ping()).toContain('is UP');

    await withRunningJob(alpha);
    await slurm.stop();
    expect(leftovers(traces)).toEqual([]);
  },
);

test('nothing is left when the owner is killed', async () => {
  const directory = newDirectory();
  const owner = start({ directory, release: '24.11', clusters: [SMALL_CLUSTER] });
  const [cluster] = await owner.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  const traces = await tracesOf(directory, cluster);
  await withRunningJob(cluster);
  owner.kill();
  await untilNothingIsLeft(traces);
});

test('when the keeper is killed everything ends, and the next start removes the directory', async () => {
  const directory = newDirectory();
  const [cluster] = await start({ directory, release: '24.11', clusters: [SMALL_CLUSTER] }).clusters;
  if (cluster === undefined) throw new Error('no cluster');
  const traces = await tracesOf(directory, cluster);
  await withRunningJob(cluster);
  const state: { keeper: { pid: number } } = JSON.parse(await readFile(join(directory, 'state.json'), 'utf8'));
  process.kill(state.keeper.pid, 'SIGKILL');
  await waitFor(() => leftovers(traces).join() === directory, { timeoutMs: 30_000, failure: 'something goes on' });
  const next = await startLocalSlurm({ release: '24.11', clusters: [SMALL_CLUSTER] });
  expect(leftovers(traces)).toEqual([]);
  await next.stop();
});

test('a base system is made whole by one of two, though a first was killed in the middle', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'slurmql-cache-'));
  const bases = join(cache, 'slurmql', 'releases');
  const here = { XDG_CACHE_HOME: cache };
  const options = () => ({ directory: newDirectory(), release: '26.05', clusters: [SMALL_CLUSTER] });
  try {
    const first = start(options(), here);
    const isUnderWay = async () => (await readdir(bases).catch(() => [])).some((name) => name.endsWith('.unfinished'));
    await waitFor(isUnderWay, { timeoutMs: 120_000, failure: 'nothing is unpacked' });
    first.kill();
    await waitFor(() => leftovers({ directory: bases }).filter((line) => line !== bases).length === 0, {
      timeoutMs: 30_000,
      failure: 'it goes on',
    });

    const both = [options(), options()];
    const clusters = await Promise.all(both.map((one) => start(one, here).clusters));
    for (const [cluster] of clusters) {
      if (cluster === undefined) throw new Error('no cluster');
      expect(await ssh(cluster, 'sinfo -h -o %t')).toBe('idle\n');
    }
    expect(await readdir(bases)).toEqual([expect.stringMatching(/^26\.05-[0-9a-f]{8}$/), '26.05.lock']);
    for (const owner of owners) owner.kill();
    for (const { directory } of both) await untilNothingIsLeft({ directory });
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
});
