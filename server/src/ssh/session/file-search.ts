import { randomBytes } from 'node:crypto';
import { bounded, linesOf } from '../../domain/text.ts';
import { SshError, SshInterrupted } from '../errors.ts';
import { quote } from '../shell.ts';
import type { Channels } from './channels.ts';
import { runScript } from './command.ts';
import { KINDS_OF_FILES, refusedKind } from './file-kind.ts';

/** grep doesn't understand the pattern; the message is grep's own. */
export class SearchPatternError extends SshError {
  override readonly name = 'SearchPatternError';
}

/** The search needed more time or memory than it is allowed on a login node. */
export class SearchLimitError extends SshError {
  override readonly name = 'SearchLimitError';
}

export interface SearchQuestion {
  /** One line without NUL. Bytes are compared: no letter outside of ASCII has a counterpart in another case. */
  readonly pattern: string;
  /** An extended regular expression (POSIX, `grep -E`); else the text as it is. */
  readonly isRegex: boolean;
  readonly ignoresCase: boolean;
  /** Where a line begins, in bytes. */
  readonly from: number;
  /** How many bytes are searched from there on; null: up to the end of the file. */
  readonly length: number | null;
  /** Matches before it are left out; not before `from`. */
  readonly after: number;
  /** The most matches to return, and one more to show that there are more. */
  readonly limit: number;
}

export interface FoundMatch {
  /** Counted from 0 at `from`. */
  readonly lineIndex: number;
  /** In bytes from the beginning of the file. */
  readonly lineOffset: number;
  readonly matchOffset: number;
}

export interface FoundMatches {
  /** In the order of the file; one more than the limit if there are more. */
  readonly matches: readonly FoundMatch[];
  /** Newlines before `from`. */
  readonly linesBefore: number;
}

/** In seconds of CPU time, for each process. */
const CPU_SECONDS = 15;
/** In KiB, of address space: grep holds a line as a whole. */
const MEMORY_KB = 1_000_000;
const OUTPUT_BYTES = 4 * 1024 * 1024;
/** "12345678901:12345678901234567:" and a little of the line. */
const PREFIX_BYTES = 48;

/**
 * Each occurrence by its offset, then the beginnings of their lines, in two passes, because grep prints only one of
 * them; the second pass ends with the last line that the first one found. grep stops once its output is closed.
 */
export async function searchFile(
  channels: Channels,
  path: string,
  question: SearchQuestion,
  signal: AbortSignal,
): Promise<FoundMatches> {
  const nonce = randomBytes(12).toString('hex');
  const script = searchScript(path, question, nonce);
  const { stdout, stderr } = await runScript(channels, script, { maxOutputBytes: OUTPUT_BYTES }, signal);
  const words = stderr.toString();
  const refused = refusedKind(path, words);
  if (refused !== null) throw refused;
  return readFindings(question, nonce, stdout.toString('latin1'), words);
}

/** Pure. */
function searchScript(path: string, question: SearchQuestion, nonce: string): string {
  const { pattern, isRegex, ignoresCase, from, length, after, limit } = question;
  const file = quote(path);
  // Treats any content as text.
  const grep = `grep -a -b -n ${isRegex ? '-E' : '-F'}${ignoresCase ? ' -i' : ''} -e ${quote(pattern)}`;
  // grep reads a file about twice as fast as a pipe. dd only moves the position at which it begins.
  const seek = from === 0 ? '' : `dd bs=1 skip=${from} count=0 2>/dev/null; `;
  const search = (command: string) =>
    length === null
      ? `{ ${seek}${command}; } <${file}`
      : `tail -c +${from + 1} -- ${file} | head -c ${length} | { ${command}; }`;
  // POSIX sh reports only the status of a pipe's last command, so grep's is printed after its matches.
  return `LC_ALL=C; export LC_ALL
${KINDS_OF_FILES}
only_file ${file}
ulimit -v ${MEMORY_KB}; ulimit -t ${CPU_SECONDS}
renice -n 19 -p $$ >/dev/null 2>&1; ionice -c 3 -p $$ >/dev/null 2>&1
begin() { printf '\n%s\n' "begin $1 ${nonce}"; }
begin pattern
echo | ${grep} 2>&1; echo "status $?"
begin before
${from === 0 ? 'echo 0' : `head -c ${from} -- ${file} | wc -l`}
begin matches
found=$(${search(`${grep} -o --line-buffered; echo "status $?"`)} | cut -b -${PREFIX_BYTES} | awk -F: '
  /^status / { print; next }
  $1 != line { line = $1; lines++ }
  $2 + 0 >= ${after - from} { print "match " $1 " " $2; if (++told > ${limit}) exit }
  END { print "lines " lines + 0 }')
echo "$found"
begin lines
${search(`${grep} --line-buffered -m "\${found##*lines }"`)} | cut -b -${PREFIX_BYTES} | cut -d: -f1,2
begin end
`;
}

