import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DemoServer, startDemoServer } from './demo-server.ts';
import { type LocalSlurm, startLocalSlurm } from './local-slurm.ts';
import { timedProgress } from './progress.ts';
import { run } from './run.ts';

// `npm run demo`: two real clusters, the server and a sample project, until Ctrl-C.

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

const ADD_PROJECT = `mutation ($input: AddProjectInput!) {
  addProject(input: $input) { project { id } userErrors { message path } }
}`;

async function addSampleProject(server: DemoServer, path: string): Promise<void> {
  await cp(join(REPOSITORY, 'examples/sample-project'), path, { recursive: true });
  // Whatever the user's own configuration of git says (signing, hooks, names of branches), it isn't meant for this.
  const environment = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  const git = (...args: readonly string[]) => run('git', args, { workingDirectory: path, environment });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all');
  await git(
    '-c',
    'user.name=SlurmQL demo',
    '-c',
    'user.email=demo@localhost',
    'commit',
    '--quiet',
    '-m',
    'Sample project',
  );

  const answer = await server.request(ADD_PROJECT, { input: { path, name: 'sample-project' } });
  const { addProject } = answer as { addProject: { project: object | null; userErrors: readonly object[] } };
  if (addProject.project === null) throw new Error(`The sample project was refused: ${JSON.stringify(addProject)}`);
}

function welcome(server: DemoServer, slurm: LocalSlurm, projectPath: string): string {
  const clusters = slurm.clusters.map(({ name }) => name).join(' and ');
  return `
  SlurmQL is up, with the clusters ${clusters}. Open

    ${server.address}/?token=${server.token}

  Things to try:
    - launch "bash train.sh" of sample-project on alpha with 1 GPU, and watch its log grow
    - launch "bash train.sh --epochs 10 --fail-at 4" and see why it failed
    - change ${projectPath}/train.sh and launch it with the uncommitted change

  Ctrl-C stops everything and removes it.
`;
}

/** Resolves at Ctrl-C; rejects when the server or Slurm ends by itself. */
async function demo(interrupted: AbortSignal): Promise<void> {
  const onProgress = timedProgress();
  const slurm = await startLocalSlurm({ onProgress, signal: interrupted });
  let server: DemoServer | undefined;
  try {
    const clustersFile = join(slurm.scratch, 'clusters.yaml');
    await writeFile(clustersFile, slurm.clustersYaml({ poll_interval_seconds: 2, gpu_cache_seconds: 10 }));
    onProgress('starting the server');
    server = await startDemoServer({
      repository: REPOSITORY,
      clustersFile,
      dataDirectory: join(slurm.scratch, 'data'),
    });
    const projectPath = join(slurm.scratch, 'sample-project');
    await addSampleProject(server, projectPath);
    process.stdout.write(welcome(server, slurm, projectPath));

    const slurmEnded = slurm.stopped.then(() => {
      throw new Error('Slurm ended.');
    });
    await Promise.race([untilAborted(interrupted), server.failed, slurmEnded]);
  } finally {
    await server?.stop();
    await slurm.stop();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const interrupt = new AbortController();
interrupt.signal.addEventListener('abort', () => process.stdout.write('\nStopping …\n'));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());
try {
  await demo(interrupt.signal);
} catch (error) {
  if (error !== interrupt.signal.reason) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
