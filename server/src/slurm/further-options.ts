import { countNodes, MAX_NODES } from '../domain/node-list.ts';
import { quotedName } from '../domain/text.ts';
import { canonicalName, SBATCH_OPTIONS, sbatchOptionsFrom } from './sbatch-table.ts';

/** sbatch options that SlurmQL sets itself, or that would stop sbatch from printing a job's number. */
const OWN_OPTIONS: ReadonlySet<string> = new Set([
  'autocomplete',
  'chdir',
  'error',
  'export-file',
  'external',
  'get-user-env',
  'gid',
  'help',
  'ignore-pbs',
  'input',
  'open-mode',
  'output',
  'parsable',
  'quiet',
  'test-only',
  'uid',
  'usage',
  'version',
  'wait',
  'wrap',
]);

/** sbatch options with a field of their own: jobs are recorded, and checked, by their fields. */
const FIELD_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['account', 'account'],
  ['array', 'array'],
  ['clusters', 'cluster'],
  ['cpus-per-task', 'cpusPerTask'],
  ['dependency', 'dependsOn or singleton'],
  ['export', 'environment'],
  ['gpus', 'gpusTotal'],
  ['gpus-per-node', 'gpus'],
  ['gpus-per-socket', 'gpus, gpusTotal or gpusPerTask'],
  ['gpus-per-task', 'gpusPerTask'],
  ['job-name', 'name'],
  ['mem', 'memoryMb'],
  ['nodes', 'nodes and maxNodes'],
  ['ntasks', 'tasks'],
  ['partition', 'partition'],
  ['qos', 'qos'],
  ['time', 'timeLimitMinutes'],
]);

/** A further option in full, "--constraint=a100". */
export interface FurtherOption {
  /** The same one for all names of an option. */
  readonly name: string;
  /** Null: it has none. */
  readonly value: string | null;
}

/** Null: it is not an option written in full. */
export function readOption(option: string): FurtherOption | null {
  const match = /^--([a-z][a-z0-9-]*)(?:=(\P{Cc}+))?$/u.exec(option);
  return match === null ? null : { name: canonicalName(match[1] ?? ''), value: match[2] ?? null };
}

/** Why a further sbatch option can't be passed on; null when it can. `option`: with its value, "--constraint=a100". */
export function faultInOption(option: string): string | null {
  if (/^(?::|(?:--)?(?:het|pack)job)$/.test(option)) {
    return `${JSON.stringify(option)} begins another component: use components`;
  }
  const read = readOption(option);
  if (!option.isWellFormed()) return `${quotedName(option)} contains half a character (a lone surrogate)`;
  if (read === null) return `${quotedName(option)} is not an sbatch option: write it in full, "--constraint=a100"`;
  const { name, value } = read;
  const known = SBATCH_OPTIONS.get(name);
  if (known === undefined) {
    const [meant, ...others] = sbatchOptionsFrom(name);
    if (meant === undefined) return faultInValue(name, value);
    const names = [meant, ...others.slice(0, 2)].map((one) => `--${one.name}`).join(' or ');
    return `${quotedName(option)} abbreviates ${names}: write it in full`;
  }
  if (OWN_OPTIONS.has(name)) return `--${name} is set by SlurmQL itself and can't be passed`;
  const field = FIELD_OPTIONS.get(name);
  if (field !== undefined) return `--${name} has a field of its own: use ${field}`;
  if (known.argument === 'required' && value === null) return `--${name} needs a value: write --${name}=…`;
  if (known.argument === 'none' && value !== null) return `--${name} takes no value: write --${name} alone`;
  return faultInValue(name, value);
}

/** Slurm keeps these in 16 bits: a higher number would silently wrap around (tried on 20.11 to 26.05). */
const SHORT_COUNTS: ReadonlySet<string> = new Set([
  'core-spec',
  'cores-per-socket',
  'cpus-per-gpu',
  'mincpus',
  'ntasks-per-core',
  'ntasks-per-gpu',
  'ntasks-per-node',
  'ntasks-per-socket',
  'ntasks-per-tres',
  'segment',
  'sockets-per-node',
  'thread-spec',
  'threads-per-core',
]);
export const MAX_SHORT_COUNT = 65_533;

/** What sbatch reads from a file of the login node; one that hangs, as a named pipe does, would hang sbatch with it. */
const FILE_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['bbf', 'write the specification itself with --bb'],
  ['nodefile', 'write the names themselves with --nodelist'],
]);
/** Where sbatch takes a value with a slash for the name of such a file (man sbatch, --nodelist). */
const NODE_LISTS: ReadonlySet<string> = new Set(['exclude', 'nodelist']);

/**
 * More repetitions in all than any node has tasks. sbatch writes out what `0*9` in such an option repeats, over and over:
 * a hundred million of them never end (tried on 22.05.8).
 */
export const MAX_REPEATS = 4096;

function faultInValue(name: string, value: string | null): string | null {
  if (value === null) return null;
  const instead = FILE_OPTIONS.get(name);
  if (instead !== undefined) return `--${name} names a file on the login node, which is not read: ${instead}`;
  if (NODE_LISTS.has(name) && value.includes('/')) {
    return `--${name} with a "/" names a file on the login node, which is not read: write the names of the nodes themselves`;
  }
  // sbatch writes out the names before it asks the controller: gigabytes for a few ranges (tried on 22.05.8).
  if (NODE_LISTS.has(name) && (countNodes(value) ?? Number.POSITIVE_INFINITY) > MAX_NODES) {
    return `--${name} is no list of at most ${MAX_NODES.toLocaleString('en-US')} nodes: write it as Slurm does, "gpu[01-03],login"`;
  }
  if (name.endsWith('-bind') && repeats(value) > MAX_REPEATS) {
    return `--${name} repeats more than ${MAX_REPEATS.toLocaleString('en-US')} values: "*" needs a smaller number behind it`;
  }
  if (/^(?:help|list)$/i.test(value) && SBATCH_OPTIONS.has(name)) {
    return `--${name}=${value} only prints a text: there would be no job`;
  }
  if (/^(?:gres|tres-per-.*)$/.test(name) && /\bgpu\b/i.test(value)) {
    return `--${name} asks for GPUs: use gpus, gpusTotal or gpusPerTask, and gpuType`;
  }
  if (SHORT_COUNTS.has(name) && /^\d+$/.test(value) && Number(value) > MAX_SHORT_COUNT) {
    return `--${name}=${value} is more than Slurm counts: ${MAX_SHORT_COUNT} at most`;
  }
  return null;
}

/** How many values the `*N` of a list make in all; infinite where one has no plain number. */
function repeats(list: string): number {
  let count = 0;
  for (const rest of list.split('*').slice(1)) {
    const number = /^\d+(?=,|$)/.exec(rest)?.[0];
    count += number === undefined ? Number.POSITIVE_INFINITY : Number(number);
  }
  return count;
}