/** Pure. Throws SearchPatternError, SearchLimitError, or SshInterrupted if the search didn't finish. */
export function readFindings(question: SearchQuestion, nonce: string, stdout: string, stderr: string): FoundMatches {
  const section = (name: string, next: string): string => {
    const mark = `\nbegin ${name} ${nonce}\n`;
    const begin = stdout.indexOf(mark);
    const end = stdout.indexOf(`\nbegin ${next} ${nonce}\n`, begin + mark.length - 1);
    if (begin === -1 || end === -1) throw new SshInterrupted(`The search did not finish: ${shortened(stderr)}`);
    return stdout.slice(begin + mark.length, end);
  };
  const trial = section('pattern', 'before');
  switch (statusOf(trial)) {
    case 0:
      throw new SearchPatternError('It matches the empty string, so it would be found everywhere');
    case 1:
      break;
    default:
      throw new SearchPatternError(
        shortened(trial.replace(/^status .*$/m, '').replace(/^grep: /m, '')) || 'It is too large',
      );
  }
  const told = section('matches', 'lines');
  const status = statusOf(told);
  // Without a status, or ended by SIGPIPE (128 + 13), grep had printed enough.
  if (status !== null && status > 1 && status !== 141) {
    throw new SearchLimitError(
      /memory exhausted/.test(stderr)
        ? 'The pattern or a line of the file is too large to be searched'
        : `The search on the cluster was ended: ${shortened(stderr) || 'it took too much time'}`,
    );
  }
  const lineOffsets = new Map(pairsIn(section('lines', 'end'), /^(\d{1,15}):(\d{1,15})$/));
  const matches = pairsIn(told, /^match (\d{1,15}) (\d{1,15})$/).map(([line, offset]) => ({
    lineIndex: line - 1,
    lineOffset: question.from + (lineOffsets.get(line) ?? offset),
    matchOffset: question.from + offset,
  }));
  const linesBefore = /^\s*(\d{1,15})\s*$/.exec(section('before', 'matches'))?.[1];
  const isInOrder = matches.every(
    ({ lineOffset, matchOffset }, index) =>
      lineOffset <= matchOffset && (matches[index - 1]?.matchOffset ?? 0) <= matchOffset,
  );
  if (linesBefore === undefined || !isInOrder || matches.length > question.limit + 1) {
    throw new SshInterrupted('What the search on the cluster printed is not what grep prints');
  }
  return { matches, linesBefore: Number(linesBefore) };
}

/** The two numbers of each line that matches. */
function pairsIn(text: string, pattern: RegExp): [number, number][] {
  const pairs: [number, number][] = [];
  for (const line of linesOf(text)) {
    const [whole, first, second] = pattern.exec(line) ?? [];
    if (whole !== undefined) pairs.push([Number(first), Number(second)]);
  }
  return pairs;
}

function statusOf(output: string): number | null {
  const match = /^status (\d+)$/m.exec(output);
  return match === null ? null : Number(match[1]);
}

function shortened(words: string): string {
  return bounded(words.trim(), 200);
}
