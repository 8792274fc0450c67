import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** What /metrics shows. One instance a process part, so that two servers in one test share nothing. */
export class Metrics {
  readonly registry = new Registry();
  readonly questions: Counter<'cluster' | 'outcome'>;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.questions = new Counter({
      name: 'slurmql_queue_questions_total',
      help: 'Questions for the queue that were put to a cluster, by how they ended (answered, failed).',
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
