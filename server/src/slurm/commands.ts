import { quote } from '../ssh/index.ts';
import { jobLists } from './job-list.ts';
import { ACCOUNTING_FIELDS } from './parse/accounting.ts';
import { MAX_RECORDS } from './parse/markers.ts';
import { FIELD_END, QUEUE_FIELDS, ROW_END } from './parse/queue.ts';
import { LIMITED, quoteAll, type Script, type SearchPath, script, unsetByPrefix } from './shell.ts';
import { workspaceOf, workspaceSection } from './workspace.ts';
import { safetySection } from './workspace-safety.ts';

// Variables of the login's environment silently filter and reformat what Slurm's commands print, or change what they
// do (man squeue, sinfo, sacct, scancel, sbatch: ENVIRONMENT VARIABLES).
const CLEAN_QUERY = `${unsetByPrefix(['SQUEUE_', 'SINFO_', 'SACCT_', 'SCANCEL_', 'SCONTROL_', 'SLURM_CLUSTERS'])}
SLURM_TIME_FORMAT=%s SLURM_BITSTR_LEN=0 LC_ALL=C
export SLURM_TIME_FORMAT SLURM_BITSTR_LEN LC_ALL`;

// sbatch hands its environment on to the job, so nothing is set here.
const CLEAN_SUBMIT = unsetByPrefix(['SBATCH_', 'SLURM_CLUSTERS']);

/**
 * Looks for sbatch on the PATH; then, as many sites put it on the PATH of login shells only, in the user's own login
 * shell (whichever it is: all of them read commands from their standard input), in bash as one, and behind a module.
 * What is found is set for the rest of the script. Prints the way, and the variables that count; or none, and what was
 * said of the module.
 */
const FIND_SLURM = `${LIMITED}
if command -v sbatch >/dev/null; then echo path; else
  for way in login bash module none; do
    case $way in
      none) echo none; $limit bash -lc 'module load slurm' 2>&1 >/dev/null | tail -n 5; break ;;
      login) variables=$(echo env | $limit "\${SHELL:-/bin/sh}" -l 2>/dev/null) ;;
      bash) variables=$($limit bash -lc env 2>/dev/null) ;;
      module) variables=$($limit bash -lc 'module load slurm; env' 2>/dev/null) ;;
    esac
    found=$(printf '%s\\n' "$variables" | sed -n 's/^PATH=//p' | tail -n 1)
    (PATH=$found; command -v sbatch) >/dev/null || continue
    echo "$way"
    for name in LD_LIBRARY_PATH SLURM_CONF PATH; do
      value=$(printf '%s\\n' "$variables" | sed -n "s/^$name=//p" | tail -n 1)
      [ -n "$value" ] || continue
      export "$name=$value"
      printf '%s=%s\\n' "$name" "$value"
    done
    break
  done
fi
:`;

/** What a login finds: sections `home`, `workspace`, `clock` (epoch seconds), `search`, `version` and `configuration`. */
export function probeScript(workspace: string): Script {
  return script(null, CLEAN_QUERY, [
    { name: 'home', command: `printf '%s' "$HOME"` },
    workspaceSection(workspace),
    { name: 'clock', command: 'date +%s' },
    { name: 'search', command: FIND_SLURM },
    { name: 'version', command: 'sbatch --version 2>&1' },
    { name: 'configuration', command: 'scontrol show config' },
  ]);
}

/** Whether the controllers are there, in their own words: section `ping`. The cheapest of all questions: 3 ms, no lock. */
export function pingScript(searchPath: SearchPath): Script {
  return script(searchPath, CLEAN_QUERY, [{ name: 'ping', command: 'scontrol ping' }]);
}

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

/** With what is known since 21.08, or without. */
export const ACCOUNTING_FIELDS_OF_RELEASES = [ACCOUNTING_FIELDS, ACCOUNTING_FIELDS.slice(0, -1)] as const;

/** Jobs that left Slurm's memory, from its database: section `accounting`. */
export function accountingScript(
  searchPath: SearchPath,
  slurmNumbers: readonly string[],
  fields: readonly string[] = ACCOUNTING_FIELDS,
): Script {
  return script(searchPath, CLEAN_QUERY, [{ name: 'accounting', command: accountingCommand(slurmNumbers, fields) }]);
}

function accountingCommand(slurmNumbers: readonly string[], fields: readonly string[]): string {
  return [
    'sacct --noheader --parsable2 --duplicates --allocations --noconvert',
    `--delimiter=${quote(FIELD_END)} --jobs=${quote(slurmNumbers.join(','))} --format=${fields.join(',')}`,
  ].join(' ');
}

