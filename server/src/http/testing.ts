import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authenticator } from '../auth/index.ts';
import { Clusters } from '../clusters/index.ts';
import type { Job } from '../domain/job.ts';
import { JobMetrics, Journal } from '../events/index.ts';
import { FileWatches } from '../logs/index.ts';
import { Staging } from '../projects/index.ts';
import { Store } from '../store/index.ts';
import { createLogger, Metrics } from '../telemetry/index.ts';
import { HttpServer } from './server.ts';

export const TOKEN = 'a-token-for-tests-only';

interface StageOptions {
  readonly allowedOrigins?: readonly string[];
  /** The built dashboard. Default: none. */
  readonly webDirectory?: string | undefined;
}

/** The server on a real store and without a cluster: whoever holds it writes the jobs. */
export class Stage implements AsyncDisposable {
  readonly store: Store;
  readonly journal: Journal;
  readonly address: string;
  readonly #stack: AsyncDisposableStack;

  readonly #http: HttpServer;

  private constructor(store: Store, journal: Journal, http: HttpServer, address: string, stack: AsyncDisposableStack) {
    this.store = store;
    this.journal = journal;
    this.#http = http;
    this.address = address;
    this.#stack = stack;
  }

  /** `databaseFile`: one that is there already. Default: a new one, which is removed in the end. */
  static async open(databaseFile?: string, { allowedOrigins = [], webDirectory }: StageOptions = {}): Promise<Stage> {
    const stack = new AsyncDisposableStack();
    try {
      const folder = await mkdtemp(join(tmpdir(), 'slurmql-stage-'));
      stack.defer(() => rm(folder, { recursive: true, force: true }));
      const store = await Store.open(databaseFile ?? join(folder, 'slurmql.sqlite'));
      stack.defer(() => store.close());
      const journal = new Journal(store);
      await journal.start();
      const log = createLogger({ level: 'error', format: 'json' });
      const metrics = new Metrics('1.2.3');
      const jobMetrics = new JobMetrics(journal, metrics, log);
      stack.defer(() => jobMetrics.stop());
      jobMetrics.start();
      const staging = new Staging(join(folder, 'staging'));
      const sshEnvironment = { homeDirectory: folder, userName: 'nobody', configFile: join(folder, 'config') };
      const clusters = new Clusters({ store, journal, staging, log, metrics, sshEnvironment });
      stack.defer(() => clusters.stop());
      const authenticator = await Authenticator.open(TOKEN, store.sessions);
      const http = new HttpServer({
        services: { store, journal, clusters, staging, watches: new FileWatches(log), log, metrics },
        authenticator,
        host: '127.0.0.1',
        port: 0,
        webDirectory: webDirectory ?? folder,
        allowedOrigins,
        trustedProxies: [],
        readiness: async () => ({}),
      });
      stack.defer(() => http.stop());
      return new Stage(store, journal, http, await http.start(), stack);
    } catch (cause) {
      await stack.disposeAsync();
      throw cause;
    }
  }

  async create(jobs: readonly Job[]): Promise<void> {
    await this.journal.write((writer) =>
      writer.create(jobs.map((job) => ({ job, idempotencyKey: null, submission: null }))),
    );
  }

  /** Changes a job in a transaction of its own. */
  async change(id: string, news: Partial<Job>): Promise<void> {
    await this.journal.write((writer) => writer.update(id, (job) => ({ ...job, ...news })));
  }

  /** Stops what listens. */
  async stop(): Promise<void> {
    await this.#http.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
