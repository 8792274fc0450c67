import { jobLists } from './job-list.ts';
import { ACCOUNTING_FIELDS } from './parse/accounting.ts';
import { FIELD_END, QUEUE_FIELDS, ROW_END } from './parse/queue.ts';
import { quote, quoteAll, type Script, type SearchPath, script, unsetByPrefix } from './shell.ts';

// Variables of the login's environment silently filter and reformat what Slurm's commands print, or change what they
// do (man squeue, sinfo, sacct, scancel, sbatch: ENVIRONMENT VARIABLES).
const CLEAN_QUERY = `${unsetByPrefix(['SQUEUE_', 'SINFO_', 'SACCT_', 'SCANCEL_', 'SCONTROL_', 'SLURM_CLUSTERS'])}
SLURM_TIME_FORMAT=%s SLURM_BITSTR_LEN=0 LC_ALL=C
export SLURM_TIME_FORMAT SLURM_BITSTR_LEN LC_ALL`;

// sbatch hands its environment on to the job, so nothing is set here.
const CLEAN_SUBMIT = unsetByPrefix(['SBATCH_', 'SLURM_CLUSTERS']);

/** What a login finds: sections `version`, `home` and, where sbatch isn't on the PATH, `login-path`. */
export function probeScript(): Script {
  return script(null, '', [
    { name: 'home', command: `printf '%s' "$HOME"` },
    { name: 'version', command: 'sbatch --version' },
    // Many sites put Slurm on the PATH of login shells only.
    {
      name: 'login-path',
      command: `command -v sbatch >/dev/null || bash -lc 'command -v sbatch >/dev/null && printf %s "$PATH"'`,
    },
  ]);
}

export function versionScript(searchPath: SearchPath): Script {
  return script(searchPath, '', [{ name: 'version', command: 'sbatch --version' }]);
}

/** Every job of this login that Slurm still holds in memory: section `queue`. */
export function queueScript(searchPath: SearchPath): Script {
  const format = `${QUEUE_FIELDS.map((field) => `${field}:${FIELD_END}`).join(',')}${ROW_END}`;
  return script(searchPath, CLEAN_QUERY, [
    // One request a user, and never an error for jobs that are gone, as ids would give. Tasks that differ from the
    // rest of their array (held, requeued) have rows of their own: --array-unique, since squeue merges them otherwise.
    { name: 'queue', command: `squeue --me --noheader --all --states=all --array-unique --Format=${quote(format)}` },
  ]);
}

/** Jobs that left Slurm's memory, from its database: section `accounting`. */
export function accountingScript(searchPath: SearchPath, slurmJobIds: readonly string[]): Script {
  const command = [
    'sacct --noheader --parsable2 --duplicates --allocations --noconvert',
    `--delimiter=${quote(FIELD_END)} --jobs=${quote(slurmJobIds.join(','))} --format=${ACCOUNTING_FIELDS.join(',')}`,
  ].join(' ');
  return script(searchPath, CLEAN_QUERY, [{ name: 'accounting', command }]);
}

/** Partitions and nodes: sections `partitions` and `nodes`. */
export function inventoryScript(searchPath: SearchPath): Script {
  return script(searchPath, CLEAN_QUERY, [
    { name: 'partitions', command: 'scontrol --oneliner show partition' },
    // Without --details the GPUs in use are left out.
    { name: 'nodes', command: 'scontrol --details --oneliner show node' },
  ]);
}

/** More jobs in one command would make its line too long. */
const CANCEL_BATCH = 1000;

/** Section `cancel`. scancel says nothing about jobs that are unknown or over: only what is seen later counts. */
export function cancelScript(searchPath: SearchPath, slurmJobIds: readonly string[]): Script {
  const lists = jobLists(slurmJobIds);
  const commands: string[] = [];
  for (let start = 0; start < lists.length; start += CANCEL_BATCH) {
    const batch = lists.slice(start, start + CANCEL_BATCH);
    const tasks = batch.filter((list) => list.includes('_'));
    // A task that is cancelled while it waits leaves no trace in squeue or sacct unless it has a record of its own,
    // apart from the rest of its array. Holding gives it one; tasks that no longer wait don't mind.
    if (tasks.length > 0) commands.push(`scontrol hold ${quoteAll(tasks)} >/dev/null 2>&1`);
    commands.push(`scancel ${quoteAll(batch)} || code=$?`);
  }
  return script(searchPath, CLEAN_QUERY, [
    { name: 'cancel', command: `code=0\n${commands.join('\n')}\n(exit "$code")` },
  ]);
}

