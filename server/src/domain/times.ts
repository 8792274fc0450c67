/** When something began and ended. */
export interface Span {
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

/**
 * What a cluster says of its times, in their order with `submittedAt`, which is told in milliseconds and by this server's
 * clock: Slurm cuts its times down to whole seconds, and a clock that is a few seconds behind is not corrected. The very
 * same object where nothing has to be changed.
 */
export function inOrder<T extends Span>(span: T, submittedAt: Date): T {
  const startedAt = noEarlier(span.startedAt, submittedAt);
  const endedAt = noEarlier(span.endedAt, startedAt ?? submittedAt);
  return startedAt === span.startedAt && endedAt === span.endedAt ? span : { ...span, startedAt, endedAt };
}

function noEarlier(time: Date | null, than: Date): Date | null {
  return time !== null && time < than ? than : time;
}

/**
 * How far the clocks of a cluster's machines may be apart. Slurm's controller takes no message whose MUNGE credential is
 * older or newer (munge(1), --ttl, 300 s by default). Times of jobs are the controller's, and only the login's clock is
 * compared with this server's.
 */
export const CLOCKS_DIFFER_MS = 300_000;

/** Whether something was over for so long at `now`, by whatever clock of its cluster told its end. */
export function isSurelyOver(endedAt: Date, now: Date, forMs: number): boolean {
  return now.getTime() - endedAt.getTime() >= forMs + CLOCKS_DIFFER_MS;
}
