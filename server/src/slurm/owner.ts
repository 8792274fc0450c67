// A ULID in Crockford's base 32, as the folder of a job is named.
const SCRIPT = /\/jobs\/([0-9A-HJKMNP-TV-Z]{26})\/job\.sh(?: |$)/;
const FOLDER = /\/jobs\/([0-9A-HJKMNP-TV-Z]{26})(?:\/|$)/;
/** Jobs of earlier releases have their ids in their names. */
const NAME = /\.([0-9A-HJKMNP-TV-Z]{26})$/;

/** By what Slurm shows of a job, whose it is: the id of a job, an array's for its tasks. */
export interface Ownership {
  /**
   * The job whose batch script it runs, which nothing changes while Slurm knows it. Null: that isn't shown, or it runs
   * something else.
   */
  readonly ownerId: string | null;
  /**
   * The job in whose folder it runs. That can be changed, and jobs that a job submits by itself run there too: it counts
   * only together with the number.
   */
  readonly folderId: string | null;
}

/** `command`: the path of the batch script, or the whole line that submitted it. */
export function ownership(command: string, workDir: string, name = ''): Ownership {
  return {
    ownerId: SCRIPT.exec(command)?.[1] ?? null,
    folderId: FOLDER.exec(workDir)?.[1] ?? NAME.exec(name)?.[1] ?? null,
  };
}
