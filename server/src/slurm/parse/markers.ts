import { type ClusterClock, SAME_CLOCK } from './clock.ts';

/** What a batch script wrote about the end of an attempt. */
export interface EndMarker {
  /** 1 is the first. */
  readonly attempt: number;
  /** The number that Slurm gave to what wrote it; of a task of an array its own, "17" and not "14_3". */
  readonly slurmJobId: string;
  readonly exitCode: number;
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
  const match = /^job=(\d+) code=(\d+)( interrupted)? at=(\d+)(?: stdout=\d* stderr=\d*)?$/.exec(end?.text ?? '');
  const endedAt = clock.instant(match?.[4] ?? '');
  if (match === null || endedAt === null) return null;
  const exitCode = Number(match[2]);
  const isInterrupted = match[3] !== undefined || (exitCode >= FIRST_SIGNAL_CODE && exitCode <= LAST_SIGNAL_CODE);
  return { attempt: last, slurmJobId: match[1] ?? '', exitCode, isInterrupted, endedAt };
}
