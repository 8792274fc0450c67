import { setTimeout as pause } from 'node:timers/promises';
import type { SlurmSubmission } from '../slurm/index.ts';

/** By then a file system hangs: a login node unpacks the largest project in less. */
const DEADLINE_MS = 60 * 60_000;
/** A small project is unpacked in less. What seems to be at work may be another process, which has got its number. */
const SHORT_MS = 60_000;
/** What a login node ends so often without a word, it will end the next time for a while. */
const MAX_RESTARTS = 5;

/** Why a project can't be unpacked. `isFault`: it is the login node's fault, which may go away. */
export interface UnpackFault {
  readonly message: string;
  readonly isFault: boolean;
}

export interface UnpackingOptions {
  readonly slurm: Pick<SlurmSubmission, 'unpack' | 'dropUnpacking'>;
  readonly workDir: string;
  /** Whether it may take long. */
  readonly isLong: boolean;
  /** Of the names under which the small files were uploaded. */
  readonly suffix: string;
  /** False: nobody needs the project any more. */
  isWanted(): Promise<boolean>;
  /** Aborted: nobody waits any more. */
  readonly signal: AbortSignal;
  /** Between two looks at what takes longer than a few seconds. */
  readonly lookMs: number;
}

/**
 * Has the cluster unpack a project, and waits for the end without holding one of the connection's few commands. Gives
 * why the project can't be unpacked, or null. `later`: another login node may be at work, or this one takes longer than it
 * should; nobody is to wait for that. Throws what the cluster's faults throw; then it may go on there.
 */
export async function unpacked(options: UnpackingOptions): Promise<UnpackFault | 'later' | null> {
  const { slurm, workDir, isLong, suffix, isWanted, signal, lookMs } = options;
  const begin = performance.now();
  let restarts = 0;
  for (let isFirst = true; !signal.aborted && (await isWanted()); isFirst = false) {
    const answer = await slurm.unpack(workDir, isFirst, suffix);
    if (answer.kind === 'unpacked') return null;
    if (answer.kind === 'failed') return answer;
    if (answer.kind === 'elsewhere') return 'later';
    if (answer.kind === 'restarted') restarts += 1;
    if (restarts > MAX_RESTARTS) {
      const message = `The project can't be unpacked on the cluster: tar was ended ${restarts} times without a word (limits on memory or time of the login node?)`;
      return { message, isFault: true };
    }
    const takenMs = performance.now() - begin;
    if (!isLong && takenMs >= SHORT_MS) return 'later';
    if (takenMs >= DEADLINE_MS) await giveUp(slurm, workDir, DEADLINE_MS);
    await pause(lookMs, undefined, { signal }).catch(() => undefined);
  }
  return null;
}

/** Drops what was begun, for the next attempt to begin anew; throws. */
export async function giveUp(
  slurm: Pick<SlurmSubmission, 'dropUnpacking'>,
  workDir: string,
  afterMs: number,
): Promise<never> {
  await slurm.dropUnpacking(workDir);
  const minutes = Math.round(afterMs / 60_000);
  throw new Error(`The project wasn't unpacked on the cluster within ${minutes} minutes. It is tried again by itself`);
}
