import type { Job } from '../domain/job.ts';
import { isActiveState, type JobState } from '../domain/job-state.ts';
import { ownerId } from '../domain/observation.ts';
import { CLOCKS_DIFFER_MS, inOrder } from '../domain/times.ts';
import type { Accounting, JobAccount } from '../slurm/index.ts';
import { withOtherComponents } from './observe.ts';
import { inTurns } from './turns.ts';

/** A job that is being cancelled may have begun or not. */
const MAY_NOT_HAVE_BEGUN: ReadonlySet<JobState> = new Set(['PENDING', 'HELD', 'CANCELLING']);

/** An answer of Slurm's accounting, by our jobs: a number alone doesn't identify an account's job. */
export class AccountingAnswer {
  readonly #answer: Accounting;
  readonly #ofJobs = new AccountsByNumber();
  /** The account of one task of each array. */
  readonly #ofArrays = new AccountsByNumber();

  private constructor(answer: Accounting) {
    this.#answer = answer;
  }

  /** Yields to the event loop while it reads a long answer. */
  static async of(answer: Accounting): Promise<AccountingAnswer> {
    const read = new AccountingAnswer(answer);
    if (answer.kind === 'read') for await (const account of inTurns(answer.accounts)) read.#take(account);
    return read;
  }

  #take(account: JobAccount): void {
    const { slurmJobId } = account.latest;
    this.#ofJobs.add(slurmJobId, account);
    const array = arrayOf(slurmJobId);
    if (array !== slurmJobId) this.#ofArrays.add(array, account);
  }

  /** The cluster keeps accounts, whether or not they can be read. */
  get isKept(): boolean {
    return this.#answer.kind !== 'none';
  }

  /** False: an exit code is the script's own, or 128 less. */
  get hasExactCodes(): boolean {
    return this.#answer.kind === 'read' && this.#answer.hasExactCodes;
  }

  /** Why some or all of it can't be read; null: all can, or there is no accounting. */
  get fault(): string | null {
    const answer = this.#answer;
    if (answer.kind === 'unreadable') return answer.message;
    if (answer.kind === 'none' || answer.unread.size === 0) return null;
    if (answer.fault !== null) return answer.fault;
    const numbers = [...answer.unread].slice(0, 3).join(', ');
    const more = answer.unread.size > 3 ? ` and ${answer.unread.size - 3} more` : '';
    return `sacct prints rows that can't be read, of ${numbers}${more}`;
  }

  /** Whether unreadable rows may be those of a job. */
  isUnreadable({ slurmJobId }: Job): boolean {
    if (this.#answer.kind !== 'read') return this.#answer.kind === 'unreadable';
    return this.#answer.unread.has(arrayOf(slurmJobId ?? ''));
  }

  accountOf(job: Job): JobAccount | null {
    return this.#ofJobs.of(job.slurmJobId ?? '', job);
  }

  /**
   * The account of a job that is over. An account with fewer attempts than were seen is that of an earlier one, unless
   * nothing better comes (`isLast`) and its run was in progress when the job was last seen.
   */
  endOf(job: Job, isLast: boolean): JobAccount | null {
    const account = this.accountOf(job);
    if (account === null) return null;
    const latest = { ...withOtherComponents(job, account.latest), attempt: account.latest.attempt };
    if (latest.state === null || isActiveState(latest.state)) return null;
    return latest.attempt >= job.attempt || (isLast && isOfLastSeen(job, account)) ? { ...account, latest } : null;
  }

  /**
   * Whether it has other tasks of a job's array but not this one. When a single waiting task is cancelled, Slurm takes
   * it out of the rest of its array, and neither squeue nor sacct has a record of it (seen with 22.05). A task that
   * began has a record of its own.
   */
  leavesOut(job: Job): boolean {
    if (job.arrayTaskId === null || job.startedAt !== null || !MAY_NOT_HAVE_BEGUN.has(job.state)) return false;
    if (this.isUnreadable(job) || this.accountOf(job) !== null) return false;
    return this.#ofArrays.of(arrayOf(job.slurmJobId ?? ''), job) !== null;
  }
}

/** Times of submission kept of one number without an owner: Slurm reuses a number once in years. */
const MOST_SUBMISSIONS = 100;

/** Accounts by number and owner. However many owners a number has, only the job's own is looked up. */
class AccountsByNumber {
  readonly #owned = new Map<string, JobAccount>();
  /** Those without an owner, by number: one for each time of submission. */
  readonly #unowned = new Map<string, JobAccount[]>();

  /** Keeps the first one of each owner. */
  add(number: string, account: JobAccount): void {
    const owner = account.latest.ownerId ?? account.latest.directoryJobId;
    if (owner !== null) {
      const key = `${number} ${owner}`;
      if (!this.#owned.has(key)) this.#owned.set(key, account);
      return;
    }
    const submitted = account.submittedAt?.getTime();
    if (submitted === undefined) return;
    const known = this.#unowned.get(number) ?? [];
    if (known.length >= MOST_SUBMISSIONS || known.some((other) => other.submittedAt?.getTime() === submitted)) return;
    known.push(account);
    this.#unowned.set(number, known);
  }

  /** The job's account under a number, and not that of an earlier or later job with it. */
  of(number: string, job: Job): JobAccount | null {
    const owned = this.#owned.get(`${number} ${ownerId(job)}`);
    return owned ?? this.#unowned.get(number)?.find((account) => isInTimeOf(account, job)) ?? null;
  }
}

/** `31` of `31_4`; a job's own number otherwise. */
function arrayOf(slurmJobId: string): string {
  return slurmJobId.split('_')[0] ?? '';
}

/**
 * Before 21.08, sacct shows nothing that a job's owner can't change: then an account is the job's if it was submitted
 * between our submission and Slurm's first showing it.
 */
function isInTimeOf({ submittedAt }: JobAccount, job: Job): boolean {
  if (submittedAt === null) return false;
  const shownAt = job.evidence?.seenAt ?? job.submittedAt;
  return (
    submittedAt.getTime() >= job.submittedAt.getTime() - CLOCKS_DIFFER_MS &&
    submittedAt.getTime() <= shownAt.getTime() + CLOCKS_DIFFER_MS
  );
}

function isOfLastSeen({ startedAt, evidence, submittedAt }: Job, account: JobAccount): boolean {
  const latest = inOrder(account.latest, submittedAt);
  if (startedAt !== null) return latest.startedAt !== null && latest.startedAt >= startedAt;
  return latest.endedAt !== null && evidence !== null && latest.endedAt >= evidence.seenAt;
}
