import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from 'graphql-ws';

const TOKEN = 'a-token-for-tests-only';

export interface GraphQLAnswer<T> {
  readonly data?: T | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
}

/** A server process on a port and in a directory of its own, spoken to as any client speaks to it. */
export class TestServer implements AsyncDisposable {
  readonly address: string;
  readonly directory: string;
  readonly token: string;
  readonly #process: ServerProcess;
  readonly #client: Client;

  private constructor(server: ServerProcess, address: string, directory: string, token: string) {
    this.#process = server;
    this.address = address;
    this.directory = directory;
    this.token = token;
    this.#client = createClient({
      url: `${address.replace('http', 'ws')}/graphql`,
      connectionParams: { authorization: `Bearer ${token}` },
      lazyCloseTimeout: 1000,
      retryAttempts: 0,
    });
  }

  /**
   * `directory`: that of an earlier server, to start again on its data; `port`: 0 for any free one; `variables`: more of
   * its environment.
   */
  static async start(
    clustersYaml: string,
    directory?: string,
    port = '0',
    variables: Readonly<Record<string, string>> = {},
  ): Promise<TestServer> {
    const place = directory ?? (await mkdtemp(join(tmpdir(), 'slurmql-test-')));
    await writeFile(join(place, 'clusters.yaml'), clustersYaml);
    const environment = { SLURMQL_TOKEN: TOKEN, PORT: port, ...variables };
    const server = new ServerProcess(place, environment);
    const line = await server.firstLine();
    const address = /^SlurmQL listening on (http:\S+)$/.exec(line)?.[1];
    if (address === undefined) throw new Error(`The server did not start: ${server.errors}`);
    return new TestServer(server, address, place, environment.SLURMQL_TOKEN);
  }

  /** Stops the server and keeps its data. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    await this.#client.dispose();
    return this.#process.stop(signal);
  }

  /** What it has written to standard error. */
  get errors(): string {
    return this.#process.errors;
  }

  get pid(): number {
    return this.#process.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async send<T>(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<GraphQLAnswer<T>> {
    const response = await fetch(`${this.address}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as GraphQLAnswer<T>;
  }

  /** The data; throws when there are errors. */
  async query<T>(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const { data, errors } = await this.send<T>(query, variables);
    if (errors !== undefined || data == null) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** The data of each event, until the stream completes or `break` leaves it. */
  async *subscribe<T>(query: string, variables: Readonly<Record<string, unknown>> = {}): AsyncGenerator<T> {
    for await (const { data, errors } of this.#client.iterate<T>({ query, variables: { ...variables } })) {
      if (errors !== undefined || data == null) throw new Error(JSON.stringify(errors));
      yield data;
    }
  }
}

/** What starts the server: the built one in its own tests, which starts in a third of the time, and its source elsewhere. */
export const MAIN = process.env['SLURMQL_TEST_MAIN'] ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** The server in a process, with an environment of its own, so that nothing of this machine's user gets in. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #firstLine: Promise<string>;
  readonly #exited: Promise<number | null>;
  errors = '';

  /** In `directory`: clusters.yaml, and the data. */
  constructor(directory: string, variables: Readonly<Record<string, string>>, main: string = MAIN) {
    this.#child = spawn(process.execPath, [main], {
      cwd: directory,
      env: { PATH: process.env['PATH'], HOME: directory, PORT: '0', LOG_FORMAT: 'json', ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    this.#exited = once(this.#child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('no standard output');
    this.#firstLine = Promise.race([
      once(createInterface(stdout), 'line').then(([line]) => String(line)),
      this.#exited.then(() => ''),
    ]);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The first line of standard output; empty when the process ends without one. */
  async firstLine(): Promise<string> {
    return this.#firstLine;
  }

  /** Resolves to its exit code; null when a signal ended it. */
  async exited(): Promise<number | null> {
    return this.#exited;
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.#exited;
  }
}

/** Asks again until the answer is right; throws the last answer when it never is. */
export async function until<T>(ask: () => Promise<T>, isRight: (value: T) => boolean, timeoutMs = 180_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (isRight(value)) return value;
    if (Date.now() > deadline) throw new Error(`Still not right: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
