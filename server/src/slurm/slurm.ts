import type { Inventory } from '../domain/inventory.ts';
import type { JobAccount } from './parse/accounting.ts';
import type { LastRecord } from './parse/markers.ts';
import type { SlurmConfiguration, SlurmFoundBy } from './parse/probe.ts';
import type { QueueSnapshot } from './parse/queue-answer.ts';
import type { SubmitAnswer } from './parse/submit.ts';
import type { SubmitRequest } from './sbatch-options.ts';
import type { Unreadable } from './together.ts';

/**
 * What the product needs of the Slurm of one cluster. Unless it says otherwise, a method throws `SshUnavailable` or
 * `SshInterrupted` when the login cannot be reached, and `SlurmUnavailable` when the login answered and Slurm did not:
 * then nothing is known. `test/releases/contract.ts` holds every implementation to this.
 */
export interface Slurm {
  readonly login: SlurmLogin;
  readonly queue: SlurmQueue;
  readonly accounting: SlurmAccounting;
  readonly inventory: SlurmInventory;
  readonly records: JobRecords;
  readonly submission: SlurmSubmission;
  readonly control: SlurmControl;
}

/** The access to Slurm's commands. */
export interface SlurmLogin {
  /**
   * Finds Slurm's commands and the workspace, and reads the configuration in which clusters differ. Call it once for
   * each connection, before anything else. Throws SlurmUnavailable also for a Slurm that is too old.
   */
  probe(): Promise<LoginFacts>;
  /**
   * The output of `scontrol ping`, such as "Slurmctld(primary) at head is DOWN"; '' if it prints nothing. Cheap while a
   * controller is down; waits for one that hangs (slurm.conf, MessageTimeout).
   */
  ping(): Promise<string>;
  /** How far the cluster's clock is ahead of this server's, in ms; all times are corrected by it. 0 within seconds. */
  readonly clockAheadMs: number;
}

/** The result of a login's probe. */
export interface LoginFacts extends SlurmConfiguration {
  readonly slurmVersion: string;
  readonly foundBy: SlurmFoundBy;
  /** How far the login's clock is ahead of this machine's, in whole seconds; negative: behind. */
  readonly clockAheadSeconds: number;
  /** Absolute. */
  readonly workspace: string;
}

/** The jobs that Slurm holds in memory. */
export interface SlurmQueue {
  /** Every job of this login that Slurm knows of. */
  snapshot(): Promise<QueueSnapshot>;
}

/** The jobs that may have left Slurm's memory. */
export interface SlurmAccounting {
  /** The accounts of jobs; for a task, of its whole array. Throws only what the connection throws. */
  read(slurmJobIds: readonly string[]): Promise<Accounting>;
  /** Finds out which variant of the query works here; returns why none does, or null. */
  tryOut(): Promise<string | null>;
}

/** The answer of Slurm's accounting: accounts, or that this cluster has no accounting, or why it can't be read now. */
export type Accounting =
  | {
      readonly kind: 'read';
      readonly accounts: readonly JobAccount[];
      /** The numbers of jobs (for tasks, of their array) with unreadable rows: nothing is known of these. */
      readonly unread: ReadonlySet<string>;
      /** Why no rows of some of these were taken: there were too many, or too large ones. Null: of none. */
      readonly fault: string | null;
      /** False: an exit code is the script's own, or 128 less. */
      readonly hasExactCodes: boolean;
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly message: string };

/** Partitions and nodes. */
export interface SlurmInventory {
  read(): Promise<Inventory>;
  /** Tries the queries of partitions and nodes; returns why they are refused, or null, also if Slurm doesn't answer. */
  tryOut(): Promise<string | null>;
}

/** The records that batch scripts write in the directories of their jobs. */
export interface JobRecords {
  /**
   * The ends of the last attempts of some hundred jobs or tasks at most, read with one command. The end of an earlier
   * attempt says nothing about the job.
   */
  endMarkers(places: readonly MarkerPlace[]): Promise<readonly (LastRecord | Unreadable)[]>;
  /** Whether the command of an attempt had begun. Records of about the last minute may not be visible yet. */
  hasBegun(attempts: readonly AttemptPlace[]): Promise<readonly Begun[]>;
  /** Who has claimed the directories of some hundred jobs or tasks at most, read with one command. */
  claimers(places: readonly MarkerPlace[]): Promise<readonly Claimer[]>;
}

/** Where a batch script wrote its records: the job's directory, and the task of an array. */
export interface MarkerPlace {
  readonly workDir: string;
  readonly arrayTaskId: number | null;
}

/** One run of a job, or of one task of an array. */
export interface AttemptPlace extends MarkerPlace {
  /** 1 is the first. */
  readonly attempt: number;
}

/** Whether a command had begun. `gone`: can no longer be known; `unreadable`: why it can't be known now. */
export type Begun = boolean | 'gone' | Unreadable;

/**
 * The number of the Slurm job whose batch script has claimed a job's directory, or a task's place in it. Null: none has;
 * `unreadable`: why that can't be known now.
 */
export type Claimer = string | null | Unreadable;

