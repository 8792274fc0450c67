import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Authenticator } from './auth/index.ts';
import { Clusters, observeClusters } from './clusters/index.ts';
import {
  type AdministratorToken,
  administratorToken,
  ClustersWatch,
  type ClustersWatchEvents,
  ConfigurationError,
  clustersFileOf,
  type Environment,
  prepareDataDirectory,
  readClustersFile,
  sshEnvironment,
} from './config/index.ts';
import { VERSION } from './domain/version.ts';
import { EventRetention, JobMetrics, Journal } from './events/index.ts';
import { HttpServer, ListenError } from './http/index.ts';
import { FileWatches } from './logs/index.ts';
import { endChildren, keepDataApart, ProjectWatch, Staging, setGitEnvironment } from './projects/index.ts';
import { DatabaseError, holdLock, Store } from './store/index.ts';
import { createLogger, type Logger, logWarnings, Metrics } from './telemetry/index.ts';

const WEB_DIRECTORY = fileURLToPath(new URL('../../web/dist', import.meta.url));

/** A running server. */
export interface App {
  /** http://HOST:PORT */
  readonly address: string;
  readonly token: AdministratorToken;
  /** Whether any was configured when it started. */
  readonly hasClusters: boolean;
  /** Ends everything in order, the last to begin first. May be called twice. */
  stop(): Promise<void>;
  /**
   * For a process that is about to end at once: nothing that it has begun outlives it, and no half of an answer looks
   * whole. `fault`: one that nobody caught, for the last line of the log.
   */
  abandon(fault?: unknown): void;
}

/** Whether the person who runs the server can mend it; the message says how. */
export function isMendable(cause: unknown): cause is Error {
  return cause instanceof ConfigurationError || cause instanceof DatabaseError || cause instanceof ListenError;
}

/**
 * Builds every part and starts it. What has been started by the time something fails is stopped again; throws what
 * `isMendable` knows for what the person who runs it can mend.
 */
export async function startApp(environment: Environment): Promise<App> {
  const stack = new AsyncDisposableStack();
  try {
    const settings = await readClustersFile(await clustersFileOf(environment.configFiles));
    const places = await prepareDataDirectory(environment);
    for (const file of places.lockFiles) stack.use(holdLock(file));
    stack.defer(endChildren);
    const token = await administratorToken({ token: environment.token, dataDirectory: places.directory });
    const log = createLogger({ level: environment.logLevel, format: environment.logFormat });
    stack.use(logWarnings(log));
    const metrics = new Metrics(VERSION);
    setGitEnvironment(environment.gitVariables);
    keepDataApart(places);

    const store = await Store.open(places.databaseFile);
    stack.defer(() => store.close());
    const journal = new Journal(store);
    await journal.start();
    const retention = new EventRetention(journal, log);
    stack.defer(() => retention.stop());
    retention.start();
    const jobMetrics = new JobMetrics(journal, metrics, log);
    stack.defer(() => jobMetrics.stop());
    jobMetrics.start();
    const staging = new Staging({
      directory: join(places.directory, 'staging'),
      needFiles: (jobIds) => store.jobs.submitting(jobIds),
      onFault: (cause) => log.error({ err: cause }, 'Files of jobs that are no longer needed could not be removed'),
    });
    stack.defer(() => staging.stop());
    await staging.start();

    const clusters = new Clusters({
      store,
      journal,
      staging,
      log,
      metrics,
      sshEnvironment: sshEnvironment(environment),
    });
    stack.defer(() => clusters.stop());
    observeClusters(clusters, metrics);
    await clusters.start(settings);
    const configuration = new ClustersWatch(environment.configFiles, followClustersFile(clusters, log));
    stack.defer(() => configuration.stop());
    configuration.start(settings.map(({ name }) => name));

    const repositories = new ProjectWatch({
      projects: store.projects.all(),
      records: store.projects,
      onError: (cause) => log.error({ err: cause }, 'The state of a project could not be kept up to date'),
    });
    stack.defer(() => repositories.stop());

    const authenticator = await Authenticator.open(token.value, store.sessions);
    const watches = new FileWatches(log);
    metrics.gauge('slurmql_followed_logs', 'Log files that are being followed.', () => watches.size);
    metrics.gauge(
      'slurmql_kept_log_bytes',
      'Bytes of followed log files that are kept in memory.',
      () => watches.keptBytes,
    );
    const http = new HttpServer({
      services: { store, journal, clusters, staging, repositories, watches, log, metrics },
      authenticator,
      host: environment.host,
      port: environment.port,
      webDirectory: WEB_DIRECTORY,
      allowedOrigins: environment.allowedOrigins,
      trustedProxies: environment.trustedProxies,
      readiness: async () => ({
        database: await store.isOpen(),
        configuration: clusters.configurationFault === null,
        pollers: clusters.arePolling,
      }),
    });
    stack.defer(() => http.stop());
    const address = await http.start();
    repositories.start();
    const stop = stack.move();
    return {
      address,
      token,
      hasClusters: settings.length > 0,
      stop: () => stop.disposeAsync(),
      abandon: (fault) => {
        if (fault !== undefined) log.fatal({ err: fault }, 'The server is stopping after an uncaught error');
        http.abandon();
        endChildren();
      },
    };
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}

/** What a change of clusters.yaml does to a running server. */
function followClustersFile(clusters: Clusters, log: Logger): ClustersWatchEvents {
  return {
    onSettings: (settings) => {
      if (clusters.configurationFault !== null) log.info('clusters.yaml is valid again and in force');
      clusters.configurationFault = null;
      clusters
        .configure(settings)
        .catch((cause: unknown) => log.error({ err: cause }, 'The new clusters.yaml could not be put in force'));
    },
    onFault: (message) => {
      clusters.configurationFault = message;
      log.error(`The last good configuration stays in force. ${message}`);
    },
  };
}
