import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Authenticator } from '../auth/index.ts';
import { Clusters } from '../clusters/index.ts';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { JobMetrics, Journal } from '../events/index.ts';
import { FileWatches } from '../logs/index.ts';
import { stagingFor, takeGitEnvironment, UNWATCHED } from '../projects/testing.ts';
import { Store } from '../store/index.ts';
import { createLogger, Metrics } from '../telemetry/index.ts';
import { type HttpOptions, HttpServer } from './server.ts';

export const TOKEN = 'a-token-for-tests-only';

interface StageOptions {
  /** Default: one that knows TOKEN. */
  readonly authenticator?: HttpOptions['authenticator'];
  readonly allowedOrigins?: readonly string[];
  /** The built dashboard. Default: none. */
  readonly webDirectory?: string | undefined;
}

/** The server on a real store and without a cluster: whoever holds it writes the jobs. */
export class Stage implements AsyncDisposable {
  readonly store: Store;
  readonly journal: Journal;
  readonly clusters: Clusters;
  readonly address: string;
  readonly #stack: AsyncDisposableStack;

  readonly #http: HttpServer;

  private constructor(
    { store, journal, clusters }: Pick<Stage, 'store' | 'journal' | 'clusters'>,
    http: HttpServer,
    address: string,
    stack: AsyncDisposableStack,
  ) {
    this.store = store;
    this.journal = journal;
    this.clusters = clusters;
    this.#http = http;
    this.address = address;
    this.#stack = stack;
  }

  /** `databaseFile`: one that is there already. Default: a new one, which is removed in the end. */
  static async open(
    databaseFile?: string,
    { allowedOrigins = [], authenticator, webDirectory }: StageOptions = {},
  ): Promise<Stage> {
    const stack = new AsyncDisposableStack();
    takeGitEnvironment();
    try {
      const directory = await mkdtemp(join(tmpdir(), 'slurmql-stage-'));
      stack.defer(() => rm(directory, { recursive: true, force: true }));
      const store = await Store.open(databaseFile ?? join(directory, 'slurmql.sqlite'));
      stack.defer(() => store.close());
      const journal = new Journal(store);
      await journal.start();
      const log = createLogger({ level: 'error', format: 'json' });
      const metrics = new Metrics('1.2.3');
      const jobMetrics = new JobMetrics(journal, metrics, log);
      stack.defer(() => jobMetrics.stop());
      jobMetrics.start();
      const staging = stagingFor(store, join(directory, 'staging'));
      const sshEnvironment = { homeDirectory: directory, userName: 'nobody', configFile: join(directory, 'config') };
      const clusters = new Clusters({ store, journal, staging, log, metrics, sshEnvironment });
      stack.defer(() => clusters.stop());
      const services = {
        ...{ store, journal, clusters, staging, log, metrics },
        ...{ repositories: UNWATCHED, watches: new FileWatches(log) },
      };
      const http = new HttpServer({
        services,
        authenticator: authenticator ?? (await Authenticator.open(TOKEN, store.sessions)),
        host: '127.0.0.1',
        port: 0,
        webDirectory: webDirectory ?? directory,
        allowedOrigins,
        trustedProxies: [],
        readiness: async () => ({ pollers: clusters.arePolling }),
      });
      stack.defer(() => http.stop());
      return new Stage(services, http, await http.start(), stack);
    } catch (cause) {
      await stack.disposeAsync();
      throw cause;
    }
  }

  async create(jobs: readonly Job[]): Promise<void> {
    await this.journal.write(SYSTEM, (writer) =>
      writer.create(jobs.map((job) => ({ job, idempotencyKey: null, submission: null }))),
    );
  }

  /** Changes a job in a transaction of its own. */
  async change(id: string, news: Partial<Job>): Promise<void> {
    await this.journal.write(SYSTEM, (writer) => writer.update(id, (job) => ({ ...job, ...news })));
  }

  /** What /metrics tells of a gauge or a counter. */
  async figure(name: string): Promise<number> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const text = await (await fetch(`${this.address}/metrics`, { headers })).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  }

  /** Stops what listens. */
  async stop(): Promise<void> {
    await this.#http.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export interface AskedOperation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
}

