import { quote } from '../../ssh/index.ts';
import { type QueueEnds, queueEnds } from '../parse/ends.ts';
import { endOf, QUEUE_FIELDS } from '../parse/queue.ts';
import { newNonce, type Script, type SearchPath, script } from '../shell.ts';
import { CLEAN_QUERY } from './environment.ts';
import { type Trial, trial } from './trial.ts';

/**
 * The options that make squeue show tasks that differ from the rest of their array (held, requeued) in rows of their
 * own; without one it merges them. The first is cheap, but was removed in 23.02; the second gives every task a row.
 */
export const ARRAY_OPTIONS = ['--array-unique', '--array'] as const;
export type ArrayOption = (typeof ARRAY_OPTIONS)[number];

function queueCommand(showsFederation: boolean, arrays: ArrayOption | null, ends: QueueEnds): string {
  // Otherwise squeue asks the controller each time whether there is a federation (src/api/job_info.c).
  const scope = showsFederation ? '--federation' : '--local';
  const format = QUEUE_FIELDS.map((field) => `${field}:${endOf(field, ends)}`).join(',');
  // One request for the user; ids would cause errors for jobs that are gone.
  return `squeue --me ${scope} --noheader --all --states=all${arrays === null ? '' : ` ${arrays}`} --Format=${quote(format)}`;
}

/** Every job of this login in Slurm's memory: section `queue`; and the login's time: section `clock`. */
export function queueScript(
  searchPath: SearchPath,
  showsFederation: boolean,
  arrays: ArrayOption | null,
  ends: QueueEnds,
): Script {
  return script(searchPath, CLEAN_QUERY, [
    { name: 'clock', command: 'date +%s' },
    { name: 'queue', command: queueCommand(showsFederation, arrays, ends) },
  ]);
}

/** Tries ARRAY_OPTIONS: a release, or a site's wrapper, may lack one of them. */
export function queueTrial(searchPath: SearchPath, showsFederation: boolean): Trial {
  const ways = ARRAY_OPTIONS.map((arrays) => queueCommand(showsFederation, arrays, queueEnds(newNonce())));
  return trial(searchPath, 'squeue', ways);
}
