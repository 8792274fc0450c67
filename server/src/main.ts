import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import type { App } from './app.ts';
import { checkClusters } from './check/index.ts';
import {
  type Arguments,
  ArgumentsError,
  ConfigurationError,
  chosenClusters,
  clustersFileOf,
  type Environment,
  noCluster,
  readArguments,
  readClustersFile,
  readEnvironment,
  sshEnvironment,
  USAGE,
} from './config/index.ts';
import { VERSION } from './domain/version.ts';
import { giveMemoryBack } from './heap.ts';
import { leave } from './leave.ts';
import { setGitEnvironment } from './projects/index.ts';
import { standardError } from './telemetry/standard-error.ts';

/** A clean stop takes no longer than this; then the process ends anyway. */
const STOP_MS = 5000;
/** Ctrl-C goes to every process of a terminal, and npm passes on what it gets: that is one signal, not two. */
const SAME_SIGNAL_MS = 150;

// The built server reads what an earlier start has compiled. Beside the code itself, where only those can write who can
// change the code; where that can't be written, it is compiled each time.
if (import.meta.filename.endsWith('.js')) enableCompileCache(join(import.meta.dirname, 'compiled'));

let app: App | null = null;
let isStopping = false;
let signalledAt = 0;

try {
  await obey(readArguments(process.argv.slice(2)));
} catch (cause) {
  if (cause instanceof ArgumentsError) {
    standardError.write(`${cause.message}\nRun "slurmql --help" for usage.\n`);
    leave(2);
  }
  standardError.write(`${cause instanceof ConfigurationError ? cause.message : fullText(cause)}\n`);
  leave(1);
}

async function obey(request: Arguments): Promise<void> {
  // A command ends when nobody reads it any more, as before `head`, or its disk is full. A server goes on.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      if (request.command !== 'start') leave(1);
    });
  }
  switch (request.command) {
    case 'help':
      process.stdout.write(USAGE);
      return;
    case 'start':
      return start();
    case 'version':
      process.stdout.write(`${VERSION}\n`);
      return;
    case 'doctor': {
      const isWell = await check(request);
      // A reader may be slow: what still waits for it would be lost.
      await new Promise((resolve) => process.stdout.write('', resolve));
      leave(isWell ? 0 : 1);
    }
  }
}

async function start(): Promise<void> {
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);
  // Whatever the server makes is its owner's alone, also where others start it with an umask of their own.
  process.umask(0o077);
  // Most of the program is the server: the other commands don't wait until it is loaded.
  const { isMendable, startApp } = await import('./app.ts');
  // Not before: what Node keeps compiled doesn't fit other settings than it was compiled with.
  giveMemoryBack();
  try {
    app = await startApp(environment());
  } catch (cause) {
    standardError.write(`${isMendable(cause) ? cause.message : `SlurmQL can't start: ${fullText(cause)}`}\n`);
    leave(1);
  }
  if (isStopping) await stop(app);
  else await announce(app);
}

/** A signal ends it at once, as it does by default: there is nothing to put in order. */
async function check({ clusters, asJson }: Arguments & { readonly command: 'doctor' }): Promise<boolean> {
  const own = environment();
  setGitEnvironment(own.gitVariables);
  const file = await clustersFileOf(own.configFiles);
  const all = await readClustersFile(file);
  if (all.length === 0 && !asJson) {
    process.stdout.write(`${noCluster(file)}\n`);
    return false;
  }
  return checkClusters({
    clusters: chosenClusters(all, clusters, file),
    sshEnvironment: sshEnvironment(own),
    terminal: {
      input: process.stdin,
      output: process.stdout,
      questions: process.stderr,
      interrupt: () => process.kill(process.pid, 'SIGINT'),
    },
    asJson,
  });
}

function environment(): Environment {
  return readEnvironment(process.env, {
    isInteractive: process.stderr.isTTY === true,
    directory: process.cwd(),
  });
}

async function announce({ address, token, hasClusters }: App): Promise<void> {
  // Known before the first line: a signal may follow upon that.
  const advice = hasClusters ? '' : `${noCluster(await clustersFileOf(environment().configFiles))}\n`;
  process.stdout.write(`SlurmQL listening on ${address}\n`);
  // Like Jupyter's: the token is shown to whoever sits here, or once, when it has just been made.
  if (token.isNew || process.stderr.isTTY) {
    standardError.write(`Open the dashboard: ${address}/?token=${token.value}\n`);
  } else if (token.file !== null) {
    standardError.write(`The administrator's token is in ${token.file}\n`);
  }
  if (advice !== '') standardError.write(advice);
}

/** The first signal stops cleanly, also while the server is still starting; the second one at once. */
function onSignal(): void {
  const now = performance.now();
  if (isStopping && now - signalledAt < SAME_SIGNAL_MS) return;
  if (isStopping) endNow();
  isStopping = true;
  signalledAt = now;
  setTimeout(() => endNow(), STOP_MS).unref();
  if (app !== null) void stop(app);
}

/** What goes on after a fault that nobody expected could be wrong in any way: the next start knows what is written. */
function onFault(cause: unknown): void {
  if (app === null) standardError.write(`SlurmQL is stopping: ${fullText(cause)}\n`);
  endNow(cause ?? new Error(`${cause} was thrown`));
}

function endNow(fault?: unknown): never {
  try {
    app?.abandon(fault);
  } finally {
    leave(1);
  }
}

async function stop(running: App): Promise<void> {
  try {
    await running.stop();
    leave(0);
  } catch (cause) {
    standardError.write(`SlurmQL did not stop cleanly: ${fullText(cause)}\n`);
    leave(1);
  }
}

function fullText(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
