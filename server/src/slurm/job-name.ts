/** Slurm's database keeps 255 bytes of a name (as_mysql_tables.c: job_name, tinytext). */
const MAX_BYTES = 255;

/** The name under which a job runs in Slurm: the given one, as far as Slurm can keep it. */
export function slurmJobName(name: string): string {
  // A control character would break whatever prints names in rows.
  let kept = name.replace(/\p{Cc}+/gu, ' ').trim();
  while (Buffer.byteLength(kept) > MAX_BYTES) kept = [...kept].slice(0, -1).join('').trimEnd();
  return kept === '' ? 'job' : kept;
}
