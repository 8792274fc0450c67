import { quote } from '../../ssh/index.ts';
import { SUBMIT_DIRECTORY } from '../batch-script.ts';
import { quoteAll, type Script, type SearchPath, script } from '../shell.ts';
import { CLEAN_SUBMIT } from './environment.ts';
import { IS_UNPACKED, nameOfWork, SHOW, workFunctions } from './job-directory.ts';
import { LISTING } from './listing.ts';

/**
 * A shell function: the number in the first claim of the job `$1` that holds one. A job may have put any number of links
 * beside its own. Fails where none is found though there may be one.
 */
const CLAIMS = `${LISTING}
claimed() {
  names "$1" -name '*.claim' -type l | {
    number= end=
    while [ -z "$number" ] && IFS= read -r claim; do
      case $claim in
        /*) end= ;;
        *) end=$claim; continue ;;
      esac
      number=$(readlink "$claim") || { end="the link $claim can't be read"; break; }
      case $number in '' | *[!0-9]* | ???????????*) number= ;; esac
    done
    [ -z "$number" ] || { echo "$number"; exit; }
    case $end in
      whole | gone) ;;
      *) printf '%s\\n' "\${end#unread }" >&2; exit 1 ;;
    esac
  }
}`;

/**
 * What tells whether Slurm took a job: sections `claims` (the Slurm job number of one, if there is any) and `sbatch`
 * (running, over, elsewhere).
 */
export function tracesScript(workDir: string): Script {
  return script(null, `${workFunctions(workDir)}\n${CLAIMS}\ncd ${quote(workDir)} || exit`, [
    { name: 'claims', command: `claimed ${quote(workDir)}` },
    { name: 'sbatch', command: 'at_work submit' },
  ]);
}

/**
 * Lets the next submission run sbatch again: section `reset`, and in section `failures` how often sbatch has been lost.
 * `isLost`: it was this time too, as opposed to a Slurm that was away.
 */
export function resetSubmitScript(workDir: string, isLost: boolean): Script {
  // What was said is kept; of attempts that didn't reach Slurm, which have no bound, the last one's.
  const away = isLost ? '"submit.failed.$((count + 1))"' : 'submit.unasked';
  // Counted without a list of names, which may be cut short.
  const lost = 'count=0; while [ -e "submit.failed.$((count + 1))" ]; do count=$((count + 1)); done';
  return script(null, `cd ${quote(workDir)} || exit`, [
    // The project stays as it was unpacked: no job has begun in it. The lock goes last: should this be cut off in the
    // middle, it is done again.
    { name: 'reset', command: `${lost}\nrm -rf submit.unasked && mv submit ${away}` },
    { name: 'failures', command: `${lost}\necho $count` },
  ]);
}

/** So long sbatch may run: it tries again for two minutes by itself (src/sbatch/sbatch.c). Then it is killed. */
export const SBATCH_LIMIT_SECONDS = 300;

/** For how long a submission waits for sbatch, in seconds. Other jobs of the cluster wait meanwhile. */
const FIRST_PAUSES = '0.02 0.02 0.03 0.05 0.05 0.1 0.1 0.2 0.3 0.5 0.8';
const MORE_PAUSES = '1 1 1 1 1 1 1 1';

/** What stands in the place of sbatch's exit code when there is none. */
export const NO_CODES = [
  /** There was no room for the lock: nothing was run. */
  'not-begun',
  /** The login node couldn't start a process, so that sbatch wasn't run. */
  'not-started',
  /** The project isn't in its directory, so that sbatch wasn't run. */
  'not-unpacked',
  'timed-out',
  'cancelled',
  // Of `workFunctions`.
  'running',
  'elsewhere',
  'over',
] as const;
export type NoCode = (typeof NO_CODES)[number];
const word = (code: NoCode) => code;

// What writes under the lock does so from inside its directory: should it be delayed until the job is submitted again, it
// writes where nobody reads any more.

/** A shell function for when sbatch was killed: `$1` stands in the place of its exit code, unless it had ended. */
const SAY_KILLED = 'say_killed() { [ -e code ] || { echo "$1" >code.killed && mv code.killed code; }; }';

/**
 * Kills the process group `$1` when its time is up. It isn't one of the group, so it sees the group's end. What sleeps
 * in the kernel, for a file system that hangs, dies as it wakes up: it submits nothing any more.
 */
const WATCH = `${SAY_KILLED}
left=${SBATCH_LIMIT_SECONDS}
while kill -s 0 -- "-$1"; do
  [ "$left" -gt 0 ] || { kill -s KILL -- "-$1"; say_killed ${word('timed-out')}; exit; }
  left=$((left - 1))
  sleep 1
done`;

/** What `script` keeps of the variables that it cleans. */
const LOGINS_OWN = '"$slurmql_path" "$slurmql_libraries" "$slurmql_preload" "$slurmql_audit"';

/** A shell function that prints sbatch's exit code, or one of `NO_CODES`. */
const SHOW_CODE = 'show_code() { if [ -e submit/code ]; then show submit/code; else at_work submit; fi; }';
const SAID = [
  { name: 'stdout', command: 'show submit/stdout' },
  { name: 'stderr', command: 'show submit/stderr' },
];

/**
 * Runs sbatch for the unpacked project, at most once for this directory, and answers with what it said, however often
 * and from however many connections the script is sent: sections `code`, `stdout`, `stderr`. What runs under the lock
 * writes to files and is a process group of its own, so that neither a broken connection nor a signal to the login's
 * shell ends it or loses its answer. It has a deadline; nobody waits for it as long: see `answerScript`.
 */
