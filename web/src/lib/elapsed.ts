interface Run {
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly isActive: boolean;
}

/** `Job.elapsedSeconds`, as it grows: null before the start, and if it is over and its end was not seen. */
export function elapsedSeconds({ startedAt, endedAt, isActive }: Run, now: number): number | null {
  const end = endedAt === null ? (isActive ? now : null) : Date.parse(endedAt);
  if (startedAt === null || end === null) return null;
  return Math.max(0, Math.floor((end - Date.parse(startedAt)) / 1_000));
}
