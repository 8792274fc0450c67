import { quote } from '../../ssh/index.ts';
import { FIELD_END, QUEUE_FIELDS, ROW_END } from '../parse/queue.ts';
import { type Script, type SearchPath, script } from '../shell.ts';
import { CLEAN_QUERY } from './environment.ts';
import { type Trial, trial } from './trial.ts';

/**
 * How squeue is made to give tasks that differ from the rest of their array (held, requeued) rows of their own; without
 * it, it merges them. The first is cheap, and gone since 23.02; the second gives every task a row.
 */
export const ARRAY_OPTIONS = ['--array-unique', '--array'] as const;
export type ArrayOption = (typeof ARRAY_OPTIONS)[number];

function queueCommand(showsFederation: boolean, arrays: ArrayOption | null): string {
  // Without it, squeue asks the controller each time whether there is a federation (src/api/job_info.c).
  const scope = showsFederation ? '--federation' : '--local';
  const format = `${QUEUE_FIELDS.map((field) => `${field}:${FIELD_END}`).join(',')}${ROW_END}`;
  // One request a user, and never an error for jobs that are gone, as ids would give.
  return `squeue --me ${scope} --noheader --all --states=all${arrays === null ? '' : ` ${arrays}`} --Format=${quote(format)}`;
}

/** Every job of this login that Slurm still holds in memory: section `queue`; and the login's time: section `clock`. */
export function queueScript(searchPath: SearchPath, showsFederation: boolean, arrays: ArrayOption | null): Script {
  return script(searchPath, CLEAN_QUERY, [
    { name: 'clock', command: 'date +%s' },
    { name: 'queue', command: queueCommand(showsFederation, arrays) },
  ]);
}

/** A release, or a site's wrapper, may refuse an option that another has: the ways are those of ARRAY_OPTIONS. */
export function queueTrial(searchPath: SearchPath, showsFederation: boolean): Trial {
  const ways = ARRAY_OPTIONS.map((arrays) => queueCommand(showsFederation, arrays));
  return trial(searchPath, 'squeue', ways);
}
