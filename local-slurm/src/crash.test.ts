import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { startLocalSlurm } from './local-slurm.ts';
import type { LocalCluster } from './state.ts';
import { leftovers, newDirectory, SMALL_CLUSTER, ssh, tracesOf, untilNothingIsLeft } from './test-support.ts';
import { waitFor } from './wait.ts';

// Starts a cluster as an owner would, tells its details in a line, and waits.
const OWNER = `
  const { startLocalSlurm } = await import(${JSON.stringify(new URL('local-slurm.ts', import.meta.url).href)});
  const [directory, cluster] = process.argv.slice(1);
  const slurm = await startLocalSlurm({ directory, clusters: [JSON.parse(cluster)] });
  console.log(JSON.stringify(slurm.cluster('small')));
`;

let owner: ChildProcess | undefined;
afterEach(() => owner?.kill('SIGKILL'));

async function startInAnotherProcess(directory: string): Promise<LocalCluster> {
  const args = ['--input-type=module', '--eval', OWNER, directory, JSON.stringify(SMALL_CLUSTER)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  owner = child;
  const [line] = await once(createInterface({ input: child.stdout }), 'line', { signal: AbortSignal.timeout(60_000) });
  return JSON.parse(String(line)) as LocalCluster;
}

async function withRunningJob(cluster: LocalCluster): Promise<void> {
  await ssh(cluster, `sbatch --wrap 'touch running; sleep 1000'`);
  await waitFor(async () => (await ssh(cluster, 'ls')).includes('running'), { timeoutMs: 30_000, failure: 'no job' });
}

test('nothing is left when the owner is killed', async () => {
  const directory = newDirectory();
  const cluster = await startInAnotherProcess(directory);
  const traces = await tracesOf(directory, cluster.user);
  await withRunningJob(cluster);
  owner?.kill('SIGKILL');
  await untilNothingIsLeft(traces);
});

test('when the keeper is killed its daemons end, and the next start removes the rest', async () => {
  const directory = newDirectory();
  const cluster = await startInAnotherProcess(directory);
  const traces = await tracesOf(directory, cluster.user);
  await withRunningJob(cluster);
  const state: unknown = JSON.parse(await readFile(`${directory}/state.json`, 'utf8'));
  expect(state).toMatchObject({ keeper: { pid: expect.any(Number) } });
  process.kill((state as { keeper: { pid: number } }).keeper.pid, 'SIGKILL');
  const daemons = /slurmctld|slurmd |munged|sshd/;
  await waitFor(() => !leftovers(traces).some((line) => daemons.test(line)), {
    timeoutMs: 30_000,
    failure: 'daemons go on',
  });

  // It may be started in the same folder, or anywhere else, and by anybody.
  const next = await startLocalSlurm({ clusters: [SMALL_CLUSTER] });
  await untilNothingIsLeft(traces);
  await next.stop();
});
