import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { removeAbandoned, removeFolder } from './folder.ts';
import { launchKeeper } from './keeper-client.ts';
import { DEFAULT_CLUSTERS } from './layout.ts';
import { startLocalSlurm } from './local-slurm.ts';
import { timedProgress } from './progress.ts';
import { asRoot, run } from './run.ts';
import { type InstanceState, isAlive, readState } from './state.ts';
import { waitFor } from './wait.ts';

const USAGE = `Two real Slurm clusters on this machine, alpha and beta, each behind an sshd on loopback.

  up [--foreground]   start them; without --foreground they go on in the background
  down                stop them and remove everything of them
  status              what runs; exit code 0 when they are up, 3 when they aren't

  --directory PATH    where they are (default: a folder of your own among the temporary files)
`;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function up(directory: string, foreground: boolean): Promise<number> {
  const state = await readState(directory);
  if (state !== undefined && isAlive(state)) {
    print(`Slurm is there already, in ${directory}; "down" stops it.`);
    return 0;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Error('Stopped before it was up.')));
  }

  const options = { onProgress: timedProgress(), signal: stop.signal };
  if (foreground) {
    const slurm = await startLocalSlurm({ directory, ...options });
    await status(directory);
    print('Ctrl-C stops everything.');
    stop.signal.addEventListener('abort', () => void slurm.stop().catch(() => undefined));
    await slurm.stopped;
    return 0;
  }
  const keeper = await launchKeeper({ clusters: DEFAULT_CLUSTERS, directory, detached: true }, options);
  keeper.release();
  return status(directory);
}

async function down(directory: string): Promise<number> {
  const state = await readState(directory);
  if (state === undefined) {
    print(`No Slurm in ${directory}.`);
    return 0;
  }
  if (isAlive(state)) {
    // Its keeper removes everything.
    const kill = await asRoot('kill', ['-TERM', String(state.keeper.pid)]);
    if (kill === undefined) throw new Error('Stopping Slurm needs root, or sudo without a password.');
    await run(kill.command, kill.args);
    await waitFor(() => !isAlive(state), { timeoutMs: 60_000, failure: `the keeper ${state.keeper.pid} didn't end` });
  } else {
    await removeAbandoned(print);
    await removeFolder(directory);
  }
  print(`Slurm in ${directory} is stopped and removed.`);
  return 0;
}

async function status(directory: string): Promise<number> {
  const state = await readState(directory);
  if (state === undefined || !isAlive(state)) {
    print(`Slurm isn't up in ${directory}.`);
    return 3;
  }
  if (state.clusters.length === 0) {
    print(`Slurm is starting or stopping in ${directory}, keeper ${state.keeper.pid}.`);
    return 3;
  }
  print(`Slurm is up in ${directory}, keeper ${state.keeper.pid}.`);
  for (const cluster of state.clusters) print(await describe(cluster));
  return 0;
}

async function describe(cluster: InstanceState['clusters'][number]): Promise<string> {
  const nodes = await run('sinfo', ['--Node', '--Format=NodeList:14,Partition:12,StateLong:14,Gres:20'], {
    environment: { SLURM_CONF: cluster.slurmConf },
  });
  const { name, host, port, user, identityFile, knownHosts, slurmConf } = cluster;
  return `
${name}: ssh -F none -i ${identityFile} -o UserKnownHostsFile=${knownHosts} -p ${port} ${user}@${host}
  SLURM_CONF=${slurmConf}
${nodes.trimEnd().replaceAll(/^/gm, '  ')}`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { directory: { type: 'string' }, foreground: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  const directory = values.directory ?? join(tmpdir(), `slurmql-local-slurm-${process.getuid?.() ?? 0}`);
  const [command] = positionals;
  if (command === 'up') return up(directory, values.foreground === true);
  if (command === 'down') return down(directory);
  if (command === 'status') return status(directory);
  process.stdout.write(USAGE);
  return values.help === true ? 0 : 2;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
