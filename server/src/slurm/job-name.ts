/** Slurm's database keeps 255 bytes of a name (as_mysql_tables.c: job_name, tinytext). */
const MAX_BYTES = 255;

/** Why a job can't run under exactly this name; null: it can, or the name is no line of text. */
export function faultInJobName(name: string): string | null {
  const size = Buffer.byteLength(name);
  if (size > MAX_BYTES) return `has ${size} bytes: Slurm keeps ${MAX_BYTES} at most`;
  if (name.trim() !== name && name.trim() !== '') return 'has a blank at its beginning or end: leave it out';
  return null;
}

/**
 * The name of a job in Slurm: a valid given name is unchanged; one made from the command or the project is cut to what
 * Slurm can store.
 */
export function slurmJobName(name: string): string {
  // A control character would break programs that print names in rows.
  let kept = name.replace(/\p{Cc}+/gu, ' ').trim();
  while (Buffer.byteLength(kept) > MAX_BYTES) kept = [...kept].slice(0, -1).join('').trimEnd();
  return kept === '' ? 'job' : kept;
}
