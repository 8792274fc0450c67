import type { Job } from '../domain/job.ts';
import { ownerId } from '../domain/observation.ts';
import { asError, messageOf } from '../domain/thrown.ts';
import {
  type Accounting,
  type JobAccount,
  type LastRecord,
  type Slurm,
  SlurmUnavailable,
  type Unreadable,
} from '../slurm/index.ts';
import { AccountingAnswer } from './accounting-answer.ts';
import { accounted, conclude, GRACE_MS, leavesCodeToScript } from './conclusion.ts';
import { FairTurns } from './fair-turns.ts';
import type { JobUpdate } from './observe.ts';
import { inTurns } from './turns.ts';

/** One snapshot can miss a job that the controller is moving; two in a row can't. */
const SNAPSHOTS_UNTIL_ASKED = 2;
const ACCOUNTING_INTERVAL_MS = 30_000;
/** With one command. */
const MARKERS_A_TICK = 200;

interface Absence {
  snapshots: number;
  readonly goneSince: number;
  /** Since when it is gone, or the accounting can be read again, whichever is later, because the accounting may lag. */
  since: number;
  askedAt: number;
  /** Since when the accounting shows its array but not it; null: it doesn't. */
  takenOutSince: number | null;
}

interface Due {
  readonly job: Job;
  readonly absence: Absence;
}

/** Its end record is needed besides the account, if there is one. */
interface Open extends Due {
  readonly account: JobAccount | null;
}

export interface Examined {
  /** Updates of jobs whose end, or whose earlier attempts, are certain now. */
  readonly updates: readonly JobUpdate[];
  /** Why end records could not be read, whose jobs are looked up again; null: they could, or none was needed. */
  readonly fault: Error | null;
}

/**
 * Finds out how jobs that left Slurm's queue ended: from its accounting, else from the end record of the batch script;
 * after a grace time it gives up. A job that is gone is never taken for one that ended.
 */
export class VanishedJobs {
  readonly #slurm: Pick<Slurm, 'accounting' | 'records'>;
  readonly #absences = new Map<string, Absence>();
  /** Requeued jobs whose closed attempts the accounting doesn't show yet, with the time of the last query. */
  readonly #requeued = new Map<string, { readonly job: Job; readonly since: number; askedAt: number }>();
  readonly #markerTurns = new FairTurns();
  #accountingFault: string | null = null;
  #recordsFault: string | null = null;

  constructor(slurm: Pick<Slurm, 'accounting' | 'records'>) {
    this.#slurm = slurm;
  }

  /** Why the last query of the accounting failed; null: it didn't, or there is no accounting. */
  get accountingFault(): string | null {
    return this.#accountingFault;
  }

  /** Why end records could not be read at the last look; null: they could, or none was needed. */
  get recordsFault(): string | null {
    return this.#recordsFault;
  }

  /** There are attempts whose ends the accounting doesn't show yet. */
  get isWaiting(): boolean {
    return this.#requeued.size > 0;
  }

  /** A job was seen in a new attempt: the next query also looks up how the one before ended. `now`: as below. */
  requeued(job: Job, now: number): void {
    this.#requeued.set(job.id, { job, since: now, askedAt: Number.NEGATIVE_INFINITY });
  }

