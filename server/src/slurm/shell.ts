import { randomBytes } from 'node:crypto';
import { quote } from '../ssh/index.ts';

// Every script is sent to the standard input of a /bin/sh on the cluster. POSIX sh only.

export function quoteAll(words: readonly string[]): string {
  return words.map(quote).join(' ');
}

/** Letters and digits that nobody knows before the query, for the ends of its rows: short, as there are many. */
export function newNonce(): string {
  return randomBytes(8).toString('hex');
}

/** One command of a script, whose output and exit code are separated from everything else that the login prints. */
export interface Section {
  readonly name: string;
  /** Shell text; its last command gives the exit code. */
  readonly command: string;
}

export interface SectionResult {
  readonly exitCode: number;
  readonly output: string;
}

/** A script, and how to read its output. */
export interface Script {
  readonly text: string;
  /** Null if the output lacks the complete section: then nothing is known. */
  read(stdout: string, name: string): SectionResult | null;
  /** Standard error without what the login printed there before the script began. */
  errors(stderr: string): string;
}

/**
 * The variables with which the login finds Slurm's commands: PATH, and others that its login shell or module sets.
 * Null: the commands are on its default PATH.
 */
export type SearchPath = Readonly<Record<string, string>> | null;

// What a login exports changes what the scripts' own commands do: options of tar (TAR_OPTIONS, TAR_READER_OPTIONS, TAPE), of
// gzip and pigz, and of grep before 3.6; how ls writes names; sizes of df; where `cd` goes. Programs and libraries of the
// working directory, which may be a repository's, stand in for others where PATH, LD_LIBRARY_PATH, LD_PRELOAD, LD_AUDIT or
// GCONV_PATH has "." or another relative entry, also an empty one (ld.so(8)); what is to be preloaded may have a plain name,
// too, which isn't looked for there. bash takes options from SHELLOPTS and BASHOPTS, also as /bin/sh.
const OWN_SHELL = `set +efuCxv
! command -v shopt >/dev/null || shopt -u failglob nullglob dotglob nocaseglob nocasematch
slurmql_path=$PATH slurmql_libraries=\${LD_LIBRARY_PATH-} slurmql_preload=\${LD_PRELOAD-} slurmql_audit=\${LD_AUDIT-}
absolute_entries() {
  slurmql_rest=$1: slurmql_kept=
  while [ -n "$slurmql_rest" ]; do
    case $slurmql_rest in /*) slurmql_kept=$slurmql_kept\${slurmql_kept:+:}\${slurmql_rest%%[$2]*} ;; esac
    slurmql_rest=\${slurmql_rest#*[$2]}
  done
}
absolute_path() {
  absolute_entries "$PATH" :
  PATH=\${slurmql_kept:-/usr/bin:/bin}
  absolute_entries "\${LD_LIBRARY_PATH-}" ':;'
  [ -z "\${LD_LIBRARY_PATH-}" ] || LD_LIBRARY_PATH=$slurmql_kept
  unset -v slurmql_rest slurmql_kept
}
absolute_path
case :$slurmql_preload:$slurmql_audit in *[': '][!/': ']*/*) unset -v LD_PRELOAD LD_AUDIT ;; esac`;
const OWN_VARIABLES =
  'unset -v TAR_OPTIONS TAR_READER_OPTIONS TAPE GZIP PIGZ GREP_OPTIONS QUOTING_STYLE BLOCKSIZE BLOCK_SIZE DF_BLOCK_SIZE CDPATH GCONV_PATH';

/**
 * Frames each section with lines that no login banner can forge. The script is one compound command, so a connection
 * that breaks while it is sent leaves a syntax error and not half a script that runs.
 *
 * Its commands and their libraries are found by absolute entries of PATH and LD_LIBRARY_PATH alone, and nothing is preloaded
 * by a relative path. As the login set them, these are `$slurmql_path` and `$slurmql_libraries`; `$slurmql_preload` and
 * `$slurmql_audit` are its LD_PRELOAD and LD_AUDIT. `handsOn`: the login's other variables stay, for sbatch to hand on to the
 * job.
 */
