import { randomBytes } from 'node:crypto';
import { quote } from '../../ssh/index.ts';
import { type Script, script } from '../shell.ts';
import { workspaceOf } from '../workspace.ts';
import { safetySection } from '../workspace-safety.ts';

/**
 * Whether somebody may be at work under the lock `$1`: a shell function that prints `over`, `running`, or `elsewhere`
 * where this login node can't tell. What works there is one process group of one login node.
 */
export const AT_WORK = `at_work() {
  owner=$(readlink "$1/owner")
  if [ -e "$1/code" ]; then echo over
  elif [ "\${owner% *}" != "$(uname -n)" ]; then echo elsewhere
  elif kill -s 0 -- "-\${owner##* }" 2>/dev/null; then echo running
  else echo over
  fi
}`;

/** A shell function: whether the project lies in the job's directory, whole. */
export const IS_UNPACKED = 'is_unpacked() { [ -d source ] && [ ! -h source ] && [ ! -e source.tar.gz ]; }';

/** Of what sbatch or tar said, its end. */
const SHOWN_BYTES = 65_536;

/**
 * A shell function that prints the end of an answer: it tells enough, since tar has a line for each file that it can't
 * unpack, and an answer that is too long is none. Whatever jobs may have put in its place isn't opened.
 */
export const SHOW = `show() { [ ! -f "$1" ] || [ -h "$1" ] || tail -c ${SHOWN_BYTES} "$1"; }`;

/**
 * A shell function that kills what is at work under the lock `$1` of the job's directory `$2`, if it is on this login
 * node. Another process may have got its number, so its command line has to name the directory. Succeeds if it killed
 * something.
 */
export const END_WORK = `end_work() {
  owner=$(readlink "$1/owner")
  [ "\${owner% *}" = "$(uname -n)" ] && grep -qsF -e "$2" "/proc/\${owner##* }/cmdline" && kill -s KILL -- "-\${owner##* }"
}`;

/**
 * Makes a job's directory. Section `directory` holds `submitted` when sbatch has been started there, or else `uploaded`
 * when the job's files need not be sent again; section `safety` tells who could put another directory in its place.
 */
export function jobDirectoryScript(workDir: string): Script {
  // Small files of an earlier attempt, which was cut off before they got their names, are sent again.
  const tell = `if [ -d submit ]; then echo submitted
else
  rm -f job.sh.* environment.sh.*
  if is_unpacked || [ -f unpack/source.tar.gz ]; then echo uploaded; fi
fi`;
  // Everything below the workspace is its owner's alone.
  return script(null, `umask 077\n${IS_UNPACKED}`, [
    {
      name: 'directory',
      command: `LC_ALL=C mkdir -p ${quote(`${workDir}/run`)} && (cd ${quote(workDir)} && { ${tell}\n})`,
    },
    safetySection(workspaceOf(workDir), workDir, true),
  ]);
}

/** So long a removal is waited for, in seconds: that of a small project is over by then, and few go on side by side. */
const REMOVAL_PAUSES = '0.02 0.05 0.1 0.2 0.3 0.5 0.8';

/**
 * Takes away the directory of a job that Slurm didn't take: section `directory`. It goes at once, under another name: what is
 * cut off leaves all of it or nothing, as another attempt would take what is left for a whole project. Its files are
 * removed after that, which may take minutes, and which neither a broken connection nor a signal to the login's shell ends.
 */
export function removeJobDirectoryScript(workDir: string): Script {
  const directory = quote(workDir);
  const gone = quote(`${workDir}.${randomBytes(8).toString('hex')}.gone`);
  // What is being killed may still make a file or two.
  const remove = `rm -rf ${gone} 2>/dev/null || { sleep 1; rm -rf ${gone}; }`;
  return script(null, END_WORK, [
    {
      name: 'directory',
      command: `(cd ${directory} 2>/dev/null && end_work unpack ${directory})
if { [ ! -e ${directory} ] && [ ! -h ${directory} ]; } || mv ${directory} ${gone}; then
  setsid=$(command -v setsid)
  \${setsid:+"$setsid"} /bin/sh -c ${quote(remove)} >/dev/null 2>&1 </dev/null &
  for pause in ${REMOVAL_PAUSES}; do
    [ -e ${gone} ] || break
    sleep "$pause" 2>/dev/null || sleep 1
  done
  :
else
  false
fi`,
    },
  ]);
}
