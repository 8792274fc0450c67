import { readFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { startLocalSlurm } from './local-slurm.ts';
import type { LocalCluster } from './state.ts';
import {
  leftovers,
  newDirectory,
  type Owner,
  SMALL_CLUSTER,
  ssh,
  startInAnotherProcess,
  tracesOf,
  untilNothingIsLeft,
} from './test-support.ts';
import { waitFor } from './wait.ts';

let owner: Owner | undefined;
afterEach(() => owner?.kill());

async function startSmall(directory: string): Promise<LocalCluster> {
  owner = startInAnotherProcess({ directory, clusters: [SMALL_CLUSTER] });
  const [cluster] = await owner.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  return cluster;
}

async function withRunningJob(cluster: LocalCluster): Promise<void> {
  await ssh(cluster, `sbatch --wrap 'touch running; sleep 1000'`);
  await waitFor(async () => (await ssh(cluster, 'ls')).includes('running'), { timeoutMs: 30_000, failure: 'no job' });
}

test('nothing is left when the owner is killed', async () => {
  const directory = newDirectory();
  const cluster = await startSmall(directory);
  const traces = await tracesOf(directory, cluster.user);
  await withRunningJob(cluster);
  owner?.kill();
  await untilNothingIsLeft(traces);
});

test('when the keeper is killed its daemons end, and the next start removes the rest', async () => {
  const directory = newDirectory();
  const cluster = await startSmall(directory);
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

  // It may be started in the same directory, or anywhere else, and by anybody.
  const next = await startLocalSlurm({ clusters: [SMALL_CLUSTER] });
  await untilNothingIsLeft(traces);
  await next.stop();
});
