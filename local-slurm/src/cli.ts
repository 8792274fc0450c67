import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { removeAbandoned, removeDirectory } from './directory.ts';
import { launchKeeper } from './keeper-client.ts';
import { defaultClusters } from './layout.ts';
import { startLocalSlurm } from './local-slurm.ts';
import { timedProgress } from './progress.ts';
import { RELEASES, releaseNamed } from './releases.ts';
import { asRoot, run } from './run.ts';
import { type InstanceState, isAlive, readState } from './state.ts';
import { waitFor } from './wait.ts';

const USAGE = `Two real Slurm clusters on this machine, alpha and beta, each behind an sshd on loopback; with --release
also a third one, gamma.

  up [--foreground]   start them; without --foreground they keep running in the background
  down                stop them and remove all their files and accounts
  status              show what is running; exit code 0 when they are up, 3 when they are not

  --release RELEASE   another release than the machine's own Slurm: ${Object.keys(RELEASES).join(', ')}
  --directory PATH    where their files are (default: one of your own in the temporary directory)
`;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function up(directory: string, foreground: boolean, release: string | undefined): Promise<number> {
  const state = await readState(directory);
  if (state !== undefined && isAlive(state)) {
    print(`Slurm is already running in ${directory}; "down" stops it.`);
    return 0;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Error('Stopped before it was up.')));
  }

  const options = { onProgress: timedProgress(), signal: stop.signal };
  const wanted = { directory, ...(release === undefined ? {} : { release }) };
  if (foreground) {
    const slurm = await startLocalSlurm({ ...wanted, ...options });
    await status(directory);
    print('Ctrl-C stops everything.');
    stop.signal.addEventListener('abort', () => void slurm.stop().catch(() => undefined));
    await slurm.stopped;
    return 0;
  }
  const keeper = await launchKeeper({ clusters: defaultClusters(release), detached: true, ...wanted }, options);
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
    await removeAbandoned(print, tmpdir());
    await removeDirectory(directory);
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
  print(
    `Slurm${state.release === undefined ? '' : ` ${state.release}`} is up in ${directory}, keeper ${state.keeper.pid}.`,
  );
  for (const cluster of state.clusters) print(await describe(cluster));
  return 0;
}

async function describe(cluster: InstanceState['clusters'][number]): Promise<string> {
  const { name, host, port, user, identityFile, knownHosts, slurmConf } = cluster;
  const login = ['-F', 'none', '-i', identityFile, '-o', `UserKnownHostsFile=${knownHosts}`, '-p', `${port}`];
  const sinfo = 'sinfo --Node --Format=NodeList:14,Partition:12,StateLong:14,Gres:20';
  // By a login: the daemons need not be in this system.
  const nodes = await run('ssh', [...login, '-o', 'BatchMode=yes', '--', `${user}@${host}`, sinfo]);
  return `
${name}: ssh ${login.join(' ')} ${user}@${host}
  SLURM_CONF=${slurmConf}
${nodes.trimEnd().replaceAll(/^/gm, '  ')}`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      directory: { type: 'string' },
      release: { type: 'string' },
      foreground: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const { release } = values;
  if (release !== undefined) releaseNamed(release);
  const place = ['slurmql-local-slurm', process.getuid?.() ?? 0, ...(release === undefined ? [] : [release])];
  const directory = values.directory ?? join(tmpdir(), place.join('-'));
  const [command] = positionals;
  if (command === 'up') return up(directory, values.foreground === true, release);
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
