import { UnreadableAnswer } from '../errors.ts';
import type { Reading } from './turns.ts';

// Limits for what a cluster reports, far above real values. Longer texts are cut; anything else beyond is not read.

/** Of a reason, a state's word, and the names of partitions, in UTF-16 units. */
export const MAX_TEXT = 1000;
export const MAX_NAME = 256;
/** Of the list of nodes of an attempt that is over, of which a job may have many. */
export const MAX_ATTEMPT_NODES = 1000;
/**
 * Of one text of a row that several tasks share, counted for each of them, in UTF-16 units: it is stored with each. Tasks
 * that share a row have no nodes, and 50,000 of them (MAX_ARRAY_TASKS) have room for 335 characters of a reason.
 */
export const MAX_SHARED_TEXT = 16 * 1024 * 1024;
/** Of a path, in bytes: PATH_MAX in linux/limits.h. */
export const MAX_PATH = 4096;
/** Of one row of squeue or sacct, of one partition's line, and of one node's without its notes. */
export const MAX_ROW = 1024 * 1024;
/** Of an answer that is read without yielding. */
export const MAX_ANSWER = 1024 * 1024;
/** Entries of TRES and GRES of one job or node. */
export const MAX_RESOURCES = 16 * 1024;

/**
 * Jobs, tasks and attempts in all answers of sacct that are read together, and jobs and ranges of tasks in one answer of
 * squeue.
 */
export const MAX_OBSERVATIONS = 500_000;
/**
 * Tasks of arrays whose rows in one answer of squeue lie between each other, which are taken one by one. No rows are
 * unless tasks were moved to other partitions. Two whole arrays (MAX_ARRAY_TASKS).
 */
export const MAX_INTERLEAVED = 100_000;
/**
 * Ranges of tasks in one answer of squeue. The waiting rest of an array has a few; with a gap behind each task, two whole
 * arrays have as many.
 */
export const MAX_RANGES = 100_000;
/**
 * Rows of our jobs in one answer of squeue besides one for each active job: of jobs that are over, of components, and of
 * doubles. Two whole arrays whose tasks are over.
 */
export const MAX_OTHER_ROWS = 100_000;
export const MAX_NODES = 100_000;
export const MAX_PARTITIONS = 10_000;
/** Nodes in partitions, each counted in each; and features of nodes. */
export const MAX_MEMBERSHIPS = 1_000_000;
/** Devices in use on all nodes, and the types of devices of each. */
export const MAX_DEVICES = 1_000_000;
/** Types of GPUs, of shards and of mps in one node, each. MIG has some twenty profiles. */
export const MAX_NODE_TYPES = 64;
/** Types of GPUs of one job; further ones are counted without their types. */
export const MAX_JOB_TYPES = 64;
/** Types of GPUs in one cluster. */
export const MAX_GPU_TYPES = 1000;
/** Types of GPUs of nodes in partitions, those of each node counted in each of its partitions. */
export const MAX_PARTITION_TYPES = 4_000_000;

/** slurmctld counts requeues in 16 bits (src/slurmctld/slurmctld.h, restart_cnt). */
export const MAX_RESTARTS = 65_535;
/** Of one job; earlier attempts are dropped. */
export const MAX_ATTEMPTS = 1000;
/** MAX_HET_JOB_COMPS in slurm/slurm.h. */
export const MAX_COMPONENTS = 128;
/** CPUs or devices of one kind that one job has. All components of a job together stay within 32 bits. */
export const MAX_JOB_COUNT = 16_000_000;
/** CPUs or devices of one kind in one node. All nodes together stay within 32 bits. */
export const MAX_NODE_COUNT = 16_384;
/** Of a job, and of a node. */
export const MAX_JOB_MEMORY_MB = 2 ** 39;
export const MAX_NODE_MEMORY_MB = 2 ** 32;

/**
 * Counts the objects of one answer, or of several whose contents are kept together. Throws UnreadableAnswer for more than
 * any cluster has.
 */
export class Budget {
  #left: number;
  readonly #what: string;

  /** `what`: completes "the answer tells of more than 100 …". */
  constructor(most: number, what: string) {
    this.#left = most;
    this.#what = `more than ${most.toLocaleString('en-US')} ${what}`;
  }

  take(count: number): void {
    this.#left -= count;
    if (this.#left < 0) throw new UnreadableAnswer(`the answer tells of ${this.#what}`);
  }

  /** A reading that gives back what it took if it fails, because nothing of it is kept then. */
  *allOrNothing<T>(reading: Reading<T>): Reading<T> {
    const before = this.#left;
    try {
      return yield* reading;
    } catch (cause) {
      this.#left = before;
      throw cause;
    }
  }
}

/** The limit of a text in a row that so many tasks share. */
export function limitOfShared(most: number, tasks: number): number {
  return Math.min(most, Math.floor(MAX_SHARED_TEXT / tasks));
}
