import type { ClusterHealth } from '../domain/cluster.ts';
import type { ConnectionState } from '../ssh/index.ts';

/** What is known to be wrong with Slurm on a cluster, each in the cluster's own words; null: nothing. */
export interface Faults {
  /** Slurm can't be used on this login at all. */
  readonly login: string | null;
  readonly queue: string | null;
  /** Of the last attempt to submit a job. */
  readonly submission: string | null;
  /** Others could replace commands in the workspace. */
  readonly workspace: string | null;
  /** The options of every submission, as sbatch judged them at connect. */
  readonly submissionOptions: string | null;
  /** The records in the directories of jobs, on which their ends depend. */
  readonly records: string | null;
  /** Of the last lookup of jobs there. */
  readonly accounting: string | null;
  /** Of the trial at connect, before the query is needed. */
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
  /** The login was probed, and its Slurm can be used. */
  readonly isProbed: boolean;
  readonly faults: Faults;
  /** Why files are read and written by commands; null: they use SFTP. */
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

  /** True: a fault has appeared, changed or gone. */
  report(faults: Partial<Faults>): boolean {
    const before = this.#faults;
    this.#faults = { ...before, ...faults };
    const names = Object.keys(NO_FAULTS) as (keyof Faults)[];
    return names.some((name) => before[name] !== this.#faults[name]);
  }

  /** The connection is lost: its faults may be repaired by the next one. Jobs that are gone stay in doubt. */
  disconnected(): void {
    const { records, accounting } = this.#faults;
    this.#faults = { ...NO_FAULTS, records, accounting };
  }
}

const CLOCK_REMARK_SECONDS = 60;

/** The status of a cluster, with what is wrong and what to do about it. */
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

/** Only the gravest fault where it explains the others: without the queue, submissions fail as well. */
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
          `Records in the directories of jobs can't be read: ${records}. Jobs whose ends depend on them keep their` +
            ' last state until they can; it is tried again by itself.',
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

/** What is wrong with the cluster but prevents nothing. */
function clockRemark(aheadMs: number): readonly string[] {
  const seconds = Math.round(aheadMs / 1000);
  if (Math.abs(seconds) < CLOCK_REMARK_SECONDS) return [];
  const distance = `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'}`;
  return [`Its clock is ${distance} this server's. Times are shown corrected; set both by NTP.`];
}

function sftpRemark(fault: string | null): readonly string[] {
  if (fault === null) return [];
  return [
    `SFTP doesn't work on this login: ${fault}. Files are read and written by commands instead, each a process there. A` +
      ' start-up file that prints (.bashrc), or "Subsystem sftp" in sshd_config, may be why; it is tried again at the next login.',
  ];
}