const INVENTORY = [
  { name: 'partitions', command: 'scontrol --oneliner show partition' },
  // Without --details the GPUs in use are left out.
  { name: 'nodes', command: 'scontrol --details --oneliner show node' },
];

/** Partitions and nodes: sections `partitions` and `nodes`. */
export function inventoryScript(searchPath: SearchPath): Script {
  return script(searchPath, CLEAN_QUERY, INVENTORY);
}

/** Tries one question as it will be asked, in each of its ways until one works. */
export interface Trial {
  readonly command: string;
  readonly script: Script;
  /** The sections, one a way, the best one first: what the command said on its standard error, or NOT_TRIED. */
  readonly sections: readonly string[];
}

/** So a way is marked that was left out, since a better one works. */
export const NOT_TRIED = 'not tried';

function trial(searchPath: SearchPath, command: string, ways: readonly string[]): Trial {
  const sections = ways.map((way, index) => ({
    name: `way-${index}`,
    command: `if [ -n "$found" ]; then echo '${NOT_TRIED}'; else ${way} 2>&1 >/dev/null && found=yes; fi`,
  }));
  const names = sections.map(({ name }) => name);
  return { command, script: script(searchPath, `${CLEAN_QUERY}\nfound=`, sections), sections: names };
}

/** A release, or a site's wrapper, may refuse an option that another has: the ways are those of ARRAY_OPTIONS. */
export function queueTrial(searchPath: SearchPath, showsFederation: boolean): Trial {
  const ways = ARRAY_OPTIONS.map((arrays) => queueCommand(showsFederation, arrays));
  return trial(searchPath, 'squeue', ways);
}

/** The ways are those of ACCOUNTING_FIELDS_OF_RELEASES. */
export function accountingTrial(searchPath: SearchPath): Trial {
  // Any number does: that there is an answer is what counts.
  const ways = ACCOUNTING_FIELDS_OF_RELEASES.map((fields) => accountingCommand(['1'], fields));
  return trial(searchPath, 'sacct', ways);
}

/** Both questions are tried: sections as those of `inventoryScript`, with what scontrol said against it. */
export function inventoryTrialScript(searchPath: SearchPath): Script {
  const sections = INVENTORY.map(({ name, command }) => ({ name, command: `${command} 2>&1 >/dev/null` }));
  return script(searchPath, CLEAN_QUERY, sections);
}

/**
 * Has sbatch read options: section `sbatch`, with what it said against them. It does so before it tells how it is used,
 * and asks no controller (tried on 20.11 to 26.05; some 10 ms).
 */
