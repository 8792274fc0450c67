import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clockEnvironment } from './clock.ts';
import { Daemon, DaemonError } from './daemon.ts';
import { gresConf, type LocalClusterOptions, largestGpuCount, slurmConf } from './layout.ts';
import { accepts, freePort, retryWhenPortIsTaken } from './ports.ts';
import { cgroupConf, installedVersion } from './releases.ts';
import { run } from './run.ts';
import { waitFor } from './wait.ts';

export interface ClusterSetting {
  /** The cluster's own directory, made here. */
  readonly directory: string;
  readonly mungeSocket: string;
  /** Undefined: no accounting. */
  readonly slurmdbdPort: number | undefined;
  /** Whose jobs it is to take. */
  readonly user: { readonly name: string; readonly uid: number };
}

/**
 * Starts slurmctld and a slurmd for every node that has one, and gives them by name once those nodes are idle. When it throws,
 * nothing of it runs.
 */
export async function startCluster(
  cluster: LocalClusterOptions,
  setting: ClusterSetting,
): Promise<ReadonlyMap<string, Daemon>> {
  const { directory } = setting;
  await mkdir(directory, { mode: 0o755 });
  await writeGpus(cluster, join(directory, 'gpus'));
  await writeFile(join(directory, 'gres.conf'), gresConf(cluster, join(directory, 'gpus')));
  await writeFile(join(directory, 'cgroup.conf'), cgroupConf(await installedVersion()));

  return retryWhenPortIsTaken(async () => {
    await rm(join(directory, 'state'), { recursive: true, force: true });
    await mkdir(join(directory, 'state'), { mode: 0o700 });
    const controllerPort = await freePort();
    const nodePorts = await Promise.all(cluster.nodes.map(() => freePort()));
    await writeFile(slurmConfPath(directory), slurmConf(cluster, { ...setting, controllerPort, nodePorts }));

    const controller = controllerDaemon(cluster, directory, controllerPort);
    const nodes = await Promise.all(livingNodes(cluster).map((name) => nodeDaemon(cluster, directory, name)));
    const daemons = [controller, ...nodes];
    try {
      await controller.start();
      await Promise.all(nodes.map((node) => node.start()));
      if (setting.slurmdbdPort !== undefined) await untilKnown(controller, setting);
      await untilIdle(cluster, directory);
    } catch (error) {
      await Promise.all(daemons.map((daemon) => daemon.stop({ graceMs: 0 })));
      throw error;
    }
    return new Map(daemons.map((daemon) => [daemon.name, daemon]));
  });
}

/** What its daemons and its logins have in their environment. */
export function clusterEnvironment(cluster: LocalClusterOptions, directory: string): Readonly<Record<string, string>> {
  return { SLURM_CONF: slurmConfPath(directory), ...clockEnvironment(cluster.clockOffsetSeconds ?? 0) };
}

/** Where a cluster with this directory has its slurm.conf. */
export function slurmConfPath(directory: string): string {
  return join(directory, 'slurm.conf');
}

/** The names of the nodes that have a slurmd. */
function livingNodes(cluster: LocalClusterOptions): readonly string[] {
  return cluster.nodes.filter(({ state }) => state === undefined).map(({ name }) => name);
}

/** Any character device will do for gres.conf, and /dev/null is there in every container. */
async function writeGpus(cluster: LocalClusterOptions, directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o755 });
  for (let index = 0; index < largestGpuCount(cluster); index += 1)
    await symlink('/dev/null', join(directory, `gpu${index}`));
}

function controllerDaemon(cluster: LocalClusterOptions, directory: string, port: number): Daemon {
  return new Daemon({
    name: `${cluster.name}/slurmctld`,
    command: 'slurmctld',
    args: ['-D'],
    environment: clusterEnvironment(cluster, directory),
    logFile: join(directory, 'slurmctld.log'),
    ready: async (log) => log.includes('Running as primary controller') && (await accepts(port)),
  });
}

async function nodeDaemon(cluster: LocalClusterOptions, directory: string, node: string): Promise<Daemon> {
  await mkdir(join(directory, 'spool', node), { recursive: true, mode: 0o755 });
  return new Daemon({
    name: `${cluster.name}/slurmd-${node}`,
    command: 'slurmd',
    args: ['-D', '-N', node],
    environment: clusterEnvironment(cluster, directory),
    logFile: join(directory, `slurmd-${node}.log`),
    ready: (log) => log.includes('slurmd started on'),
  });
}

async function untilIdle(cluster: LocalClusterOptions, directory: string): Promise<void> {
  await waitFor(
    async () => {
      const states = await run('sinfo', ['-h', '-N', '-o', '%N %t'], {
        environment: { SLURM_CONF: slurmConfPath(directory) },
      });
      const idle = new Set(states.split('\n').map((line) => line.trim()));
      return livingNodes(cluster).every((name) => idle.has(`${name} idle`));
    },
    { timeoutMs: 60_000, intervalMs: 50, failure: `not every node of ${cluster.name} became idle` },
  );
}

/** In what is said of a slurmctld that heard of none. */
export const KNOWS_NO_USER = 'knows no user';

/**
 * A slurmctld that slurmdbd answers late starts without associations, and refuses every job until it has them. It asks for
 * them again when slurmdbd next speaks to it, which may be never: then it is started again.
 */
async function untilKnown(controller: Daemon, { directory, user }: ClusterSetting): Promise<void> {
  const environment = { SLURM_CONF: slurmConfPath(directory) };
  let known = '';
  const knows = (timeoutMs: number) =>
    waitFor(
      async () => {
        known = await run('scontrol', ['-o', 'show', 'assoc_mgr', 'flags=assoc'], { environment });
        return known.includes(` UserName=${user.name}(${user.uid}) `);
      },
      { timeoutMs, intervalMs: 100, failure: `it was not told of ${user.name}` },
    );
  for (let restarts = 0; restarts < 3; restarts += 1) {
    try {
      await knows(10_000);
      return;
    } catch {
      await controller.stop();
      await controller.start();
    }
  }
  try {
    await knows(10_000);
  } catch (error) {
    throw new DaemonError(controller.name, `${KNOWS_NO_USER} (${error}), but ${known}`, await controller.log());
  }
}
