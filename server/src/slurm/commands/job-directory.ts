import { randomBytes } from 'node:crypto';
import { basename } from 'node:path/posix';
import { quote } from '../../ssh/index.ts';
import { type Script, script } from '../shell.ts';
import { workspaceOf } from '../workspace.ts';
import { safetySection } from '../workspace-safety.ts';

/** So much of a command line is read: Linux before 4.2 shows no more, and others may be as long as they like. */
const READ_OF_COMMAND_LINE = 4096;

/** What names the job in the command line of whatever works in its directory: the shell text begins with it. */
export function nameOfWork(workDir: string): string {
  return `: ${quote(basename(workDir))}`;
}

/**
 * Shell functions for what works under the lock `$1` of a job's directory, which is one process group of one login node.
 * It began with a shell that has its number, stays to its end, and has `nameOfWork` in its command line.
 *
 * `at_work` prints whether somebody may: `over`, `running`, or `elsewhere` where this login node can't tell. A login node
 * that was started anew gives its numbers to others, and Linux gives none that a group still has: then the group is gone
 * for certain. Where /proc is missing, can't be read or is that of another container, it is not certain.
 *
 * `end_work` kills it, if it is on this login node, and never anybody else. Succeeds if it killed something.
 */
export function workFunctions(workDir: string): string {
  const names = `*${quote(basename(workDir))}*`;
  return `find_whose() {
  whose= words=
  # Its first line tells of most, and costs no process.
  { IFS= read -r words <"/proc/$1/cmdline"; } 2>/dev/null
  case $words in ${names}) whose=own; return ;; esac
  words=$({ head -c ${READ_OF_COMMAND_LINE} "/proc/$1/cmdline" | LC_ALL=C tr '\\000' ' '; } 2>/dev/null)
  case $words in
    ${names}) whose=own ;;
    # Of one that has died nothing is left to read, and others of its group may go on.
    *[!' ']*) ! /bin/sh -c 'read -r pid rest </proc/self/stat && [ "$pid" = $$ ]' 2>/dev/null || whose=another ;;
  esac
  :
}
at_work() {
  owner=$(readlink "$1/owner")
  if [ -e "$1/code" ]; then echo over
  elif [ "\${owner% *}" != "$(uname -n)" ]; then echo elsewhere
  elif ! kill -s 0 -- "-\${owner##* }" 2>/dev/null; then echo over
  else
    find_whose "\${owner##* }"
    [ "$whose" = another ] && echo over || echo running
  fi
}
end_work() {
  owner=$(readlink "$1/owner")
  [ "\${owner% *}" = "$(uname -n)" ] && find_whose "\${owner##* }" && [ "$whose" = own ] && kill -s KILL -- "-\${owner##* }"
}`;
}

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
  return script(null, workFunctions(workDir), [
    {
      name: 'directory',
      command: `(cd ${directory} 2>/dev/null && end_work unpack)
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