export function submitScript(searchPath: SearchPath, workDir: string, options: readonly string[]): Script {
  // sbatch hands on where, with what umask and with what environment it was run. It isn't run in the project, though: what
  // it, its libraries and plug-ins, or a script around it look for in the working directory would be a repository's. That is
  // an empty directory, from whose path the batch script knows what stands for it: `SUBMIT_DIRECTORY`. BASH_ENV has another
  // name until the job's own shell reads what it names. Variables of the script's own have names that no login exports: it
  // would hand on what they hold. The group has the number of its first process.
  const work = `${nameOfWork(workDir)}
slurmql_mask=$1 slurmql_setsid=$2 slurmql_path=$3 slurmql_libraries=$4 slurmql_preload=$5 slurmql_audit=$6
shift 6
slurmql_limit=
# Without an owner, it is known that nothing was run.
LC_ALL=C mkdir ../${SUBMIT_DIRECTORY} || exit
# Looked up by what is absolute, before the variables are again as the login set them.
slurmql_sbatch=$(unset -f sbatch; command -v sbatch)
if [ -n "$slurmql_setsid" ]; then
  ln -s "$(uname -n) $$" owner || exit
  "$slurmql_setsid" /bin/sh -c ${quote(WATCH)} sh $$ >/dev/null 2>&1 &
else
  ln -s -- "- $$" owner || exit
  ! slurmql_limit=$(unset -f timeout; command -v timeout) || slurmql_limit="$slurmql_limit -s KILL ${SBATCH_LIMIT_SECONDS}"
fi
${IS_UNPACKED}
if (cd .. && is_unpacked); then
  (
    umask "$slurmql_mask"
    [ -z "\${BASH_ENV-}" ] || { slurmql_bash_env=$BASH_ENV; export slurmql_bash_env; unset BASH_ENV; }
    # As one goes to the project from the home.
    cd 2>/dev/null; cd ${quote(`${workDir}/source`)} && {
      slurmql_pwd=$PWD slurmql_oldpwd=$OLDPWD
      cd ${quote(`${workDir}/${SUBMIT_DIRECTORY}`)} && {
        PWD=$slurmql_pwd OLDPWD=$slurmql_oldpwd
        case $slurmql_sbatch in /*) PATH=$slurmql_path ;; *) slurmql_sbatch=sbatch ;; esac
        [ -z "$slurmql_libraries" ] || export "LD_LIBRARY_PATH=$slurmql_libraries"
        [ -z "$slurmql_preload" ] || export "LD_PRELOAD=$slurmql_preload"
        [ -z "$slurmql_audit" ] || export "LD_AUDIT=$slurmql_audit"
        exec $slurmql_limit "$slurmql_sbatch" "$@" ${quote(`${workDir}/job.sh`)}
      }
    }
  )
  echo $? >code.part
else
  echo ${word('not-unpacked')} >code.part
fi
mv code.part code
# Not the last command, which would take the place of this shell.
:`;
  const preamble = `slurmql_mask=$(umask)\numask 077\n${CLEAN_SUBMIT}\n${workFunctions(workDir)}\n${SHOW}\n${SHOW_CODE}\ncd ${quote(workDir)} || exit`;
  // Each option is a word by itself: Linux takes no word of more than 128 KiB (execve(2)).
  const run = `/bin/sh -c ${quote(work)} sh "$slurmql_mask" "$slurmql_setsid" ${LOGINS_OWN} ${quoteAll(options)}`;
  return script(
    searchPath,
    preamble,
    [
      {
        name: 'code',
        command: `if ! LC_ALL=C mkdir submit; then :
elif ! { true >submit/stdout && true >submit/stderr; }; then rm -rf submit
else
  slurmql_setsid=$(command -v setsid)
  (
    cd ./submit || exit
    \${slurmql_setsid:+"$slurmql_setsid"} ${run} >stdout 2>stderr </dev/null ||
      # With an owner, what hasn't begun can't begin any more.
      ! ln -s -- '- 0' owner || echo ${word('not-started')} >code
  ) >/dev/null 2>&1 &
fi
# What had to be killed, or was lost, isn't waited for as long again.
pauses='${FIRST_PAUSES}'
[ -e submit.failed.1 ] || pauses="$pauses ${MORE_PAUSES}"
for pause in $pauses; do
  [ -d submit ] && [ "$(at_work submit)" != over ] || break
  sleep "$pause" 2>/dev/null || sleep 1
done
if [ -d submit ]; then show_code; else echo ${word('not-begun')}; fi`,
      },
      ...SAID,
    ],
    true,
  );
}

/**
 * What sbatch has said so far, without running it or waiting: sections as those of `submitScript`. `ends`: kills it
 * before, if it still runs and is on this login node. Slurm may have the job all the same.
 */
export function answerScript(workDir: string, ends: boolean): Script {
  const end = `(cd ./submit && { [ -e code ] || { end_work . && say_killed ${word('cancelled')}; }; })\n`;
  const preamble = `umask 077\n${workFunctions(workDir)}\n${SHOW}\n${SHOW_CODE}\n${SAY_KILLED}\ncd ${quote(workDir)} || exit`;
  return script(null, preamble, [{ name: 'code', command: `${ends ? end : ''}show_code` }, ...SAID]);
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

/**
 * Has sbatch judge a job and submit nothing: section `sbatch`, with all that it says. The script goes to its standard
 * input, so nothing is written. Times are seconds since 1970.
 */
export function previewScript(searchPath: SearchPath, options: readonly string[], batchScript: string): Script {
  const sbatch = `SLURM_TIME_FORMAT=%s LC_ALL=C sbatch --test-only ${quoteAll(options)}`;
  return script(searchPath, CLEAN_SUBMIT, [
    { name: 'sbatch', command: `printf %s ${quote(batchScript)} | ${sbatch} 2>&1` },
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