export interface ToldError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: Readonly<Record<string, unknown>>;
}

interface ToldAnswer {
  readonly data?: unknown;
  readonly errors?: readonly ToldError[];
}

const authorization = `Bearer ${TOKEN}`;

/** What each transport answers, with a token: of a subscription, the first result. */
export const TRANSPORTS: Readonly<Record<string, (address: string, operation: AskedOperation) => Promise<ToldAnswer>>> =
  {
    'over HTTP': async (address, operation) => {
      const headers = { authorization, 'content-type': 'application/json', accept: 'application/json' };
      const body = JSON.stringify(operation);
      return (await fetch(`${address}/graphql`, { method: 'POST', headers, body })).json() as Promise<ToldAnswer>;
    },
    'over HTTP with GET': async (address, { query, variables = {}, operationName }) => {
      const parameters = new URLSearchParams({ query, variables: JSON.stringify(variables) });
      if (operationName !== undefined) parameters.set('operationName', operationName);
      const headers = { authorization, accept: 'application/json' };
      return (await fetch(`${address}/graphql?${parameters}`, { headers })).json() as Promise<ToldAnswer>;
    },
    'by server-sent events': async (address, operation) => {
      const headers = { authorization, 'content-type': 'application/json', accept: 'text/event-stream' };
      const body = JSON.stringify(operation);
      const text = await (await fetch(`${address}/graphql`, { method: 'POST', headers, body })).text();
      if (!text.includes('event: complete')) throw new Error(`The stream was not completed: ${text}`);
      return JSON.parse(/^data: ?(.+)$/m.exec(text)?.[1] ?? '{}');
    },
    'over WebSocket': (address, operation) => {
      const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
      const say = (message: object) => socket.send(JSON.stringify(message));
      return new Promise((resolve, reject) => {
        socket.on('error', reject);
        socket.on('close', (code, reason) => reject(new Error(`${code} ${reason}`)));
        socket.on('open', () => say({ type: 'connection_init', payload: { authorization } }));
        socket.on('message', (data) => {
          const { type, payload } = JSON.parse(String(data));
          if (type === 'connection_ack') say({ id: '1', type: 'subscribe', payload: operation });
          if (type !== 'next' && type !== 'error') return;
          resolve(type === 'error' ? { errors: payload } : payload);
          socket.terminate();
        });
      });
    },
  };

export interface SocketOptions {
  readonly protocol?: string[];
  readonly headers?: Record<string, string>;
}

interface SocketMessage {
  readonly type: string;
  readonly id?: string;
  readonly payload?: never;
}

/** A graphql-transport-ws connection, message by message: for what the reference client doesn't do. */
export class SocketClient {
  readonly socket: WebSocket;
  readonly messages: SocketMessage[] = [];
  readonly closed: Promise<number>;

  constructor(address: string, { protocol = ['graphql-transport-ws'], headers = {} }: SocketOptions = {}) {
    this.socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, protocol, { headers });
    this.socket.on('message', (data) => this.messages.push(JSON.parse(String(data))));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', resolve);
      this.socket.on('error', () => resolve(-1));
    });
  }

  async opened(): Promise<void> {
    if (this.socket.readyState === this.socket.CONNECTING) {
      await new Promise((resolve) => this.socket.once('open', resolve));
    }
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** So that the server has all of them before it has answered one. */
  sendTogether(messages: readonly object[]): void {
    const { _socket: stream } = this.socket as unknown as { readonly _socket: Socket };
    stream.cork();
    for (const message of messages) this.send(message);
    stream.uncork();
  }

  async init(payload: object = { authorization: `Bearer ${TOKEN}` }): Promise<void> {
    await this.opened();
    this.send({ type: 'connection_init', payload });
    await this.until(() => this.messages.some(({ type }) => type === 'connection_ack'));
  }

  subscribe(id: string, query: string, variables: object = {}): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  async until(isRight: () => boolean): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!isRight()) {
      if (Date.now() > deadline) throw new Error(`Never came: ${JSON.stringify(this.messages.slice(-3))}`);
      await pause(5);
    }
  }
}
