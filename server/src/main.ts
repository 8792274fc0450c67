import { type App, startApp } from './app.ts';
import { ConfigurationError, readEnvironment } from './config/index.ts';
import { ListenError } from './http/index.ts';
import { DatabaseError } from './store/index.ts';

/** A clean stop takes no longer than this; then the process ends anyway. */
const STOP_MS = 5000;

let app: App | null = null;
let isStopping = false;
process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);

try {
  const environment = readEnvironment(process.env, {
    isInteractive: process.stderr.isTTY === true,
    directory: process.cwd(),
  });
  app = await startApp(environment);
  if (isStopping) await stop(app);
  else announce(app);
} catch (cause) {
  const isExpected =
    cause instanceof ConfigurationError || cause instanceof DatabaseError || cause instanceof ListenError;
  process.stderr.write(`${isExpected ? cause.message : `SlurmQL can't start: ${fullText(cause)}`}\n`);
  process.exit(1);
}

function announce({ address, token }: App): void {
  process.stdout.write(`SlurmQL listening on ${address}\n`);
  // Like Jupyter's: the token is shown to whoever sits here, or once, when it has just been made.
  if (token.isNew || process.stderr.isTTY) {
    process.stderr.write(`Open the dashboard: ${address}/?token=${token.value}\n`);
  } else if (token.file !== null) {
    process.stderr.write(`The administrator's token is in ${token.file}\n`);
  }
}

/** The first signal stops cleanly, also while the server is still starting; the second one at once. */
function onSignal(): void {
  if (isStopping) process.exit(1);
  isStopping = true;
  setTimeout(() => process.exit(1), STOP_MS).unref();
  if (app !== null) void stop(app);
}

async function stop(running: App): Promise<void> {
  try {
    await running.stop();
    process.exit(0);
  } catch (cause) {
    process.stderr.write(`SlurmQL did not stop cleanly: ${fullText(cause)}\n`);
    process.exit(1);
  }
}

function fullText(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
