import type { Inventory } from '../domain/inventory.ts';
import type { JobAccount } from './parse/accounting.ts';
import type { LastRecord } from './parse/markers.ts';
import type { SlurmConfiguration, SlurmFoundBy } from './parse/probe.ts';
import type { QueueSnapshot } from './parse/queue.ts';
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

/** The way to Slurm's commands. */
export interface SlurmLogin {
  /**
   * Finds Slurm's commands and the workspace, and asks Slurm for what clusters differ in. To be called once a
   * connection, before anything else. Throws SlurmUnavailable also for a Slurm that is too old.
   */
  probe(): Promise<LoginFacts>;
  /**
   * What `scontrol ping` says of the controllers, such as "Slurmctld(primary) at head is DOWN"; '' when it says nothing.
   * Cheap for a controller that is away, and it waits for one that hangs (slurm.conf, MessageTimeout).
   */
  ping(): Promise<string>;
  /** How far the cluster's clock is ahead of this server's, in ms; what was read is corrected by it. 0 within seconds. */
  readonly clockAheadMs: number;
}

/** What a login was found to be at its connect. */
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
  /** Of a task, with all the others of its array. Throws only what the connection throws. */
  read(slurmJobIds: readonly string[]): Promise<Accounting>;
  /** Finds out how the accounting can be asked here, with the very question; gives why it can't, or null. */
  tryOut(): Promise<string | null>;
}

/** The answer of Slurm's accounting: accounts, or that this cluster keeps none, or why they can't be read now. */
export type Accounting =
  | {
      readonly kind: 'read';
      readonly accounts: readonly JobAccount[];
      /** The numbers of jobs, an array's for its tasks, of which sacct prints rows that can't be read. */
      readonly unread: ReadonlySet<string>;
      /** Else an exit code is the script's own, or 128 less. */
      readonly hasExactCodes: boolean;
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly message: string };

/** Partitions and nodes. */
export interface SlurmInventory {
  read(): Promise<Inventory>;
  /** Tries the questions for partitions and nodes; gives why they are refused, or null also where nobody answers. */
  tryOut(): Promise<string | null>;
}

/** What the batch scripts of jobs wrote in their folders. */
export interface JobRecords {
  /**
   * The ends of the last attempts of jobs, asked with one command. The end of an earlier attempt says nothing about the
   * job.
   */
  endMarkers(places: readonly MarkerPlace[]): Promise<readonly (LastRecord | Unreadable)[]>;
  /** Whether the command of an attempt had begun. What was written in the last minute or so may not be seen yet. */
  hasBegun(attempts: readonly AttemptPlace[]): Promise<readonly Begun[]>;
  /** The Slurm job, as jobs are numbered here, whose batch script has claimed the job's folder; null: none has. */
  claimer(workDir: string, arrayTaskId: number | null): Promise<string | null>;
}

/** The job whose batch script wrote markers: where its folder is, and which task of an array it is. */
export interface MarkerPlace {
  readonly workDir: string;
  readonly arrayTaskId: number | null;
}

/** One run of a job, or of one task of an array. */
export interface AttemptPlace extends MarkerPlace {
  /** 1 is the first. */
  readonly attempt: number;
}

/** Whether a command had begun; `gone`: nobody can say any more; `unreadable`: nobody can say now, and why. */
export type Begun = boolean | 'gone' | Unreadable;

/** The way of a job into Slurm. `workDir` is the job's folder: an absolute path, `jobs/ID` below the workspace. */
export interface SlurmSubmission {
  /** Makes a job's folder, or finds it as an earlier attempt left it. Refused where others could replace it. */
  makeFolder(workDir: string): Promise<{ readonly isSubmitted: boolean }>;
  /**
   * Hands the job to Slurm, at most once for its folder however often it is called. The folder must hold `job.sh`,
   * `environment.sh` and `source.tar.gz`.
   */
  submit(request: SubmitRequest): Promise<SubmitAnswer>;
  /** Looks for a job whose number nobody knows: what its own script left behind, then Slurm's queue. */
  find(workDir: string, jobId: string): Promise<SubmitTraces>;
  /**
   * After it is certain that Slurm has no such job: the next `submit` runs sbatch again. `isLost`: sbatch ended without
   * an answer. Gives how often it has done so for this job.
   */
  reset(workDir: string, isLost: boolean): Promise<number>;
  /** Removes the folder of a job that Slurm didn't take. */
  removeFolder(workDir: string): Promise<void>;
  /** Tries the options that every job has; gives why sbatch refuses one, or null also where it says nothing of them. */
  tryOptions(): Promise<string | null>;
  /** Has sbatch check the batch script at a path, with the options that every job has; submits nothing. */
  test(workDir: string, batchScript: string): Promise<SubmitTest>;
  /** Why nothing is run in the workspace: others could put their own commands there; null: they couldn't. */
  workspaceFault(workspace: string): Promise<string | null>;
}

/** What is there of a job whose number nobody knows. */
export interface SubmitTraces {
  /** Null: Slurm shows no such job. */
  readonly slurmJobId: string | null;
  /** Whether sbatch may still be at work; `elsewhere` where this login node can't tell. */
  readonly sbatch: 'over' | 'running' | 'elsewhere';
}

/**
 * What sbatch says of a job that isn't submitted. `broken`: it doesn't understand the options, or can't ask Slurm;
 * `refused`: Slurm wants more of a job, in its own words.
 */
export interface SubmitTest {
  readonly kind: 'taken' | 'refused' | 'broken';
  readonly message: string;
}

/** What is done to jobs that are in Slurm's hands. What becomes of them is seen in the queue afterwards. */
export interface SlurmControl {
  /** Asks Slurm to end jobs. That it doesn't complain is no proof. */
  cancel(slurmJobIds: readonly string[]): Promise<void>;
  /**
   * Holds, releases or requeues groups of jobs. For each group null when Slurm did so (of an array, at least for a part
   * of its tasks), else its refusal in its own words.
   */
  change(action: JobControl, groups: readonly (readonly string[])[]): Promise<readonly (string | null)[]>;
}

/** What scontrol does to jobs (man scontrol: hold, release, requeue). */
export type JobControl = 'hold' | 'release' | 'requeue';
