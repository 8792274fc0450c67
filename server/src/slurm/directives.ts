import {
  canonicalName,
  SBATCH_OPTIONS,
  type SbatchOption,
  sbatchOptionOfLetter,
  sbatchOptionsFrom,
} from './sbatch-table.ts';

/** One option of the #SBATCH lines at the head of a script. */
export interface Directive {
  /** In the script, from 1. */
  readonly line: number;
  /** In full; the same one for all names of an option. */
  readonly name: string;
  readonly value: string | null;
}

/** Why a line can't be used, or a notice about one. */
export interface LineRemark {
  readonly line: number;
  readonly message: string;
}

export interface ScriptHead {
  readonly directives: readonly Directive[];
  readonly faults: readonly LineRemark[];
  readonly notices: readonly LineRemark[];
}

const MAX_NOTICES = 5;

/**
 * The options of a script, by sbatch's own rules (src/sbatch/opt.c): lines that begin with #SBATCH, up to the first
 * line that is neither blank nor a comment. All their words together are parsed as getopt_long parses a command line.
 */
export function readDirectives(script: string): ScriptHead {
  const lines = script.split('\n');
  const end = lines.findIndex((line) => /^\s*[^\s#]/.test(line));
  const faults: LineRemark[] = [];
  const notices: LineRemark[] = [];
  const words: Word[] = [];
  for (const [index, text] of lines.slice(0, end === -1 ? lines.length : end).entries()) {
    const rest = /^#(?:SBATCH|SLURM)(.*)$/.exec(text)?.[1];
    if (rest === undefined) continue;
    const read = wordsOf(rest);
    if (typeof read === 'string') faults.push({ line: index + 1, message: read });
    else for (const word of read) words.push({ line: index + 1, word });
  }
  const directives = readOptions(words, faults);
  /** Other batch systems; one line shows that a script is theirs. */
  const told = new Set<string>();
  for (const [index, text] of lines.entries()) {
    const line = index + 1;
    const other = /^#(PBS|BSUB)\b/.exec(text)?.[1];
    const isHead = end === -1 || index < end;
    if (other !== undefined && isHead) {
      const message = `#${other} lines are not read: write them as #SBATCH lines, or use fields`;
      if (words.length > 0) notices.push({ line, message });
      else if (!told.has(other)) faults.push({ line, message });
      told.add(other);
    }
    if (!isHead && /^#SBATCH\s/.test(text)) {
      notices.push({ line, message: 'not read, because sbatch reads none after the first command' });
    }
  }
  return { directives, faults, notices: notices.slice(0, MAX_NOTICES) };
}

interface Word {
  readonly line: number;
  readonly word: string;
}

/** The words of a line; a string says why it can't be read. */
function wordsOf(text: string): string[] | string {
  const words: string[] = [];
  let rest = text.trimStart();
  while (rest !== '' && !rest.startsWith('#')) {
    if (/^(?:pack|het)job(?:\s|$)/i.test(rest) || rest.startsWith(':')) {
      return 'begins another component: ask for it with the field components';
    }
    let word = '';
    let quote = '';
    let index = 0;
    for (; index < rest.length; index += 1) {
      const sign = rest.charAt(index);
      if (sign === '\\' && index + 1 < rest.length) {
        index += 1;
        word += rest.charAt(index);
      } else if (quote !== '') {
        if (sign === quote) quote = '';
        else word += sign;
      } else if (sign === '"' || sign === "'") quote = sign;
      else if (/\s/.test(sign) || sign === '#') break;
      else word += sign;
    }
    if (quote !== '') return `has an unclosed quote: ${quote}`;
    words.push(word);
    rest = rest.slice(index).trimStart();
  }
  return words;
}

/** Parses words as getopt_long does. */
function readOptions(words: readonly Word[], faults: LineRemark[]): Directive[] {
  const directives: Directive[] = [];
  let at = 0;
  /** The next word; undefined: there is none. */
  const shift = (): Word | undefined => {
    at += 1;
    return words[at - 1];
  };
  const add = (line: number, name: string, value: string | null) =>
    directives.push({ line, name: canonicalName(name), value });
  /** An option that needs a value and has none in its own word: the next word is the value. */
  const addWithValue = (line: number, { name }: SbatchOption) => {
    const next = shift();
    if (next === undefined) faults.push({ line, message: `ends with --${name}, which needs a value` });
    else add(line, name, next.word);
  };
  for (let next = shift(); next !== undefined; next = shift()) {
    const { line, word } = next;
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word);
    if (long !== null) {
      const [, name = '', value = null] = long;
      const option = SBATCH_OPTIONS.get(name) ?? null;
      const meant = option === null ? sbatchOptionsFrom(name) : [option];
      const [only] = meant;
      if (meant.length > 1) {
        const names = meant.map((one) => `--${one.name}`).join(', ');
        faults.push({ line, message: `--${name} may be any of ${names}: write it in full` });
      } else if (only === undefined) {
        // An option of a plug-in: only the cluster knows whether it takes the next word.
        const following = words[at];
        const takesNext = value === null && following?.line === line && !following.word.startsWith('-');
        add(line, name, takesNext ? (shift()?.word ?? null) : value);
      } else if (only.argument === 'none' && value !== null) {
        faults.push({ line, message: `--${only.name} takes no value` });
      } else if (only.argument === 'required' && value === null) addWithValue(line, only);
      else add(line, only.name, value);
      continue;
    }
    if (!/^-[^-]/.test(word)) {
      faults.push({ line, message: `${JSON.stringify(word)} is no option` });
      continue;
    }
    for (let index = 1; index < word.length; index += 1) {
      const option = sbatchOptionOfLetter(word.charAt(index));
      if (option === null) {
        faults.push({ line, message: `-${word.charAt(index)} is no option of sbatch` });
        break;
      }
      if (option.argument === 'none') {
        add(line, option.name, null);
        continue;
      }
      const value = word.slice(index + 1);
      if (option.argument === 'required' && value === '') addWithValue(line, option);
      else add(line, option.name, value || null);
      break;
    }
  }
  return directives;
}

/** Shells whose scripts bash can run, and the options with which bash does the same. */
const SHELLS: ReadonlySet<string> = new Set(['bash', 'sh']);
const HARMLESS: ReadonlySet<string> = new Set(['-l', '--login', '--norc', '--noprofile']);

/** The interpreter that a first line names; null: none. */
function interpreterOf(script: string): { readonly name: string; readonly options: readonly string[] } | null {
  const line = /^#![ \t]*(.*)/.exec(script)?.[1]?.trim();
  if (line === undefined || line === '') return null;
  const words = line.split(/\s+/);
  if (/\/env$/.test(words[0] ?? '')) {
    words.shift();
    while (words[0]?.startsWith('-')) words.shift();
  }
  const [program = '', ...options] = words;
  return { name: program.split('/').at(-1) ?? '', options };
}

/** Why the interpreter of a first line can't be used, because bash runs the command; null: it can, or there is none. */
export function interpreterFault(script: string): string | null {
  const interpreter = interpreterOf(script);
  if (interpreter === null) return null;
  const { name, options } = interpreter;
  if (!SHELLS.has(name)) {
    return `has ${name} run the script, but a command is run by bash: put the script into the project, and run it with the command "${name} FILE"`;
  }
  const other = options.find((option) => !HARMLESS.has(option));
  if (other === undefined) return null;
  return `starts ${name} with ${other}, but bash is started without options: use a command in the script, such as "set -e"`;
}

/** What differs under bash from the interpreter of a first line; null: nothing. */
export function interpreterNotice(script: string): string | null {
  if (interpreterOf(script)?.name !== 'sh') return null;
  return 'run by bash, which differs from other shells that are called sh: "echo" prints backslashes as they are written';
}
