import { quote } from '../../ssh/index.ts';
import { FIELD_END, QUEUE_FIELDS, ROW_END } from '../parse/queue.ts';
import { type Script, type SearchPath, script } from '../shell.ts';
import { CLEAN_QUERY } from './environment.ts';
import { type Trial, trial } from './trial.ts';

/**
 * The options that make squeue show tasks that differ from the rest of their array (held, requeued) in rows of their
 * own; without one it merges them. The first is cheap, but was removed in 23.02; the second gives every task a row.
 */
export const ARRAY_OPTIONS = ['--array-unique', '--array'] as const;
export type ArrayOption = (typeof ARRAY_OPTIONS)[number];

function queueCommand(showsFederation: boolean, arrays: ArrayOption | null): string {
  // Otherwise squeue asks the controller each time whether there is a federation (src/api/job_info.c).
  const scope = showsFederation ? '--federation' : '--local';
  const format = `${QUEUE_FIELDS.map((field) => `${field}:${FIELD_END}`).join(',')}${ROW_END}`;
  // One request for the user; ids would cause errors for jobs that are gone.
  return `squeue --me ${scope} --noheader --all --states=all${arrays === null ? '' : ` ${arrays}`} --Format=${quote(format)}`;
}

/** Every job of this login in Slurm's memory: section `queue`; and the login's time: section `clock`. */
export function queueScript(searchPath: SearchPath, showsFederation: boolean, arrays: ArrayOption | null): Script {
  return script(searchPath, CLEAN_QUERY, [
    { name: 'clock', command: 'date +%s' },
    { name: 'queue', command: queueCommand(showsFederation, arrays) },
  ]);
}

/** Tries ARRAY_OPTIONS: a release, or a site's wrapper, may lack one of them. */
export function queueTrial(searchPath: SearchPath, showsFederation: boolean): Trial {
  const ways = ARRAY_OPTIONS.map((arrays) => queueCommand(showsFederation, arrays));
  return trial(searchPath, 'squeue', ways);
}
