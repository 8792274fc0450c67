import { dirname, resolve } from 'node:path';
import { type DialFailure, refused, refusedForNow } from './failure.ts';
import { pathsLike, readIfThere } from './read-if-there.ts';

/** One line of an OpenSSH configuration. */
export interface Directive {
  /** In lower case. */
  readonly keyword: string;
  /** At least one. */
  readonly values: readonly string[];
  /** `file:line`, for messages. */
  readonly at: string;
  /** The content of the files that an `Include` names. */
  readonly included?: readonly ConfigFile[];
}

export type ConfigFile = readonly Directive[];

const LONGEST_INCLUDE_CHAIN = 16;

/**
 * Reads an OpenSSH configuration and the files that it includes. One that doesn't exist is empty.
 *
 * @throws DialFailure refused, naming the file and line that can't be read
 */
export function loadConfig(file: string, homeDirectory: string): Promise<ConfigFile> {
  // A relative Include starts at the main file's directory, even within an included file (ssh_config(5)).
  const directory = dirname(file);

  async function load(path: string, depth: number): Promise<ConfigFile> {
    if (depth > LONGEST_INCLUDE_CHAIN) throw refused(`${path}: the Include lines form a cycle`);
    const directives = parseConfig(await readConfig(path), path);
    return Promise.all(
      directives.map(async (directive) => {
        if (directive.keyword !== 'include') return directive;
        const included: ConfigFile[] = [];
        for (const pattern of directive.values) {
          const absolute = resolve(
            directory,
            pattern.replace(/^~(?=\/)/, () => homeDirectory),
          );
          const paths = await pathsLike(absolute).catch((error: unknown) => {
            throw unreadable(absolute, error);
          });
          for (const found of paths) included.push(await load(found, depth + 1));
        }
        return { ...directive, included };
      }),
    );
  }

  return load(file, 0);
}

async function readConfig(path: string): Promise<string> {
  try {
    return String((await readIfThere(path)) ?? '');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): DialFailure {
  const message = `the OpenSSH configuration ${path} can't be read: ${String(error)}`;
  return refusedForNow(message, `${message}.`, error);
}

/** @throws DialFailure refused, for a quotation that isn't closed or a keyword without a value */
export function parseConfig(content: string, path: string): Directive[] {
  const directives: Directive[] = [];
  for (const [index, line] of content.split('\n').entries()) {
    const text = line.trimStart();
    const [keyword = ''] = /^[^\s=]*/.exec(text) ?? [];
    const rest = text.slice(keyword.length).trimStart().replace(/^=/, '');
    if (keyword.startsWith('#') || text === '') continue;
    const at = `${path}:${index + 1}`;
    const values = splitValues(rest, at);
    if (keyword === '' || values.length === 0) throw refused(`${at}: expected a keyword and its value`);
    directives.push({ keyword: keyword.toLowerCase(), values, at });
  }
  return directives;
}

/** Values are separated by blanks, may be quoted, and end at a word that begins with `#` (`argv_split` in OpenSSH). */
function splitValues(text: string, at: string): string[] {
  const values: string[] = [];
  let value: string | undefined;
  let quote: string | undefined;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    const next = text.charAt(index + 1);
    if (character === '\\' && (/["'\\]/.test(next) || (next === ' ' && quote === undefined))) {
      value = (value ?? '') + next;
      index += 1;
    } else if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      value ??= '';
    } else if (quote === undefined && /\s/.test(character)) {
      if (value !== undefined) values.push(value);
      value = undefined;
    } else if (character === '#' && value === undefined) {
      break;
    } else {
      value = (value ?? '') + character;
    }
  }
  if (quote !== undefined) throw refused(`${at}: a quotation isn't closed`);
  if (value !== undefined) values.push(value);
  return values;
}
