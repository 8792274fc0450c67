import { setTimeout as pause } from 'node:timers/promises';
import type { SlurmSubmission } from '../slurm/index.ts';

/**
 * So long an unpacking keeps its place. Most are over by then; what takes longer goes on without one, as its file system may
 * hang, and others must not wait for that.
 */
const PLACE_MS = { small: 10_000, large: 5 * 60_000 };
/** What a login node ends so often without a word, it will end the next time for a while. */
const MAX_RESTARTS = 5;

/** Why a project can't be unpacked. `isFault`: it is the login node's fault, which may go away. */
export interface UnpackFault {
  readonly message: string;
  readonly isFault: boolean;
}

export interface UnpackingOptions {
  readonly slurm: Pick<SlurmSubmission, 'unpack'>;
  readonly workDir: string;
  /** Whether it may take long. */
  readonly isLong: boolean;
  /** It was begun before, and has ended: how is told, also that it failed. */
  readonly hasEnded: boolean;
  /** Of the names under which the small files were uploaded. */
  readonly suffix: string;
  /** False: nobody needs the project any more. */
  isWanted(): Promise<boolean>;
  /** The login node ended it without a word. Gives how often it has. */
  countRestart(): number;
  /** Aborted: nobody waits any more. */
  readonly signal: AbortSignal;
  /** Between two looks at what takes longer than a few seconds. */
  readonly lookMs: number;
}

/**
 * Has the cluster unpack a project, and waits for the end without holding one of the connection's few commands. Gives
 * why the project can't be unpacked, or null. `later`: another login node may be at work, or this one takes longer than most
 * do; no place is kept for that. Throws what the cluster's faults throw; then it may go on there.
 */
export async function unpacked(options: UnpackingOptions): Promise<UnpackFault | 'later' | null> {
  const { slurm, workDir, isLong, hasEnded, suffix, isWanted, countRestart, signal, lookMs } = options;
  const placeMs = isLong ? PLACE_MS.large : PLACE_MS.small;
  const begin = performance.now();
  for (let isFirst = !hasEnded; !signal.aborted && (await isWanted()); isFirst = false) {
    const answer = await slurm.unpack(workDir, isFirst, suffix);
    if (answer.kind === 'unpacked') return null;
    if (answer.kind === 'failed') return answer;
    if (answer.kind === 'elsewhere') return 'later';
    const restarts = answer.kind === 'restarted' ? countRestart() : 0;
    if (restarts > MAX_RESTARTS) {
      const message = `The project can't be unpacked on the cluster: tar was ended ${restarts} times without a word (limits on memory or time of the login node?)`;
      return { message, isFault: true };
    }
    if (answer.kind === 'running' && performance.now() - begin >= placeMs) return 'later';
    await pause(lookMs, undefined, { signal }).catch(() => undefined);
  }
  return null;
}
