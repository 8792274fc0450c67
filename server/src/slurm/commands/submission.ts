import { quote } from '../../ssh/index.ts';
import { quoteAll, type Script, type SearchPath, script } from '../shell.ts';
import { CLEAN_SUBMIT } from './environment.ts';
import { AT_WORK, IS_UNPACKED, SHOW } from './job-folder.ts';

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
    { name: 'sbatch', command: 'at_work submit' },
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
    // The project stays as it was unpacked: no job has begun in it. The lock goes last: should this be cut off in the
    // middle, it is done again.
    { name: 'reset', command: `${lost}\nrm -rf submit.unasked && mv submit ${away}` },
    { name: 'failures', command: `${lost}\necho $#` },
  ]);
}

/** How long the cluster waits for sbatch: it tries again for two minutes by itself (src/sbatch/sbatch.c). */
export const SBATCH_WAIT_SECONDS = 200;

/** Stands in the place of sbatch's exit code when the project isn't in its folder, so that sbatch wasn't run. */
export const NOT_UNPACKED = 'not-unpacked';
/** Stands in its place when there was no room for the lock: nothing was run. */
export const NOT_BEGUN = 'not-begun';

/**
 * Runs sbatch in the unpacked project, at most once for this folder, and answers with what it said, however often and from
 * however many connections the script is sent: sections `code`, `stdout`, `stderr`. What runs under the lock writes to
 * files and is a process group of its own, so that neither a broken connection nor a signal to the login's shell ends
 * it or loses its answer.
 */
export function submitScript(searchPath: SearchPath, workDir: string, options: readonly string[]): Script {
  // The project is a checkout of the login's own making, and sbatch is run there: it hands on where, with what umask and
  // with what environment it was run. BASH_ENV has another name until the job's own shell reads what it names.
  const work = `if ${IS_UNPACKED}; is_unpacked; then
  (
    umask "$1"
    [ -z "\${BASH_ENV-}" ] || { slurmql_bash_env=$BASH_ENV; export slurmql_bash_env; unset BASH_ENV; }
    # As one goes there from the home.
    cd 2>/dev/null; cd ${quote(`${workDir}/source`)} && exec sbatch ${quoteAll(options)} ${quote(`${workDir}/job.sh`)}
  )
  echo $? >submit/code.part
else
  echo ${NOT_UNPACKED} >submit/code.part
fi
mv submit/code.part submit/code`;
  const preamble = `mask=$(umask)\numask 077\n${CLEAN_SUBMIT}\n${AT_WORK}\n${SHOW}\ncd ${quote(workDir)} || exit`;
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
  while [ "$(at_work submit)" != over ] && [ "$waited" -lt ${SBATCH_WAIT_SECONDS} ]; do
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

/**
 * Has sbatch read options: section `sbatch`, with what it said against them. It does so before it tells how it is used,
 * and asks no controller (tried on 20.11 to 26.05; some 10 ms).
 */
export function optionsTrialScript(searchPath: SearchPath, options: readonly string[]): Script {
  // A script around sbatch may not know --usage: one that leaves it out finds no batch script to submit.
  const command = `LC_ALL=C sbatch ${quoteAll(options)} --usage 2>&1 >/dev/null </dev/null`;
  return script(searchPath, CLEAN_SUBMIT, [{ name: 'sbatch', command }]);
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
