import type { JobObservation, TasksObservation } from '../domain/observation.ts';
import {
  type Begun,
  type Claimer,
  type JobAccount,
  type JobRecords,
  type LastRecord,
  type MarkerPlace,
  type SlurmAccounting,
  type SlurmControl,
  type SlurmQueue,
  SlurmUnavailable,
} from '../slurm/index.ts';
import type { PolledSlurm } from './reconciler.ts';

/** A Slurm that says what a test tells it to say. */
export class ToldSlurm implements PolledSlurm {
  /** What it was asked, in order. */
  readonly asked: string[] = [];
  /** Thrown by whatever needs Slurm; an error of the connection by everything. */
  fault: Error | null = null;
  observations: readonly JobObservation[] = [];
  shared: readonly TasksObservation[] = [];
  faultyRows: readonly string[] = [];
  /** Null: it keeps no accounts. */
  accounts: readonly (JobObservation | JobAccount)[] | null = null;
  hasExactCodes = true;
  /** Why its accounting can't be read; null when it can. */
  accountingFault: string | null = null;
  unread: ReadonlySet<string> = new Set();
  /** By the job's directory. */
  readonly markers = new Map<string, LastRecord>();
  /** Thrown when it is asked for what has begun. */
  recordsFault: Error | null = null;
  /** Directories in which no command has begun, as their records say, or of which that isn't known. */
  readonly unbegun = new Map<string, Exclude<Begun, true>>();
  /** Whose claim lies there, or why it can't be read, by the job's directory. */
  readonly claims = new Map<string, Exclude<Claimer, null>>();
  /** Waited for before the queue is answered. */
  gate: Promise<void> | null = null;

  get questions(): number {
    return this.asked.filter((question) => question === 'queue').length;
  }

  #throwFault(): void {
    if (this.fault !== null) throw this.fault;
  }

  /** Files on the cluster, and slurmdbd, do without the controller. */
  #throwUnlessController(): void {
    if (!(this.fault instanceof SlurmUnavailable)) this.#throwFault();
  }

  readonly queue: SlurmQueue = {
    snapshot: async () => {
      this.asked.push('queue');
      await this.gate;
      this.#throwFault();
      return { observations: this.observations, shared: this.shared, faultyRows: this.faultyRows };
    },
  };

  readonly accounting: SlurmAccounting = {
    tryOut: async () => {
      this.#throwUnlessController();
      return this.accountingFault;
    },
    read: async (slurmJobIds) => {
      this.asked.push(`accounting ${slurmJobIds.join(',')}`);
      this.#throwUnlessController();
      if (this.accountingFault !== null) return { kind: 'unreadable', message: this.accountingFault };
      if (this.accounts === null) return { kind: 'none' };
      const accounts = this.accounts.map((account) =>
        'latest' in account
          ? account
          : { submittedAt: null, latest: { ...account, attempt: account.attempt ?? 1 }, closed: [] },
      );
      // Of a task, with all the others of its array.
      const numbers = new Set(slurmJobIds.map(numberOf));
      const found = accounts.filter(({ latest }) => numbers.has(numberOf(latest.slurmJobId)));
      return { kind: 'read', accounts: found, unread: this.unread, fault: null, hasExactCodes: this.hasExactCodes };
    },
  };

  readonly records: JobRecords = {
    endMarkers: async (places) => {
      const keys = places.map(placeKey);
      this.asked.push(`markers ${keys.join(',')}`);
      this.#throwUnlessController();
      return keys.map((key) => this.markers.get(key) ?? null);
    },
    hasBegun: async (attempts) => {
      this.#throwUnlessController();
      if (this.recordsFault !== null) throw this.recordsFault;
      return attempts.map(({ workDir }) => this.unbegun.get(workDir) ?? true);
    },
    claimers: async (places) => {
      const keys = places.map(placeKey);
      this.asked.push(`claims ${keys.join(',')}`);
      this.#throwUnlessController();
      return keys.map((key) => this.claims.get(key) ?? null);
    },
  };

  readonly control: SlurmControl = {
    cancel: async (slurmJobIds) => {
      this.asked.push(`cancel ${slurmJobIds.join(',')}`);
      this.#throwFault();
    },
    change: async (_action, groups) => {
      this.#throwFault();
      return groups.map(() => null);
    },
  };
}

function placeKey({ workDir, arrayTaskId }: MarkerPlace): string {
  return arrayTaskId === null ? workDir : `${workDir}/${arrayTaskId}`;
}

/** `31` of `31_4`. */
function numberOf(slurmJobId: string): string {
  return slurmJobId.split('_')[0] ?? '';
}

/** What Slurm says of a job that runs; what matters to a test is given. */
export function anObservation(parts: Partial<JobObservation> = {}): JobObservation {
  return {
    source: 'SQUEUE',
    slurmJobId: '1234',
    ownerId: null,
    directoryJobId: null,
    state: 'RUNNING',
    word: parts.state ?? 'RUNNING',
    reason: null,
    exitCode: null,
    signal: null,
    attempt: 1,
    startedAt: new Date('2026-11-24T12:01:00Z'),
    endedAt: null,
    estimatedStartAt: null,
    nodeList: 'gpu01',
    partition: 'gpu',
    allocated: null,
    components: [],
    ...parts,
  };
}
