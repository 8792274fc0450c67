import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** What /metrics shows. One instance a process part, so that two servers in one test share nothing. */
export class Metrics {
  readonly registry = new Registry();
  readonly questions: Counter<'cluster' | 'outcome'>;
  readonly clusterCommands: Counter<'cluster' | 'kind'>;
  readonly clusterSeconds: Counter<'cluster' | 'kind'>;
  readonly clusterLogins: Counter<'cluster' | 'outcome'>;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.questions = new Counter({
      name: 'slurmql_queue_questions_total',
      help: 'Questions for the queue that were put to a cluster, by how they ended (answered, failed).',
      labelNames: ['cluster', 'outcome'],
      registers: [this.registry],
    });
    this.clusterCommands = new Counter({
      name: 'slurmql_cluster_commands_total',
      help: 'Commands and file requests that were sent to a cluster, by what they were for.',
      labelNames: ['cluster', 'kind'],
      registers: [this.registry],
    });
    this.clusterSeconds = new Counter({
      name: 'slurmql_cluster_command_seconds_total',
      help: 'Seconds from sending commands and file requests to a cluster to their ends, by what they were for.',
      labelNames: ['cluster', 'kind'],
      registers: [this.registry],
    });
    this.clusterLogins = new Counter({
      name: 'slurmql_cluster_logins_total',
      help: 'Attempts to log in to a cluster, by how they ended (accepted, refused).',
      labelNames: ['cluster', 'outcome'],
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
}