export function optionsTrialScript(searchPath: SearchPath, options: readonly string[]): Script {
  // A script around sbatch may not know --usage: one that leaves it out finds no batch script to submit.
  const command = `LC_ALL=C sbatch ${quoteAll(options)} --usage 2>&1 >/dev/null </dev/null`;
  return script(searchPath, CLEAN_SUBMIT, [{ name: 'sbatch', command }]);
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

/** Sections `control-0`, `control-1` …, one for each of the lists that `jobLists` makes, with what scontrol said. */
export function controlScript(searchPath: SearchPath, action: JobControl, lists: readonly string[]): Script {
  const sections = lists.map((list, index) => ({
    name: `control-${index}`,
    command: `scontrol ${action} ${quote(list)} 2>&1`,
  }));
  return script(searchPath, CLEAN_QUERY, sections);
}

/** The job whose batch script wrote markers: where its folder is, and which task of an array it is. */
export interface MarkerPlace {
  readonly workDir: string;
  readonly arrayTaskId: number | null;
}

/** What the last attempts of jobs wrote about their starts and ends: sections `markers-0` …, one `name text` a line. */
export function markersScript(places: readonly MarkerPlace[]): Script {
  // Without a process for each file: a job may have made any number of them. Only short files are opened, and no link: it
  // may put anything in the place of its records, too. Of a record that isn't whole its name is told: it was begun.
  const print = `print() {
  last=-1
  for file in "$1"*.start "$1"*.end; do
    number=\${file#"$1"}
    number=\${number%.*}
    case $number in
      '' | *[!0-9]* | ??????*) ;;
      *) [ "$number" -le "$last" ] || last=$number ;;
    esac
  done
  [ "$last" != -1 ] || return 0
  find "$1$last.start" "$1$last.end" -prune -type f -size -2 2>/dev/null | while IFS= read -r file; do
    IFS= read -r line <"$file" || line=
    printf '%s %s\\n' "\${file##*/}" "$line"
  done
  :
}`;
  const sections = places.map(({ workDir, arrayTaskId }, index) => ({
    name: `markers-${index}`,
    command: `print ${quote(`${workDir}/run/${arrayTaskId ?? 'job'}.`)}`,
  }));
  return script(null, print, sections);
}

/** Ends the section of a folder of records that is gone, though the workspace is there. */
export const RECORDS_GONE = 1;

/**
 * What lies in the folders of records, as which command has begun: sections `begun-0` …, one for each folder, with a name
 * a line. A section ends with RECORDS_GONE, or with another code and the reason why the folder can't be read now.
 */
export function begunScript(workDirs: readonly string[]): Script {
  // Not by a pattern: the shell keeps to itself why a folder can't be read, and shows it as empty. Of what else a job has
  // put there, nothing is told, and of its records no more than show that there are too many: it would be more than is
  // read.
  const record = '^[A-Za-z0-9_]\\{1,10\\}\\.[0-9]\\{1,10\\}\\';
  const list = `list() {
  if said=$(LC_ALL=C ls -- "$1/run/" 2>&1); then
    printf '%s\\n' "$said" | LC_ALL=C sed -n -e '/${record}.command$/p' -e '/${record}.end$/p' | head -n ${MAX_RECORDS + 1}
    return 0
  fi
  case $said in
    *'No such file or directory'* | *'Not a directory'*) [ ! -d "\${1%/jobs/*}" ] || return ${RECORDS_GONE} ;;
  esac
  printf '%s\\n' "$said"
  return 2
}`;
  const sections = workDirs.map((workDir, index) => ({ name: `begun-${index}`, command: `list ${quote(workDir)}` }));
  return script(null, list, sections);
}

/** Which job of Slurm's owns the folder, or the place of one task in it: section `claim`, its number or nothing. */
export function claimScript(workDir: string, arrayTaskId: number | null): Script {
  const claim = quote(`${workDir}/run/${arrayTaskId ?? 'job'}.claim`);
  return script(null, '', [{ name: 'claim', command: `[ ! -L ${claim} ] || readlink ${claim}` }]);
}

/**
 * Makes the folder of a job: section `folder`, which holds `submitted` when sbatch has been started there; and section
 * `safety`, with who could put another one in its place.
 */
export function folderScript(workDir: string): Script {
  // Everything below the workspace is its owner's alone.
  return script(null, 'umask 077', [
    {
      name: 'folder',
      command: `LC_ALL=C mkdir -p ${quote(`${workDir}/run`)} && { [ ! -d ${quote(`${workDir}/submit`)} ] || echo submitted; }`,
    },
    safetySection(workspaceOf(workDir), workDir),
  ]);
}

/** Removes the folder of a job that Slurm didn't take: section `folder`. */
export function removeFolderScript(workDir: string): Script {
  return script(null, '', [{ name: 'folder', command: `rm -rf ${quote(workDir)}` }]);
}

/**
 * Whether somebody may be at work under the lock of a submission: a shell function that prints `over`, `running`, or
 * `elsewhere` where this login node can't tell. What works there is one process group of one login node.
 */
const AT_WORK = `at_work() {
  owner=$(readlink submit/owner)
  if [ -e submit/code ]; then echo over
  elif [ "\${owner% *}" != "$(uname -n)" ]; then echo elsewhere
  elif kill -s 0 -- "-\${owner##* }" 2>/dev/null; then echo running
  else echo over
  fi
}`;

/** The number in the first claim that holds one: a job may have put any number of links beside its own. */
const CLAIMS = `for claim in run/*.claim; do
  number=
  [ ! -L "$claim" ] || number=$(readlink "$claim")
  case $number in
    '' | *[!0-9]* | ???????????*) ;;
    *) echo "$number"; break ;;
  esac
done
:`;

/**
 * What tells whether Slurm took a job: sections `claims` (the Slurm job number of one, if there is any) and `sbatch`
 * (running, over, elsewhere).
 */
export function tracesScript(workDir: string): Script {
  return script(null, `${AT_WORK}\ncd ${quote(workDir)} || exit`, [
    { name: 'claims', command: CLAIMS },
    { name: 'sbatch', command: 'at_work' },
  ]);
}

/**
 * Lets the next submission run sbatch again: section `reset`, and in section `failures` how often sbatch has been lost.
 * `isLost`: it was this time too, as opposed to a Slurm that was away.
 */
export function resetSubmitScript(workDir: string, isLost: boolean): Script {
  // What was said is kept; of attempts that didn't reach Slurm, which have no bound, the last one's.
  const away = isLost ? '"submit.failed.$(($# + 1))"' : 'submit.unasked';
  const lost = 'set -- submit.failed.*; [ -e "$1" ] || shift';
  return script(null, `cd ${quote(workDir)} || exit`, [
    // The project is unpacked anew, from the files that the next attempt uploads. The lock goes last: should this be
    // cut off in the middle, it is done again.
    { name: 'reset', command: `${lost}\nrm -rf source submit.unasked && mv submit ${away}` },
    { name: 'failures', command: `${lost}\necho $#` },
  ]);
}

/** How long the cluster waits for sbatch: it tries again for two minutes by itself (src/sbatch/sbatch.c). */
export const SBATCH_WAIT_SECONDS = 200;

/** Stands in the place of sbatch's exit code when the project could not be unpacked, so that sbatch wasn't run. */
export const NOT_UNPACKED = 'not-unpacked';
/** Stands in its place when there was no room for the lock: nothing was run. */
export const NOT_BEGUN = 'not-begun';
/** Of what sbatch or tar said, its end. */
const SHOWN_BYTES = 65_536;

/**
 * Unpacks the project, runs sbatch at most once for this folder, and answers with what it said, however often and from
 * however many connections the script is sent: sections `code`, `stdout`, `stderr`. What runs under the lock writes to
 * files and is a process group of its own, so that neither a broken connection nor a signal to the login's shell ends
 * it or loses its answer.
 */
export function submitScript(searchPath: SearchPath, workDir: string, options: readonly string[]): Script {
  // tar's words are read, so they have to be English ones; and kept in memory until its half-unpacked files have made room for them on a full disk.
  // The project is a checkout of the login's own making, and sbatch is run there: it hands on where, with what umask and
  // with what environment it was run. BASH_ENV has another name until the job's own shell reads what it names.
  // root's tar takes modes as they stand in the archive, whatever the umask.
  const work = `[ -f source.tar.gz ] && [ ! -h source.tar.gz ] || rm -rf source.tar.gz
modes=; [ "$(id -u 2>/dev/null)" != 0 ] || modes=--no-same-permissions
if said=$(umask "$1"; mkdir source && LC_ALL=C tar $modes -xzf source.tar.gz -C source 2>&1); then
  rm -f source.tar.gz
  (
    umask "$1"
    [ -z "\${BASH_ENV-}" ] || { slurmql_bash_env=$BASH_ENV; export slurmql_bash_env; unset BASH_ENV; }
    # As one goes there from the home.
    cd 2>/dev/null; cd ${quote(`${workDir}/source`)} && exec sbatch ${quoteAll(options)} ${quote(`${workDir}/job.sh`)}
  )
  echo $? >submit/code.part
else
  rm -rf source
  printf '%s\\n' "$said" >&2
  echo ${NOT_UNPACKED} >submit/code.part
fi
mv submit/code.part submit/code`;
  // Whatever jobs may have put in the place of the answer isn't opened. Its end tells enough: tar has a line for each file
  // that it can't unpack, and an answer that is too long is none.
  const show = `show() { [ ! -f "$1" ] || [ -h "$1" ] || tail -c ${SHOWN_BYTES} "$1"; }`;
  const preamble = `mask=$(umask)\numask 077\n${CLEAN_SUBMIT}\n${AT_WORK}\n${show}\ncd ${quote(workDir)} || exit`;
  return script(searchPath, preamble, [
    {
      name: 'code',
      command: `if ! LC_ALL=C mkdir submit; then :
elif ! { true >submit/stdout && true >submit/stderr; }; then rm -rf submit
else
  if setsid=$(command -v setsid); then
    # Its group has the number of its first process.
    "$setsid" /bin/sh -c ${quote(`ln -s "$(uname -n) $$" submit/owner\n${work}`)} sh "$mask" >submit/stdout 2>submit/stderr </dev/null &
  else
    /bin/sh -c ${quote(work)} sh "$mask" >submit/stdout 2>submit/stderr </dev/null &
  fi
  wait $!
fi
if [ ! -d submit ]; then
  echo ${NOT_BEGUN}
else
  waited=0
  while [ "$(at_work)" != over ] && [ "$waited" -lt ${SBATCH_WAIT_SECONDS} ]; do
    sleep 1
    waited=$((waited + 1))
  done
  show submit/code
fi`,
    },
    { name: 'stdout', command: 'show submit/stdout' },
    { name: 'stderr', command: 'show submit/stderr' },
  ]);
}

/** Has sbatch look at a batch script and submit nothing: section `sbatch`, with all that it says. */
export function submitTestScript(
  searchPath: SearchPath,
  workDir: string,
  options: readonly string[],
  batchScript: string,
): Script {
  return script(searchPath, `umask 077\n${CLEAN_SUBMIT}\ncd ${quote(workDir)} || exit`, [
    { name: 'sbatch', command: `LC_ALL=C sbatch --test-only ${quoteAll(options)} ${quote(batchScript)} 2>&1` },
  ]);
}
