import { quote } from '../../ssh/index.ts';
import { jobLists } from '../job-list.ts';
import { quoteAll, type Script, type SearchPath, script } from '../shell.ts';
import type { JobControl } from '../slurm.ts';
import { CLEAN_QUERY } from './environment.ts';

/** More jobs would make the command line too long. */
const CANCEL_BATCH = 1000;

/** Section `cancel`. scancel doesn't report jobs that are unknown or over: only their later states count. */
export function cancelScript(searchPath: SearchPath, slurmJobIds: readonly string[]): Script {
  const lists = jobLists(slurmJobIds);
  const commands: string[] = [];
  for (let start = 0; start < lists.length; start += CANCEL_BATCH) {
    const batch = lists.slice(start, start + CANCEL_BATCH);
    const tasks = batch.filter((list) => list.includes('_'));
    // A task that is cancelled while it waits leaves no trace in squeue or sacct unless it has a record of its own,
    // apart from the rest of its array. Holding gives it one, and doesn't affect tasks that no longer wait.
    if (tasks.length > 0) commands.push(`scontrol hold ${quoteAll(tasks)} >/dev/null 2>&1`);
    commands.push(`scancel ${quoteAll(batch)} || code=$?`);
  }
  return script(searchPath, CLEAN_QUERY, [
    { name: 'cancel', command: `code=0\n${commands.join('\n')}\n(exit "$code")` },
  ]);
}

/** Sections `control-0`, `control-1` …, one for each of the lists that `jobLists` makes, with what scontrol said. */
export function controlScript(searchPath: SearchPath, action: JobControl, lists: readonly string[]): Script {
  const sections = lists.map((list, index) => ({
    name: `control-${index}`,
    command: `scontrol ${action} ${quote(list)} 2>&1`,
  }));
  return script(searchPath, CLEAN_QUERY, sections);
}
