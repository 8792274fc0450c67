import { type ClusterClock, SAME_CLOCK } from './clock.ts';

/** What a batch script wrote about the end of an attempt. */
export interface EndMarker {
  /** 1 is the first. */
  readonly attempt: number;
  readonly exitCode: number;
  /** By this server's clock. */
  readonly endedAt: Date;
}

/** The end of the last attempt that left a marker of any kind; null when that attempt has no whole end marker. */
export function lastEnd(output: string, clock: ClusterClock = SAME_CLOCK): EndMarker | null {
  const markers = [...output.matchAll(/^\S+\.(\d+)\.(start|end) (.*)$/gm)].map(([, attempt, kind, text]) => ({
    attempt: Number(attempt) + 1,
    kind,
    text: text ?? '',
  }));
  const last = Math.max(...markers.map(({ attempt }) => attempt));
  const end = markers.find(({ attempt, kind }) => attempt === last && kind === 'end');
  const match = /^job=\d+ code=(\d+) at=(\d+)(?: stdout=\d* stderr=\d*)?$/.exec(end?.text ?? '');
  const endedAt = clock.instant(match?.[2] ?? '');
  return match === null || endedAt === null ? null : { attempt: last, exitCode: Number(match[1]), endedAt };
}
