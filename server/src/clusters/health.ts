import type { ClusterHealth } from '../domain/cluster.ts';
import type { ConnectionState } from '../ssh/index.ts';

/** What is known to be wrong with Slurm on a cluster; each is the cluster's own words, or null: nothing. */
export interface Faults {
  /** Slurm can't be used on this login at all. */
  readonly login: string | null;
  readonly queue: string | null;
  /** Of the last attempt to submit a job. */
  readonly submission: string | null;
  /** Others could put their own commands into the workspace. */
  readonly workspace: string | null;
  /** The options of every submission, when sbatch was asked of them. */
  readonly submissionOptions: string | null;
  /** What jobs wrote of their beginning. */
  readonly records: string | null;
  /** When jobs were last looked up there. */
  readonly accounting: string | null;
  /** When the question was tried, for the day on which it is needed. */
  readonly accountingQuestion: string | null;
  /** Partitions and nodes. */
  readonly inventory: string | null;
}

export const NO_FAULTS: Faults = {
  login: null,
  queue: null,
  submission: null,
  workspace: null,
  submissionOptions: null,
  records: null,
  accounting: null,
  accountingQuestion: null,
  inventory: null,
};

export interface Standing {
  readonly connection: ConnectionState;
  /** The login has been found to be one of a cluster that can be used. */
  readonly isProbed: boolean;
  readonly faults: Faults;
  /** Why its files go by commands; null: they don't. */
  readonly sftpFault: string | null;
  /** How far the cluster's clock is ahead of this server's; negative: behind. */
  readonly clockAheadMs: number;
}

/** Which faults a cluster has. */
export class Health {
  #faults: Faults = NO_FAULTS;

  get faults(): Faults {
    return this.#faults;
  }

  /** True: one of them has come, changed or gone. */
  report(faults: Partial<Faults>): boolean {
    const before = this.#faults;
    this.#faults = { ...before, ...faults };
    const names = Object.keys(NO_FAULTS) as (keyof Faults)[];
    return names.some((name) => before[name] !== this.#faults[name]);
  }

  /** The connection is lost: what was wrong there may be mended until the next one. Jobs that are gone stay in doubt. */
  disconnected(): void {
    const { records, accounting } = this.#faults;
    this.#faults = { ...NO_FAULTS, records, accounting };
  }
}

const CLOCK_REMARK_SECONDS = 60;

/** How a cluster stands, with what is wrong and what to do about it. */
export function statusOf(standing: Standing): Pick<ClusterHealth, 'status' | 'message'> {
  const { connection, isProbed, clockAheadMs } = standing;
  switch (connection.status) {
    case 'idle':
      return { status: 'IDLE', message: null };
    case 'connecting':
      return { status: 'CONNECTING', message: connection.message };
    case 'unreachable':
      return { status: 'UNREACHABLE', message: connection.message };
    case 'asking':
    case 'refused':
      return { status: 'AUTH_REQUIRED', message: connection.message };
    case 'online': {
      const faults = sentences(standing.faults);
      const remarks = [...clockRemark(clockAheadMs), ...sftpRemark(standing.sftpFault)];
      const message = [...faults, ...remarks].join(' ') || null;
      if (faults.length > 0) return { status: 'DEGRADED', message };
      return isProbed ? { status: 'ONLINE', message } : { status: 'CONNECTING', message: null };
    }
  }
}

/** The gravest fault alone where it explains the others: who can't read the queue can't submit either. */
function sentences({ login, queue, records, inventory, ...others }: Faults): readonly string[] {
  const submission = others.submission ?? others.workspace ?? others.submissionOptions;
  const accounting = others.accounting ?? others.accountingQuestion;
  if (login !== null) return [`${login}. It is tried again by itself.`];
  if (queue !== null) {
    return [
      `Slurm's queue can't be read: ${queue}. The states shown are the last ones known, and it is asked again by itself.` +
        ' If it lasts, log in with ssh, try "scontrol ping" and "squeue --me", and tell the administrators.',
    ];
  }
  return [
    ...(submission === null ? [] : [`Jobs can't be submitted: ${submission}.`]),
    ...(records === null
      ? []
      : [
          `What jobs wrote in their folders can't be read: ${records}. Jobs that Slurm calls completed keep their last` +
            ' state until it can; it is tried again by itself.',
        ]),
    ...(accounting === null
      ? []
      : [
          `Slurm's accounting can't be read: ${accounting}. Jobs that left the queue keep their last state until it can;` +
            ' if it lasts, tell the administrators of slurmdbd.',
        ]),
    ...(inventory === null ? [] : [`Partitions and nodes can't be read: ${inventory}.`]),
  ];
}

/** What is odd about the cluster and keeps nobody from using it. */
function clockRemark(aheadMs: number): readonly string[] {
  const seconds = Math.round(aheadMs / 1000);
  if (Math.abs(seconds) < CLOCK_REMARK_SECONDS) return [];
  const distance = `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'}`;
  return [`Its clock is ${distance} this server's. Times are shown corrected; have both set by NTP.`];
}

function sftpRemark(fault: string | null): readonly string[] {
  if (fault === null) return [];
  return [
    `SFTP doesn't work on this login: ${fault}. Files are read and written by commands instead, each a process there. A` +
      ' start-up file that prints (.bashrc), or "Subsystem sftp" in sshd_config, may be why; it is tried again at the next login.',
  ];
}
