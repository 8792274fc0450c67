import type { JobObservation } from '../domain/observation.ts';
import type { AttemptPlace, Begun } from '../slurm/adapter.ts';
import type { MarkerPlace } from '../slurm/commands.ts';
import { type Accounting, type JobAccount, type QueueSnapshot, SlurmAdapter, type Unreadable } from '../slurm/index.ts';
import type { LastRecord } from '../slurm/parse/markers.ts';

/** A Slurm that says what a test tells it to say. */
export class ToldSlurm extends SlurmAdapter {
  /** What it was asked, in order. */
  readonly asked: string[] = [];
  /** Thrown when it is asked for the queue. */
  fault: Error | null = null;
  observations: readonly JobObservation[] = [];
  faultyRows: readonly string[] = [];
  /** Null: it keeps no accounts. */
  accounts: readonly (JobObservation | JobAccount)[] | null = null;
  hasExactCodes = true;
  /** Why its accounting can't be read; null when it can. */
  accountingFault: string | null = null;
  unread: ReadonlySet<string> = new Set();
  /** By folder. */
  readonly markers = new Map<string, LastRecord>();
  /** Thrown when it is asked for what has begun. */
  recordsFault: Error | null = null;
  /** Folders in which no command has begun, as their records say, or of which that isn't known. */
  readonly unbegun = new Map<string, Exclude<Begun, true>>();
  /** Whose claim is in a folder, by folder. */
  readonly claims = new Map<string, string>();
  /** Waited for before the queue is answered. */
  gate: Promise<void> | null = null;

  constructor() {
    super(
      { run: () => Promise.reject(new Error('this Slurm is told what to say and runs nothing')) },
      {
        name: 'alpha',
        host: 'login',
        workspace: '~/slurmql',
        gpuRequest: 'gres',
        pollIntervalSeconds: 30,
        gpuCacheSeconds: 60,
      },
    );
  }

  get questions(): number {
    return this.asked.filter((question) => question === 'queue').length;
  }

  override async queue(): Promise<QueueSnapshot> {
    this.asked.push('queue');
    await this.gate;
    if (this.fault !== null) throw this.fault;
    return { observations: this.observations, faultyRows: this.faultyRows };
  }

  override async accounting(slurmJobIds: readonly string[]): Promise<Accounting> {
    this.asked.push(`accounting ${slurmJobIds.join(',')}`);
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
    return { kind: 'read', accounts: found, unread: this.unread, hasExactCodes: this.hasExactCodes };
  }

  override async endMarkers(places: readonly MarkerPlace[]): Promise<readonly (LastRecord | Unreadable)[]> {
    const keys = places.map(({ workDir, arrayTaskId }) =>
      arrayTaskId === null ? workDir : `${workDir}/${arrayTaskId}`,
    );
    this.asked.push(`markers ${keys.join(',')}`);
    return keys.map((key) => this.markers.get(key) ?? null);
  }

  override async hasBegun(attempts: readonly AttemptPlace[]): Promise<readonly Begun[]> {
    if (this.recordsFault !== null) throw this.recordsFault;
    return attempts.map(({ workDir }) => this.unbegun.get(workDir) ?? true);
  }

  override async claimer(workDir: string, arrayTaskId: number | null): Promise<string | null> {
    const key = arrayTaskId === null ? workDir : `${workDir}/${arrayTaskId}`;
    this.asked.push(`claim ${key}`);
    return this.claims.get(key) ?? null;
  }

  override async cancel(slurmJobIds: readonly string[]): Promise<void> {
    this.asked.push(`cancel ${slurmJobIds.join(',')}`);
  }
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
    folderId: null,
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
