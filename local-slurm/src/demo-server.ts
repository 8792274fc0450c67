import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { lastLines } from './run.ts';
import { withDeadline } from './wait.ts';

export interface DemoServerOptions {
  /** The root of the repository. */
  readonly repository: string;
  readonly clustersFile: string;
  /** Made by the server. */
  readonly dataDirectory: string;
}

/** SlurmQL's server as a child process. */
export interface DemoServer {
  /** http://HOST:PORT */
  readonly address: string;
  readonly token: string;
  /** Rejects with the last lines of its log when it ends by itself. */
  readonly failed: Promise<never>;
  /** Sends an operation and gives its data. Throws when the answer has errors. */
  request(query: string, variables: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

/** As `npm start` has it. */
const NODE_OPTIONS = ['--max-semi-space-size=8'];
const START_TIMEOUT_MS = 60_000;
/** The server itself promises five seconds. */
const STOP_TIMEOUT_MS = 10_000;
const DEFAULT_PORT = 4000;
const KEPT_LOG_LENGTH = 10_000;

/** Starts the server; resolves once it listens. When it rejects, the server doesn't run. */
export async function startDemoServer(options: DemoServerOptions): Promise<DemoServer> {
  const { SLURMQL_DATABASE_URL: _ownDatabase, PORT, ...environment } = process.env;
  const token = randomBytes(24).toString('base64url');
  // A group of its own: Ctrl-C in the terminal is for the demo, which stops it in order. It ends with the demo at the
  // latest, however that ends.
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'TERM', '--', process.execPath, ...NODE_OPTIONS, 'server/dist/main.js'],
    {
      cwd: options.repository,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...environment,
        PORT: PORT ?? String(await defaultPort(environment['HOST'])),
        SLURMQL_CONFIG: options.clustersFile,
        SLURMQL_DATA_DIR: options.dataDirectory,
        SLURMQL_TOKEN: token,
      },
    },
  );
  await once(child, 'spawn');
  let log = '';
  child.stderr.on('data', (data: Buffer) => {
    log = `${log}${data}`.slice(-KEPT_LOG_LENGTH);
  });

  let isStopping = false;
  const ended = once(child, 'close');
  const failed = ended.then(([exitCode, signal]): Promise<never> => {
    if (isStopping) return new Promise(() => undefined);
    throw new Error(`The server ended (${signal ?? `exit code ${exitCode}`}). Its last lines:\n${lastLines(log, 20)}`);
  });
  // It may fail before anybody looks.
  failed.catch(() => undefined);
  const stop = async () => {
    isStopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended.finally(() => clearTimeout(killer));
  };

  const listening = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = /^SlurmQL listening on (http\S+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
  try {
    const address = await withDeadline(
      Promise.race([listening, failed]),
      START_TIMEOUT_MS,
      'the server does not listen',
    );
    return { address, token, failed, stop, request: (query, variables) => request(address, token, query, variables) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** 4000, or 0 (any free one) when something else listens there. */
function defaultPort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(DEFAULT_PORT, host, () => probe.close(() => resolve(DEFAULT_PORT)));
  });
}

async function request(address: string, token: string, query: string, variables: Readonly<Record<string, unknown>>) {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  const answer: { data?: Record<string, unknown>; errors?: unknown } = response.ok ? JSON.parse(text) : {};
  if (answer.data === undefined || answer.errors !== undefined) {
    throw new Error(`The server answered ${response.status}: ${text}`);
  }
  return answer.data;
}
