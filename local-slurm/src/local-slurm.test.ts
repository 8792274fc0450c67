import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalSlurm, startLocalSlurm } from './local-slurm.ts';
import { leftovers, newDirectory, SMALL_CLUSTER, ssh, tracesOf } from './test-support.ts';
import { waitFor } from './wait.ts';

let slurm: LocalSlurm;

beforeAll(async () => {
  slurm = await startLocalSlurm();
});
afterAll(() => slurm?.stop());

test('both clusters show their nodes idle, with partitions and GPUs of their own', async () => {
  const format = ['--noheader', '--Node', '--format=%N %P %T %G'];
  const lines = async (cluster: string) => (await slurm.run(cluster, 'sinfo', format)).trim().split('\n').sort();
  expect(await lines('alpha')).toEqual([
    'cpu01 cpu idle (null)',
    'gpu01 gpu* idle gpu:a100:4',
    'gpu02 gpu* idle gpu:a100:4',
    'gpu03 gpu* idle gpu:h100:2',
  ]);
  expect(await lines('beta')).toEqual([
    'rtx01 gpu* idle gpu:rtx4090:4',
    'rtx02 debug idle gpu:rtx4090:2',
    'rtx02 gpu* idle gpu:rtx4090:2',
  ]);
});

test.for(['alpha', 'beta'])(
  'a job that is submitted to %s over SSH runs as the ordinary user and is in sacct',
  async (name) => {
    const cluster = slurm.cluster(name);
    const script = 'id -un; echo "GPUs $CUDA_VISIBLE_DEVICES"; srun --nodes=2 --label true && echo steps ran';
    const submit = `sbatch --parsable --job-name=hello --nodes=2 --gres=gpu:2 --output=hello.log --wrap '${script}'`;
    const job = (await ssh(cluster, submit)).trim();

    // slurmctld tells slurmdbd the name and start of a job within five seconds, its end at once.
    const expected = `hello|${cluster.user}|lab|COMPLETED|`;
    const record = await waitFor(
      async () => {
        const line = await ssh(cluster, `sacct -X -n -P -j ${job} -o JobName,User,Account,State,AllocTRES`);
        return line.startsWith(expected) && line.trim();
      },
      { timeoutMs: 30_000, intervalMs: 200, failure: `sacct doesn't show ${expected}` },
    );
    expect(record).toContain('gres/gpu=4');
    expect(await ssh(cluster, 'cat hello.log')).toBe(`${cluster.user}\nGPUs 0,1\nsteps ran\n`);
  },
);

test('a job starts, and its cancellation kills what it runs', async () => {
  const cluster = slurm.cluster('alpha');
  const job = (await ssh(cluster, `sbatch --parsable --wrap 'trap "" TERM; sleep 1000'`)).trim();
  const state = () => ssh(cluster, `squeue -h -j ${job} -t all -o %T`).then((text) => text.trim());
  await waitFor(async () => (await state()) === 'RUNNING', { timeoutMs: 30_000, failure: 'it does not run' });
  await ssh(cluster, `scancel ${job}`);
  await waitFor(async () => (await state()) === 'CANCELLED', { timeoutMs: 30_000, failure: 'it is not cancelled' });
});

test('a daemon can be stopped and comes back on the same port with its state', async () => {
  const job = (await ssh(slurm.cluster('beta'), 'sbatch --parsable --hold --wrap true')).trim();
  await slurm.stopDaemon('beta/slurmctld');
  await expect(slurm.run('beta', 'scontrol', ['ping'])).rejects.toThrow('is DOWN');
  expect(await slurm.run('alpha', 'scontrol', ['ping'])).toContain('is UP');
  await slurm.startDaemon('beta/slurmctld');
  expect(await slurm.run('beta', 'squeue', ['-h', '-o', '%i %r'])).toBe(`${job} JobHeldUser\n`);

  await slurm.stopDaemon('alpha/sshd');
  await expect(ssh(slurm.cluster('alpha'), 'true')).rejects.toThrow('Connection refused');
  await slurm.startDaemon('alpha/sshd');
  expect(await ssh(slurm.cluster('alpha'), 'echo back')).toBe('back\n');
  await expect(slurm.stopDaemon('alpha/nothing')).rejects.toThrow('no daemon alpha/nothing; there are munged,');
});