/** What scontrol does to jobs that are in Slurm's hands (man scontrol: hold, release, requeue). */
export type JobControl = 'hold' | 'release' | 'requeue';

/** Sections `control-0`, `control-1` …, one for each of `jobLists(slurmJobIds)`, with what scontrol said. */
export function controlScript(searchPath: SearchPath, action: JobControl, lists: readonly string[]): Script {
  const sections = lists.map((list, index) => ({
    name: `control-${index}`,
    command: `scontrol ${action} ${quote(list)} 2>&1`,
  }));
  return script(searchPath, CLEAN_QUERY, sections);
}

/** What one job's attempts wrote about their start and end: section `markers`, one `name text` a line. */
export function markersScript(workDir: string, arrayTaskId: number | null): Script {
  const prefix = quote(`${workDir}/run/${arrayTaskId ?? 'job'}.`);
  return script(null, '', [
    {
      name: 'markers',
      command: `for file in ${prefix}*.start ${prefix}*.end; do
  [ -e "$file" ] && printf '%s ' "\${file##*/}" && cat "$file"
done
:`,
    },
  ]);
}

/** Makes the folder of a job: section `folder`, which holds `submitted` when sbatch has been started there. */
export function folderScript(workDir: string): Script {
  // Everything below the workspace is its owner's alone.
  return script(null, 'umask 077', [
    {
      name: 'folder',
      command: `mkdir -p ${quote(`${workDir}/run`)} && { [ ! -d ${quote(`${workDir}/submit`)} ] || echo submitted; }`,
    },
  ]);
}

/** Removes the folder of a job that Slurm didn't take: section `folder`. */
export function removeFolderScript(workDir: string): Script {
  return script(null, '', [{ name: 'folder', command: `rm -rf ${quote(workDir)}` }]);
}

/** A lock this old belongs to nobody: the login node went down while it was held. */
const ABANDONED_MINUTES = 15;

/** What tells whether Slurm took a job: sections `claims` (one Slurm job number a line) and `sbatch` (running, over). */
export function tracesScript(workDir: string): Script {
  return script(null, `cd ${quote(workDir)} || exit`, [
    { name: 'claims', command: 'for claim in run/*.claim; do [ -L "$claim" ] && readlink "$claim"; done; :' },
    {
      name: 'sbatch',
      command: `[ ! -e submit/code ] && [ -z "$(find submit -prune -mmin +${ABANDONED_MINUTES})" ] && echo running || echo over`,
    },
  ]);
}

/** Lets the next submission run sbatch again: section `reset`. */
export function resetSubmitScript(workDir: string): Script {
  return script(null, `cd ${quote(workDir)} || exit`, [
    // The project is unpacked anew, from the files that the next attempt uploads.
    { name: 'reset', command: 'mv submit "submit.failed.$(date +%s)" && rm -rf source' },
  ]);
}

/** How long the cluster waits for sbatch: it tries again for two minutes by itself (src/sbatch/sbatch.c). */
export const SBATCH_WAIT_SECONDS = 200;

/** Stands in the place of sbatch's exit code when the project could not be unpacked, so that sbatch wasn't run. */
export const NOT_UNPACKED = 'not-unpacked';

/**
 * Unpacks the project, runs sbatch at most once for this folder, and answers with what it said, however often and from
 * however many connections the script is sent: sections `code`, `stdout`, `stderr`. What runs under the lock writes to
 * files and is waited for in the background, so that a broken connection neither ends it nor loses its answer.
 */
export function submitScript(searchPath: SearchPath, workDir: string, options: readonly string[]): Script {
  const sbatch = `sbatch ${quoteAll(options)} ${quote(`${workDir}/job.sh`)}`;
  return script(searchPath, `umask 077\n${CLEAN_SUBMIT}\ncd ${quote(workDir)} || exit`, [
    {
      name: 'code',
      command: `if mkdir submit 2>/dev/null; then
  (
    exec >submit/stdout 2>submit/stderr </dev/null
    if mkdir source && tar -xzf source.tar.gz -C source; then
      rm -f source.tar.gz
      ${sbatch}
      echo $? >submit/code.part
    else
      echo ${NOT_UNPACKED} >submit/code.part
    fi
    mv submit/code.part submit/code
  ) &
  wait $!
fi
waited=0
while [ ! -e submit/code ] && [ "$waited" -lt ${SBATCH_WAIT_SECONDS} ]; do
  sleep 1
  waited=$((waited + 1))
done
cat submit/code`,
    },
    { name: 'stdout', command: 'cat submit/stdout' },
    { name: 'stderr', command: 'cat submit/stderr' },
  ]);
}