  /**
   * Takes the jobs missing in one complete snapshot. `now`: ms on the monotonic clock, for waiting; `at`: the time to
   * report.
   */
  async examine(missing: readonly Job[], now: number, at: Date = new Date(now)): Promise<Examined> {
    const due = this.#due(missing, now);
    const requeued = [...this.#requeued.values()].filter(({ askedAt }) => now - askedAt >= ACCOUNTING_INTERVAL_MS);
    const asked = [...due.map(({ job }) => job), ...requeued.map(({ job }) => job)];
    if (asked.length === 0) {
      if (this.#absences.size === 0) [this.#accountingFault, this.#recordsFault] = [null, null];
      return { updates: [], fault: null };
    }

    const accounting = await this.#accounting([...new Set(asked.flatMap(({ slurmJobId }) => slurmJobId ?? []))]);
    this.#accountingFault = accounting.fault;
    const updates: JobUpdate[] = [];
    for (const entry of requeued) {
      entry.askedAt = now;
      const closed = accounting.accountOf(entry.job)?.closed ?? [];
      const isTold = closed.filter(({ outcome }) => outcome !== null).length >= entry.job.attempt - 1;
      if (isTold || !accounting.isKept || now - entry.since >= GRACE_MS) this.#requeued.delete(entry.job.id);
      const { id, slurmJobId } = entry.job;
      if (closed.length > 0) updates.push({ jobId: id, slurmJobId, apply: (job) => job, attempts: closed });
    }
    const open: Open[] = [];
    for await (const { job, absence } of inTurns(due)) {
      absence.askedAt = now;
      if (accounting.isUnreadable(job)) absence.since = now;
      const account = accounting.endOf(job, now - absence.since >= GRACE_MS);
      if (account === null || leavesCodeToScript(account)) open.push({ job, absence, account });
      else updates.push(accounted(job, account, at));
    }
    const { ends, fault } = await this.#endsOf(open, accounting, now, at);
    this.#recordsFault = fault?.message ?? null;
    return { updates: [...updates, ...ends], fault };
  }

  /** What the end records of jobs, together with their accounts, make certain. */
  async #endsOf(
    open: readonly Open[],
    accounting: AccountingAnswer,
    now: number,
    at: Date,
  ): Promise<{ readonly ends: readonly JobUpdate[]; readonly fault: Error | null }> {
    const looked = await this.#markerTurns.take(open, ({ job }) => ownerId(job), MARKERS_A_TICK);
    let markers: ReadonlyMap<string, LastRecord | Unreadable>;
    try {
      markers = await this.#markers(looked.map(({ job }) => job));
    } catch (cause) {
      return { ends: [], fault: asError(cause) };
    }
    const ends: JobUpdate[] = [];
    let fault: Error | null = null;
    for (const { job, absence, account } of looked) {
      const record = markers.get(job.id) ?? null;
      const isUnreadable = typeof record === 'object' && record !== null && 'unreadable' in record;
      if (isUnreadable && account === null) {
        // Then only the accounting can decide: it doesn't mean that there is no record.
        fault ??= new SlurmUnavailable(record.unreadable);
        continue;
      }
      const isTakenOut = record === null && accounting.leavesOut(job);
      absence.takenOutSince = isTakenOut ? (absence.takenOutSince ?? now) : null;
      const { since, goneSince, takenOutSince } = absence;
      const marker = isUnreadable || record === 'begun' ? null : record;
      const update = conclude({ job, account, marker, since, goneSince, takenOutSince }, accounting, now, at);
      if (update !== null) ends.push(update);
    }
    return { ends, fault };
  }

  /** A query that fails or times out says no more than one that Slurm can't answer. */
  async #accounting(slurmJobIds: readonly string[]): Promise<AccountingAnswer> {
    let answer: Accounting;
    try {
      answer = await this.#slurm.accounting.read(slurmJobIds);
    } catch (cause) {
      answer = { kind: 'unreadable', message: messageOf(cause) };
    }
    return AccountingAnswer.of(answer);
  }

  /** The end records of jobs, by job. */
  async #markers(jobs: readonly Job[]): Promise<ReadonlyMap<string, LastRecord | Unreadable>> {
    const places = jobs.flatMap(({ id, workDir, arrayTaskId }) =>
      workDir === null ? [] : [{ id, workDir, arrayTaskId }],
    );
    if (places.length === 0) return new Map();
    const markers = await this.#slurm.records.endMarkers(places);
    return new Map(places.map(({ id }, index) => [id, markers[index] ?? null]));
  }

  /** Counts absences; returns the jobs to look up now. */
  #due(missing: readonly Job[], now: number): Due[] {
    const missingIds = new Set(missing.map((job) => job.id));
    for (const id of this.#absences.keys()) if (!missingIds.has(id)) this.#absences.delete(id);
    return missing.flatMap((job) => {
      const absence = this.#absences.get(job.id) ?? {
        snapshots: 0,
        goneSince: now,
        since: now,
        askedAt: Number.NEGATIVE_INFINITY,
        takenOutSince: null,
      };
      absence.snapshots += 1;
      this.#absences.set(job.id, absence);
      const isDue = absence.snapshots >= SNAPSHOTS_UNTIL_ASKED && now - absence.askedAt >= ACCOUNTING_INTERVAL_MS;
      return isDue ? [{ job, absence }] : [];
    });
  }
}