export function script(
  searchPath: SearchPath,
  preamble: string,
  sections: readonly Section[],
  handsOn = false,
): Script {
  const nonce = randomBytes(12).toString('hex');
  const framed = sections.map(
    ({ name, command }) =>
      `printf '\\n%s\\n' ${quote(`begin ${name} ${nonce}`)}\n{ ${command}\n} </dev/null\nprintf '\\n%s\\n' "end ${name} ${nonce} $?"`,
  );
  const path = Object.entries(searchPath ?? {})
    .map(([name, value]) => `${name}=${quote(value)}; export ${name}\n`)
    .join('');
  const own = `${OWN_SHELL}\n${handsOn ? '' : `${OWN_VARIABLES}\n`}`;
  let answer: { readonly stdout: string; readonly results: ReadonlyMap<string, SectionResult> } = {
    stdout: '',
    results: new Map(),
  };
  return {
    text: `{\nprintf '\\n%s\\n' ${quote(`begin ${nonce}`)} >&2\n${path}${own}${preamble}\n${framed.join('\n')}\n}\n`,
    errors: (stderr) => stderr.slice(afterFirst(stderr, `\nbegin ${nonce}\n`)),
    read: (stdout, name) => {
      if (answer.stdout !== stdout) answer = { stdout, results: sectionsIn(stdout, sections, nonce) };
      return answer.results.get(name) ?? null;
    },
  };
}

/** The complete sections, which are in order, so the output is searched only once. */
function sectionsIn(stdout: string, sections: readonly Section[], nonce: string): ReadonlyMap<string, SectionResult> {
  const results = new Map<string, SectionResult>();
  let from = 0;
  for (const { name } of sections) {
    const begin = `\nbegin ${name} ${nonce}\n`;
    const start = stdout.indexOf(begin, from);
    // A missing section was cut off, and so was everything after it.
    if (start === -1) break;
    from = start + begin.length;
    const mark = `\nend ${name} ${nonce} `;
    for (let end = stdout.indexOf(mark, from); end !== -1; end = stdout.indexOf(mark, end + 1)) {
      const [whole, code] = /^(\d{1,3})\n/.exec(stdout.slice(end + mark.length, end + mark.length + 4)) ?? [];
      if (whole === undefined) continue;
      results.set(name, { exitCode: Number(code), output: stdout.slice(from, end) });
      // The line feed at its end may begin the next.
      from = end + mark.length + whole.length - 1;
      break;
    }
  }
  return results;
}

/** The position after `line`; 0 if it is missing. */
function afterFirst(text: string, line: string): number {
  const index = text.indexOf(line);
  return index === -1 ? 0 : index + line.length;
}

/** How long a login shell may take: it may ask a question that nobody answers. */
const LOGIN_SHELL_SECONDS = 20;

/** Printed behind the variables of a login shell: without it, they may not be all. */
const ALL_TOLD = 'slurmql_told=all';
// Any shell takes this on its standard input.
const TELL_ALL = `/bin/sh -c 'env && echo ${ALL_TOLD}'`;

/**
 * Shell functions, and `limit`, a command prefix that bounds the time of a login shell. `login_variables` sets `variables`
 * to those of the user's login shell, or of bash as one (`bash`), also after loading a module (`module`); to nothing if
 * they were cut off. `login_value` prints the value of one of them.
 */
export const LOGIN_VARIABLES = `limit=
! command -v timeout >/dev/null || limit='timeout ${LOGIN_SHELL_SECONDS}'
login_variables() {
  case $1 in
    login) variables=$(echo ${quote(TELL_ALL)} | $limit "\${SHELL:-/bin/sh}" -l 2>/dev/null) ;;
    bash) variables=$($limit bash -lc ${quote(TELL_ALL)} 2>/dev/null) ;;
    module) variables=$($limit bash -lc ${quote(`module load slurm; ${TELL_ALL}`)} 2>/dev/null) ;;
  esac
  case "
$variables
" in
    *'
${ALL_TOLD}
'*) ;;
    *) variables= ;;
  esac
}
login_value() { printf '%s\\n' "$variables" | sed -n -e "/^$1=/{s///;h;}" -e '\${x;p;}'; }`;

/** Unsets variables by prefix: they silently filter and reformat the output of Slurm's commands. */
export function unsetByPrefix(prefixes: readonly string[]): string {
  const patterns = prefixes.map((prefix) => `-e 's/^\\(${prefix}[A-Za-z0-9_]*\\)=.*/\\1/p'`).join(' ');
  return `for slurmql_name in $(env | LC_ALL=C sed -n ${patterns}); do unset "$slurmql_name"; done`;
}
