import { quote } from '../../ssh/index.ts';
import { MAX_RECORDS } from '../parse/markers.ts';
import { type Script, script } from '../shell.ts';
import type { MarkerPlace } from '../slurm.ts';

/** The exit code of a section whose records are gone although the workspace exists. */
export const RECORDS_GONE = 1;

/** Ends a section from the path that ls could not list, and from what it said. */
const UNLISTED = `unlisted() {
  case $2 in
    *'No such file or directory'* | *'Not a directory'*) [ ! -d "\${1%/jobs/*}" ] || return ${RECORDS_GONE} ;;
  esac
  printf '%s\\n' "$2"
  return 2
}`;

/**
 * What the last attempts of jobs wrote about their starts and ends: sections `markers-0` …, one `name text` a line. A
 * section ends with RECORDS_GONE, or with another code and the reason why the directory of records can't be read now.
 */
export function markersScript(places: readonly MarkerPlace[]): Script {
  // Without a process for each file: a job may have made any number of them. Only short files are opened, and no link:
  // it may put anything in the place of its records, too. Of a record that isn't whole its name is told: it was begun.
  const print = `${UNLISTED}
print() {
  last=-1
  for file in "$1/run/$2."*.start "$1/run/$2."*.end; do
    number=\${file#"$1/run/$2."}
    number=\${number%.*}
    case $number in
      '' | *[!0-9]* | ??????*) ;;
      *) [ "$number" -le "$last" ] || last=$number ;;
    esac
  done
  if [ "$last" = -1 ]; then
    # A pattern shows a directory that can't be read as empty.
    said=$(LC_ALL=C ls -- "$1/run/" 2>&1 >/dev/null) || { unlisted "$1" "$said"; return; }
    return 0
  fi
  find "$1/run/$2.$last.start" "$1/run/$2.$last.end" -prune -type f -size -2 2>/dev/null | while IFS= read -r file; do
    { IFS= read -r line <"$file"; } 2>/dev/null || line=
    printf '%s %s\\n' "\${file##*/}" "$line"
  done
  :
}`;
  const sections = places.map(({ workDir, arrayTaskId }, index) => ({
    name: `markers-${index}`,
    command: `print ${quote(workDir)} ${arrayTaskId ?? 'job'}`,
  }));
  return script(null, print, sections);
}

/**
 * The names in the directories of records, which show which commands have begun: sections `begun-0` …, one for each
 * directory, with one name on each line. A section ends with RECORDS_GONE, or with another code and the reason why the
 * directory can't be read now.
 */
export function begunScript(workDirs: readonly string[]): Script {
  // Not by a pattern: the shell doesn't report why a directory can't be read, and shows it as empty. Of what else a job
  // has put there, nothing is told, and of its records no more than show that there are too many: it would be more than
  // is read.
  const record = '^[A-Za-z0-9_]\\{1,10\\}\\.[0-9]\\{1,10\\}\\';
  const list = `${UNLISTED}
list() {
  if said=$(LC_ALL=C ls -- "$1/run/" 2>&1); then
    printf '%s\\n' "$said" | LC_ALL=C sed -n -e '/${record}.command$/p' -e '/${record}.end$/p' | head -n ${MAX_RECORDS + 1}
    return 0
  fi
  unlisted "$1" "$said"
}`;
  const sections = workDirs.map((workDir, index) => ({ name: `begun-${index}`, command: `list ${quote(workDir)}` }));
  return script(null, list, sections);
}

/**
 * The Slurm jobs that have claimed directories, or one task's place in them: sections `claim-0` …, each with a number,
 * or nothing where no claim is. A section ends with RECORDS_GONE where nothing is, or with another code and the reason
 * why the claim can't be read now.
 */
export function claimsScript(places: readonly MarkerPlace[]): Script {
  // readlink doesn't say why it can't read. A job may put anything in the place of the link, and remove it at any moment.
  const claim = `${UNLISTED}
claim() {
  ! readlink "$1" || return 0
  if said=$(LC_ALL=C ls -d -- "$1" 2>&1); then
    [ -L "$1" ] || return 0
    echo "the link $1 can't be read"
    return 2
  fi
  unlisted "$1" "$said"
}`;
  const sections = places.map(({ workDir, arrayTaskId }, index) => ({
    name: `claim-${index}`,
    command: `claim ${quote(`${workDir}/run/${arrayTaskId ?? 'job'}.claim`)}`,
  }));
  return script(null, claim, sections);
}