/** The submission of jobs. `workDir` is the job's directory: an absolute path, `jobs/ID` below the workspace. */
export interface SlurmSubmission {
  /** Creates a job's directory, or finds that of an earlier attempt. Throws SlurmUnavailable if others could replace it. */
  makeJobDirectory(workDir: string): Promise<JobDirectoryState>;
  /**
   * Starts to unpack `source.tar.gz`, which must be complete, or reports how far it is. It continues when nobody waits.
   * `waits`: a few seconds for its end; and what has failed before is tried again. `suffix`: of the uploaded `job.sh` and `environment.sh`, which lose it first, so that
   * under their names they are always whole. Throws SlurmUnavailable if there is no room for the files, or none are left.
   */
  unpack(workDir: string, waits: boolean, suffix?: string): Promise<UnpackAnswer>;
  /** Whether it goes on, whoever began it; nothing is begun. */
  lookAtUnpacking(workDir: string): Promise<UnpackingState>;
  /** Ends an unpacking that takes too long. The files have to be uploaded again. */
  dropUnpacking(workDir: string): Promise<void>;
  /**
   * Submits the job, at most once for its directory however often it is called. The directory must contain `job.sh`,
   * `environment.sh` and the unpacked project. Waits for about ten seconds: an sbatch that takes longer is left
   * running.
   */
  submit(request: SubmitRequest): Promise<SubmitAnswer>;
  /**
   * The answer of an sbatch that was started, as far as there is one. `ends`: kills one that still runs, if this login
   * node can. Slurm may have taken the job before.
   */
  answer(workDir: string, ends: boolean): Promise<SubmitAnswer>;
  /** Looks for a job whose number is unknown: in the records of its script, then in Slurm's queue. */
  find(workDir: string, jobId: string): Promise<SubmitTraces>;
  /**
   * Lets the next `submit` run sbatch again. Call it only when it is certain that Slurm has no such job. `isLost`:
   * sbatch ended without an answer. Returns how often it has done so for this job.
   */
  reset(workDir: string, isLost: boolean): Promise<number>;
  /** Removes the directory of a job that Slurm didn't take. */
  removeJobDirectory(workDir: string): Promise<void>;
  /** Tries the options that every job has; returns why sbatch refuses one, or null, also if it doesn't answer. */
  tryOptions(): Promise<string | null>;
  /** Has sbatch check the batch script at a path, with the options that every job has; submits nothing. */
  test(workDir: string, batchScript: string): Promise<SubmitTest>;
  /** Has sbatch judge a job with all its options, and say when it would start; submits nothing. */
  preview(request: SubmitRequest, batchScript: string): Promise<SubmitPreview>;
  /** Why nothing may run in the workspace, because others could replace commands there; null: they couldn't. */
  workspaceFault(workspace: string): Promise<string | null>;
}

/** How far an earlier attempt got with a job's directory. */
export interface JobDirectoryState {
  /** sbatch has been started. */
  readonly isSubmitted: boolean;
  /** The project is uploaded, and possibly unpacked. False once sbatch has been started. */
  readonly isUploaded: boolean;
}

/**
 * How far the unpacking of a project is. `elsewhere`: it was started on another login node, so this one can't tell
 * whether it still runs; `restarted`: it had ended without a result, and was started again; `failed`: the message of tar.
 * `isFault`: not the archive is at fault but the login node or its disk, and that may go away.
 */
export type UnpackAnswer =
  | { readonly kind: 'unpacked' | 'running' | 'elsewhere' | 'restarted' }
  | { readonly kind: 'failed'; readonly message: string; readonly isFault: boolean };

/** `ended`: `unpack` tells how; `elsewhere`: this login node can't know; `over`: nobody is at it, so it has to be begun. */
export type UnpackingState = 'ended' | 'running' | 'elsewhere' | 'over';

/** The traces of a job whose number is unknown. */
export interface SubmitTraces {
  /** Null: Slurm shows no such job. */
  readonly slurmJobId: string | null;
  /** Whether sbatch may still run. `elsewhere`: this login node can't know. */
  readonly sbatch: 'over' | 'running' | 'elsewhere';
}

/**
 * The answer of `sbatch --test-only`. `broken`: it doesn't understand the options, or gets no answer from Slurm;
 * `refused`: Slurm refuses such a job, in its own words.
 */
export interface SubmitTest {
  readonly kind: 'taken' | 'refused' | 'broken';
  readonly message: string;
}

/** The same of a whole job. `message` is without the line that says where and when it would start. */
export interface SubmitPreview extends SubmitTest {
  /** As Slurm plans now; null: it doesn't say. */
  readonly startsAt: Date | null;
  readonly nodeList: string | null;
}

/** Actions on jobs in Slurm. Their effect is seen in the queue afterwards. */
export interface SlurmControl {
  /** Asks Slurm to end jobs. Success is no proof that it did. */
  cancel(slurmJobIds: readonly string[]): Promise<void>;
  /**
   * Holds, releases or requeues groups of jobs. For each group: null if Slurm did so (for an array, at least for some
   * tasks), else its refusal in its own words.
   */
  change(action: JobControl, groups: readonly (readonly string[])[]): Promise<readonly (string | null)[]>;
}

/** What scontrol does to jobs (man scontrol: hold, release, requeue). */
export type JobControl = 'hold' | 'release' | 'requeue';
