import { type ClusterClock, SAME_CLOCK } from './clock.ts';

/** What a batch script wrote about the end of an attempt. */
export interface EndMarker {
  /** 1 is the first. */
  readonly attempt: number;
  /** The number that Slurm gave to what wrote it; of a task of an array its own, "17" and not "14_3". */
  readonly slurmJobId: string;
  /** Null: a signal that it didn't trap ended its shell. */
  readonly exitCode: number | null;
  /** A signal reached the script or ended its commands: why is Slurm's to tell, or that of whoever sent it. */
  readonly isInterrupted: boolean;
  /** By this server's clock. */
  readonly endedAt: Date;
}

/** bash tells of a signal by an exit code of 128 and the signal's number. */
const FIRST_SIGNAL_CODE = 129;
const LAST_SIGNAL_CODE = 192;

/** The end of the last attempt that left a marker of any kind; null when that attempt has no whole end marker. */
export function lastEnd(output: string, clock: ClusterClock = SAME_CLOCK): EndMarker | null {
  const markers = [...output.matchAll(/^\S+\.(\d+)\.(start|end) (.*)$/gm)].map(([, attempt, kind, text]) => ({
    attempt: Number(attempt) + 1,
    kind,
    text: text ?? '',
  }));
  const last = Math.max(...markers.map(({ attempt }) => attempt));
  const end = markers.find(({ attempt, kind }) => attempt === last && kind === 'end');
  const match = /^job=(\d+) code=(\d+)( interrupted| unsure)? at=(\d+)(?: stdout=\d* stderr=\d*)?$/.exec(
    end?.text ?? '',
  );
  const endedAt = clock.instant(match?.[4] ?? '');
  if (match === null || endedAt === null) return null;
  const code = Number(match[2]);
  const isInterrupted = match[3] !== undefined || (code >= FIRST_SIGNAL_CODE && code <= LAST_SIGNAL_CODE);
  // What the shell calls its code is then that of the command before.
  const exitCode = match[3] === ' unsure' ? null : code;
  return { attempt: last, slurmJobId: match[1] ?? '', exitCode, isInterrupted, endedAt };
}

/** Of the names of records, by task the last attempt whose command has begun; 1 is the first. */
export function lastBegun(output: string): ReadonlyMap<string, number> {
  const attempts = new Map<string, number>();
  for (const [, task = '', restarts] of output.matchAll(/^(\w+)\.(\d+)\.(?:command|end)$/gm)) {
    attempts.set(task, Math.max(attempts.get(task) ?? 0, Number(restarts) + 1));
  }
  return attempts;
}
