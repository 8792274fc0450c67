/** The range of a Date. */
const MOST_MILLISECONDS = 8_640_000_000_000_000;

/** Instants in the database are whole milliseconds since 1970. Null also for invalid ones. */
export function toInstant(milliseconds: number | null): Date | null {
  if (milliseconds === null || !(Math.abs(milliseconds) <= MOST_MILLISECONDS)) return null;
  return new Date(milliseconds);
}

export function fromInstant(date: Date | null): number | null {
  return date === null ? null : date.getTime();
}