test('clusters.yaml names every cluster, with further keys', () => {
  const { port, user } = slurm.cluster('alpha');
  const text = slurm.clustersYaml({ poll_interval_seconds: 2, allowed_partitions: ['gpu'] });
  expect(text).toContain(`  alpha:\n    host: "127.0.0.1"\n    port: ${port}\n    user: "${user}"\n`);
  expect(text).toContain('    poll_interval_seconds: 2\n    allowed_partitions: ["gpu"]\n  beta:\n');
});

test('a second instance runs beside the first and leaves nothing behind, not even with a job running', async () => {
  const second = await startLocalSlurm({ clusters: [SMALL_CLUSTER] });
  const cluster = second.cluster('small');
  const traces = await tracesOf(second.directory, cluster.user);
  expect(traces.uid).not.toBe((await tracesOf(slurm.directory, slurm.cluster('alpha').user)).uid);
  await ssh(cluster, `sbatch --gres=gpu:2 --wrap 'setsid sleep 1000 & touch running; sleep 1000'`);
  await ssh(cluster, '(setsid sleep 1000 >/dev/null 2>&1 &)');
  await waitFor(async () => (await ssh(cluster, 'ls')).includes('running'), { timeoutMs: 30_000, failure: 'no job' });

  await second.stop();
  expect(leftovers(traces)).toEqual([]);
  await second.stop();
  expect(await slurm.run('alpha', 'scontrol', ['ping'])).toContain('is UP');
});

test('a cluster may have an account, a clock and a file system of its own, of which nothing is left', async () => {
  const home = `home of "O'Brien"`;
  const other = await startLocalSlurm({
    clusters: [{ ...SMALL_CLUSTER, clockOffsetSeconds: -7200, account: { home, shell: '/bin/sh' } }],
  });
  const cluster = other.cluster('small');
  const traces = await tracesOf(other.directory, cluster.user);
  expect(await ssh(cluster, 'echo "$HOME $SHELL"')).toBe(`${other.directory}/${home} /bin/sh\n`);
  const times = await ssh(cluster, `sbatch --wait --output=log --wrap 'date +%s' >&2; cat log; date +%s`);
  for (const time of times.trim().split('\n')) {
    expect(Math.abs(Number(time) + 7200 - Date.now() / 1000)).toBeLessThan(30);
  }
  await ssh(cluster, 'mkdir room');
  await other.run('small', 'mount', ['-t', 'tmpfs', '-o', 'size=1m', 'room', `${other.directory}/${home}/room`]);
  await other.stop();
  expect(leftovers(traces)).toEqual([]);
  expect(await readFile('/proc/mounts', 'utf8')).not.toContain(other.directory);
});

test('a failed start names the daemon, shows its last lines and leaves nothing', async () => {
  const directory = newDirectory();
  const broken = { ...SMALL_CLUSTER, slurmConf: ['SelectType=select/nonsense'] };
  await expect(startLocalSlurm({ directory, clusters: [broken] })).rejects.toThrow(
    /^small\/slurmctld ended while it started\. Its last lines:\n.*select\/nonsense/s,
  );
  expect(leftovers({ directory })).toEqual([]);
});

test('a start that is aborted leaves nothing', async () => {
  const directory = newDirectory();
  const stop = new AbortController();
  const onProgress = (line: string) => {
    if (line === 'MariaDB is up') stop.abort(new Error('enough'));
  };
  await expect(startLocalSlurm({ directory, signal: stop.signal, onProgress })).rejects.toThrow('enough');
  expect(leftovers({ directory })).toEqual([]);
});

test('a directory that holds something is refused and left as it is', async () => {
  await expect(startLocalSlurm({ directory: '/usr', clusters: [SMALL_CLUSTER] })).rejects.toThrow("/usr isn't empty.");
  await expect(startLocalSlurm({ directory: slurm.directory })).rejects.toThrow('is in use by another instance.');
});
