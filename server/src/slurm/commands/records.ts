import { quote } from '../../ssh/index.ts';
import { MAX_RESTARTS } from '../parse/limits.ts';
import { MAX_RECORDS } from '../parse/markers.ts';
import { type Script, script } from '../shell.ts';
import type { MarkerPlace } from '../slurm.ts';
import { LISTING } from './listing.ts';

/** The numbers of attempts in the names of records: no name has more digits, or anything else in their place. */
const ATTEMPTS = Array.from({ length: `${MAX_RESTARTS}`.length }, (_, index) => '[0-9]'.repeat(index + 1));

/**
 * What the last attempts of jobs wrote about their starts and ends: sections `markers-0` …, one `name text` a line, which
 * end as `LISTING` has it.
 */
export function markersScript(places: readonly MarkerPlace[]): Script {
  // Without a process for each file: a job may have made any number of them. Only short files are opened, and no link:
  // it may put anything in the place of its records, too. Of a record that isn't whole its name is told: it was begun.
  const records = ATTEMPTS.flatMap((digits) => [`"$2.${digits}.start"`, `"$2.${digits}.end"`]);
  const print = `${LISTING}
print() {
  last=$(names "$1" -name "$2.[0-9]*" \\( -name ${records.join(' -o -name ')} \\) | {
    last=-1 end=
    while IFS= read -r file; do
      case $file in
        /*) end= ;;
        *) end=$file; continue ;;
      esac
      number=\${file##*/"$2."}
      number=\${number%.*}
      case $number in
        '' | *[!0-9]*) ;;
        *) [ "$number" -le "$last" ] || last=$number ;;
      esac
    done
    echo "$last:$end"
  })
  case $last in
    [0-9]*:whole) last=\${last%:*} ;;
    *) printf '%s\\n' "\${last#*:}"; return ;;
  esac
  found "$1/run/./$2.$last.start" "$1/run/./$2.$last.end" -prune -type f -size -2 | while IFS= read -r file; do
    case $file in
      /*) ;;
      *) printf '%s\\n' "$file"; continue ;;
    esac
    is_open= is_line= line=
    { { is_open=yes; IFS= read -r line && is_line=yes; } <"$file"; } 2>/dev/null
    # Without a whole line, it is empty, or being written, or its disk doesn't give it.
    [ -n "$is_line" ] || [ -n "$line" ] || { [ -n "$is_open" ] && cat "$file" >/dev/null 2>&1; } || {
      echo "unread the record $file can't be read"
      break
    }
    printf '%s %s\\n' "\${file##*/}" "\${is_line:+$line}"
  done
}`;
  const sections = places.map(({ workDir, arrayTaskId }, index) => ({
    name: `markers-${index}`,
    command: `print ${quote(workDir)} ${arrayTaskId ?? 'job'}`,
  }));
  return script(null, print, sections);
}

/**
 * The names in the directories of records, which show which commands have begun: sections `begun-0` …, one for each
 * directory, with one name on each line, which end as `LISTING` has it, or with one name more than is read.
 */
export function begunScript(workDirs: readonly string[]): Script {
  // Of what else a job has put there, nothing is told, and of its records no more than show that there are too many: it
  // would be more than is read.
  const record = '^[A-Za-z0-9_]\\{1,10\\}\\.[0-9]\\{1,10\\}\\';
  const choose = `sed -n -e '$p' -e 's/.*\\///' -e '/${record}.command$/p' -e '/${record}.end$/p'`;
  const list = `${LISTING}
list() { names "$1" | LC_ALL=C ${choose} | head -n ${MAX_RECORDS + 1}; }`;
  const sections = workDirs.map((workDir, index) => ({ name: `begun-${index}`, command: `list ${quote(workDir)}` }));
  return script(null, list, sections);
}

/**
 * The Slurm jobs that have claimed directories, or one task's place in them: sections `claim-0` …, each with a number,
 * or nothing where no claim is, which end as `LISTING` has it.
 */
export function claimsScript(places: readonly MarkerPlace[]): Script {
  // readlink doesn't say why it can't read. A job may put anything in the place of the link, and remove it at any moment.
  const claim = `${LISTING}
claim() {
  if readlink "$1"; then echo whole
  elif said=$(LC_ALL=C ls -ld -- "$1" 2>&1); then
    case $said in
      l*) echo "unread the link $1 can't be read" ;;
      *) echo whole ;;
    esac
  else untold "$1" "$said"
  fi
}`;
  const sections = places.map(({ workDir, arrayTaskId }, index) => ({
    name: `claim-${index}`,
    command: `claim ${quote(`${workDir}/run/${arrayTaskId ?? 'job'}.claim`)}`,
  }));
  return script(null, claim, sections);
}
