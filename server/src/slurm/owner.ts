// A ULID in Crockford's base 32: the name of a job's directory.
const SCRIPT = /\/jobs\/([0-9A-HJKMNP-TV-Z]{26})\/job\.sh(?: |$)/;
const DIRECTORY = /\/jobs\/([0-9A-HJKMNP-TV-Z]{26})(?:\/|$)/;
/** Jobs of earlier releases have their ids in their names. */
const NAME = /\.([0-9A-HJKMNP-TV-Z]{26})$/;

/** Whose a Slurm job is, by what Slurm shows of it: the id of a job, or of the array for its tasks. */
export interface Ownership {
  /**
   * The job whose batch script it runs, which nothing can change while Slurm knows it. Null: not shown, or it runs
   * another script.
   */
  readonly ownerId: string | null;
  /**
   * The job in whose directory it runs. That can be changed, and jobs that a job submits itself run there, too, so it
   * counts only together with the number.
   */
  readonly directoryJobId: string | null;
}

/** `command`: the path of the batch script, or the whole command line that submitted it. */
export function ownership(command: string, workDir: string, name = ''): Ownership {
  return {
    ownerId: SCRIPT.exec(command)?.[1] ?? null,
    directoryJobId: DIRECTORY.exec(workDir)?.[1] ?? NAME.exec(name)?.[1] ?? null,
  };
}
