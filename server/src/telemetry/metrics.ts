import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Gauges of prom-client's own whose names end as only a counter's may (prometheus.io/docs/practices/naming). */
const MISNAMED = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total'];

/** What /metrics shows. One instance a process part, so that two servers in one test share nothing. */
export class Metrics {
  readonly registry = new Registry();
  readonly questions: Counter<'cluster' | 'outcome'>;
  readonly clusterCommands: Counter<'cluster' | 'kind'>;
  readonly clusterSeconds: Counter<'cluster' | 'kind'>;
  readonly clusterLogins: Counter<'cluster' | 'outcome'>;
  readonly submissions: Counter<'cluster' | 'outcome'>;
  readonly jobEnds: Counter<'cluster' | 'state'>;
  readonly requestSeconds: Histogram<'route' | 'code'>;
  readonly cutConnections: Counter<'why'>;
  readonly refusedCredentials: Counter<'outcome'>;

  /** `version`: of this program. */
  constructor(version: string) {
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
    this.gauges('slurmql_build_info', 'Always 1; the version is a label.', ['version'], () => [
      { labels: { version }, value: 1 },
    ]);
    this.questions = new Counter({
      name: 'slurmql_queue_questions_total',
      help: 'Queue queries sent to a cluster, by result (answered, failed).',
      labelNames: ['cluster', 'outcome'],
      registers: [this.registry],
    });
    this.clusterCommands = new Counter({
      name: 'slurmql_cluster_commands_total',
      help: 'Commands and file requests sent to a cluster, by purpose.',
      labelNames: ['cluster', 'kind'],
      registers: [this.registry],
    });
    this.clusterSeconds = new Counter({
      name: 'slurmql_cluster_command_seconds_total',
      help: 'Seconds that commands and file requests to a cluster took, by purpose.',
      labelNames: ['cluster', 'kind'],
      registers: [this.registry],
    });
    this.clusterLogins = new Counter({
      name: 'slurmql_cluster_logins_total',
      help: 'Login attempts to a cluster, by result (accepted, refused).',
      labelNames: ['cluster', 'outcome'],
      registers: [this.registry],
    });
    this.submissions = new Counter({
      name: 'slurmql_submissions_total',
      help: 'Submissions of jobs, by result (accepted, refused, cancelled before Slurm accepted them).',
      labelNames: ['cluster', 'outcome'],
      registers: [this.registry],
    });
    this.jobEnds = new Counter({
      name: 'slurmql_job_ends_total',
      help: 'Ends of jobs that were seen, by final state. Each task of an array counts as one.',
      labelNames: ['cluster', 'state'],
      registers: [this.registry],
    });
    this.requestSeconds = new Histogram({
      name: 'slurmql_http_request_duration_seconds',
      help: 'Seconds from the head of an HTTP request to the last byte of its answer, by kind of request; without streams.',
      labelNames: ['route', 'code'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
      registers: [this.registry],
    });
    this.cutConnections = new Counter({
      name: 'slurmql_cut_connections_total',
      help:
        'Connections that the server closed: too many without a credential (newcomer), many requests at once ' +
        '(pipelined), a client that stopped reading (stalled), too much that clients have yet to read (untaken), or that ' +
        'the server has (unread).',
      labelNames: ['why'],
      registers: [this.registry],
    });
    this.refusedCredentials = new Counter({
      name: 'slurmql_refused_credentials_total',
      help: 'Tokens and sessions that were refused: wrong ones (wrong), and unchecked ones after too many wrong ones (slowed).',
      labelNames: ['outcome'],
      registers: [this.registry],
    });
  }

  /** A figure that is read when somebody asks for it. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** Figures of the same kind, one for each set of labels, that are read when somebody asks for them. */
  gauges<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: () => Iterable<{ readonly labels: Readonly<Record<L, string>>; readonly value: number }>,
  ): void {
    new Gauge<L>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        // What is gone has no figure.
        this.reset();
        for (const { labels, value } of read()) this.set(labels, value);
      },
    });
  }
}
