import { quote } from '../../ssh/index.ts';
import { MAX_RESTARTS } from '../parse/limits.ts';
import { MAX_RECORDS } from '../parse/markers.ts';
import { type Script, script } from '../shell.ts';
import type { MarkerPlace } from '../slurm.ts';

/** The exit code of a section whose records are gone although the workspace exists. */
export const RECORDS_GONE = 1;

/**
 * `unlisted` ends a section from the path that could not be listed, and from what was said. `names` prints the paths in
 * the directory of records of a job that further arguments of find choose; `readable` ends a section where it can't be
 * read. A job can have made any number of names, and a shell that holds them all may be killed: many login nodes limit
 * the memory of a user.
 */
const LISTING = `unlisted() {
  case $2 in
    *'No such file or directory'* | *'Not a directory'*) [ ! -d "\${1%/jobs/*}" ] || return ${RECORDS_GONE} ;;
  esac
  printf '%s\\n' "$2"
  return 2
}
names() {
  run=$1/run/.
  shift
  LC_ALL=C find "$run" ! -name . -prune "$@" -print 2>/dev/null
}
readable() {
  said=$(LC_ALL=C find "$1/run/." ! -name . -prune ! -name '*' 2>&1) || unlisted "$1" "$said"
}`;

/** The numbers of attempts in the names of records: no name has more digits, or anything else in their place. */
const ATTEMPTS = Array.from({ length: `${MAX_RESTARTS}`.length }, (_, index) => '[0-9]'.repeat(index + 1));

/**
 * What the last attempts of jobs wrote about their starts and ends: sections `markers-0` …, one `name text` a line. A
 * section ends with RECORDS_GONE, or with another code and the reason why the directory of records can't be read now.
 */
export function markersScript(places: readonly MarkerPlace[]): Script {
  // Without a process for each file: a job may have made any number of them. Only short files are opened, and no link:
  // it may put anything in the place of its records, too. Of a record that isn't whole its name is told: it was begun.
  const records = ATTEMPTS.flatMap((digits) => [`"$2.${digits}.start"`, `"$2.${digits}.end"`]);
  const print = `${LISTING}
print() {
  last=$(names "$1" -name "$2.[0-9]*" \\( -name ${records.join(' -o -name ')} \\) | {
    last=-1
    while IFS= read -r file; do
      number=\${file##*/"$2."}
      number=\${number%.*}
      case $number in
        '' | *[!0-9]*) ;;
        *) [ "$number" -le "$last" ] || last=$number ;;
      esac
    done
    echo "$last"
  })
  [ "$last" != -1 ] || { readable "$1"; return; }
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
  // Of what else a job has put there, nothing is told, and of its records no more than show that there are too many: it
  // would be more than is read.
  const record = '^[A-Za-z0-9_]\\{1,10\\}\\.[0-9]\\{1,10\\}\\';
  const list = `${LISTING}
list() {
  names "$1" | LC_ALL=C sed -n -e 's/.*\\///' -e '/${record}.command$/p' -e '/${record}.end$/p' | head -n ${MAX_RECORDS + 1}
  readable "$1"
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
  const claim = `${LISTING}
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
