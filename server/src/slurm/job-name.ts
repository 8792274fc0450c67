/** ULID in Crockford's base 32. */
const OURS = /\.[0-9A-HJKMNP-TV-Z]{26}$/;
const MAX_READABLE = 60;

/**
 * The name under which a job runs in Slurm: readable in squeue, and unique through the job's id, so that a job can be
 * found again when nobody knows its number. Only characters that Slurm, file names and shells leave alone.
 */
export function slurmJobName(name: string, jobId: string): string {
  const readable = name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, MAX_READABLE);
  return `${readable || 'job'}.${jobId}`;
}

/** The id of the job of this name; null for a name that isn't ours. */
export function jobIdOf(slurmName: string): string | null {
  return OURS.exec(slurmName)?.[0].slice(1) ?? null;
}

export function isOurName(slurmName: string): boolean {
  return OURS.test(slurmName);
}
