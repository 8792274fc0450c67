/** Instants in the database are whole milliseconds since 1970. */
export function toInstant(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds);
}

export function fromInstant(date: Date | null): number | null {
  return date === null ? null : date.getTime();
}
