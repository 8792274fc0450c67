import type { ClusterSettings } from '../domain/cluster.ts';
import { SacctAccounting } from './adapter/accounting.ts';
import { ScontrolControl } from './adapter/control.ts';
import { ScontrolInventory } from './adapter/inventory.ts';
import { ProbedLogin } from './adapter/login.ts';
import { SqueueQueue } from './adapter/queue.ts';
import { DirectoryRecords } from './adapter/records.ts';
import { Session } from './adapter/session.ts';
import { SbatchSubmission } from './adapter/submission.ts';
import type { OwnJobs } from './own-jobs.ts';
import type { Runner } from './runner.ts';
import type {
  JobRecords,
  Slurm,
  SlurmAccounting,
  SlurmControl,
  SlurmInventory,
  SlurmLogin,
  SlurmQueue,
  SlurmSubmission,
} from './slurm.ts';

/** Slurm through its own commands, run on a login node of the cluster. */
export class SlurmAdapter implements Slurm {
  readonly login: SlurmLogin;
  readonly queue: SlurmQueue;
  readonly accounting: SlurmAccounting;
  readonly inventory: SlurmInventory;
  readonly records: JobRecords;
  readonly submission: SlurmSubmission;
  readonly control: SlurmControl;

  /** `jobs`: those that the queue may speak of; null: any. */
  constructor(runner: Runner, settings: ClusterSettings, jobs: OwnJobs | null = null) {
    const session = new Session(runner, settings);
    const queue = new SqueueQueue(session, jobs);
    this.login = new ProbedLogin(session, queue);
    this.queue = queue;
    this.accounting = new SacctAccounting(session);
    this.inventory = new ScontrolInventory(session);
    this.records = new DirectoryRecords(session);
    this.submission = new SbatchSubmission(session, queue);
    this.control = new ScontrolControl(session);
  }
}
