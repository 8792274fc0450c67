import { parseArgs } from 'node:util';
import type { ClusterSettings } from '../domain/cluster.ts';
import { nearest } from './nearest.ts';

export const USAGE = `Usage: slurmql [command]

  slurmql                              start the server with the dashboard
  slurmql doctor [--json] [CLUSTER…]   check everything that SlurmQL needs from each cluster of clusters.yaml, or from
                                       those named, and say how to fix what is missing; needs no running server.
                                       Exit code 0: no step failed, 1: a step failed or there is no cluster,
                                       2: wrong arguments
  slurmql --version                    show the version
  slurmql --help                       show this

SLURMQL_CONFIG names the file with the clusters. Default: clusters.local.yaml if it exists, else clusters.yaml.
`;

/** What the command line asks for. */
export type Arguments =
  | { readonly command: 'start' }
  | { readonly command: 'help' }
  | { readonly command: 'version' }
  /** `clusters`: by name, each once; empty: all. */
  | { readonly command: 'doctor'; readonly clusters: readonly string[]; readonly asJson: boolean };

/** A command line that can't be understood; its message is one line. */
export class ArgumentsError extends Error {
  override readonly name = 'ArgumentsError';
}

const COMMANDS = ['start', 'doctor'] as const;

/** Reads the words after the program's name. Pure; throws an ArgumentsError. */
export function readArguments(words: readonly string[]): Arguments {
  const { values, positionals } = parse(words);
  if (values.help === true) return { command: 'help' };
  if (values.version === true) return { command: 'version' };
  const [name = 'start', ...names] = positionals;
  const command = COMMANDS.find((known) => known === name);
  if (command === undefined) throw new ArgumentsError(`There is no command ${quoted(name, COMMANDS)}`);
  if (command === 'doctor') return { command, clusters: [...new Set(names)], asJson: values.json === true };
  if (names.length > 0 || values.json === true) {
    throw new ArgumentsError(`The server takes no arguments, only the environment: ${words.join(' ')}`);
  }
  return { command };
}

/** The clusters with these names, in the order of the file; all when none is named. Throws an ArgumentsError. */
export function chosenClusters(
  all: readonly ClusterSettings[],
  names: readonly string[],
  path: string,
): readonly ClusterSettings[] {
  const known = all.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new ArgumentsError(`${path} has no cluster ${quoted(unknown, known)}`);
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
        json: { type: 'boolean' },
      },
      allowPositionals: true,
    });
  } catch (cause) {
    // The first sentence names the option; the others explain Node's rules.
    throw new ArgumentsError(cause instanceof Error ? (cause.message.split('. ')[0] ?? '') : String(cause));
  }
}

function quoted(word: string, candidates: readonly string[]): string {
  const close = candidates.length === 0 ? null : nearest(word, candidates);
  return `${JSON.stringify(word)}${close === null ? '' : `; did you mean "${close}"?`}`;
}
