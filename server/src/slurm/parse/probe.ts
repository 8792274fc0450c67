import { bounded, linesOf, ownText } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { MAX_ANSWER, MAX_NAME } from './limits.ts';

/** How a login finds Slurm's commands: directly, in a login shell, or behind `module load slurm`. */
export type SlurmFoundBy = 'path' | 'login-shell' | 'module';

/** What the search on a login found: the variables to set from then on, none if sbatch is on the PATH. */
export interface SlurmSearch {
  readonly foundBy: SlurmFoundBy;
  readonly variables: Readonly<Record<string, string>>;
}

const FOUND_BY: Readonly<Record<string, SlurmFoundBy>> = {
  path: 'path',
  login: 'login-shell',
  bash: 'login-shell',
  module: 'module',
};

/** The variables that the script prints. */
const VARIABLES: ReadonlySet<string> = new Set(['LD_LIBRARY_PATH', 'SLURM_CONF', 'PATH']);
/** Linux's limit for one argument of a command (execve(2)). */
const MAX_VARIABLE = 128 * 1024;
/** Of the search: the variables, and how it was found. */
const MAX_SEARCH = 4 * MAX_VARIABLE;

/**
 * The section `search` of the probe: `way`, then `NAME=value` lines. Null: Slurm isn't there. Throws UnreadableAnswer.
 */
export function parseSearch(output: string): SlurmSearch | null {
  const lines = linesOf(output.trim());
  const foundBy = FOUND_BY[lines.next().value ?? ''];
  if (foundBy === undefined) return null;
  if (output.length > MAX_SEARCH) throw new UnreadableAnswer('the search for sbatch prints without an end');
  const variables: Record<string, string> = {};
  for (const line of lines) {
    const [name, value] = [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
    if (value.length > MAX_VARIABLE) throw new UnreadableAnswer(`the login's ${bounded(name, 40)} has no end`);
    if (VARIABLES.has(name)) variables[name] = ownText(value);
  }
  return { foundBy, variables };
}

/** The values used from `scontrol show config`. */
export interface SlurmConfiguration {
  readonly clusterName: string;
  /** `accounting_storage/slurmdbd`; null: this cluster keeps no accounting. */
  readonly accountingStorage: string | null;
  /** How long slurmctld remembers a job after its end; null: not shown. */
  readonly minJobAgeSeconds: number | null;
  /** One more than the highest index of a job array; null: not shown. */
  readonly maxArraySize: number | null;
  /** By default, its commands show the jobs of a whole federation of clusters. */
  readonly showsFederation: boolean;
  /** GPUs are trackable resources (slurm.conf, AccountingStorageTRES); otherwise jobs don't show theirs. */
  readonly tracksGpus: boolean;
}

const CONFIGURED: ReadonlySet<string> = new Set([
  'AccountingStorageTRES',
  'AccountingStorageType',
  'ClusterName',
  'FederationParameters',
  'MaxArraySize',
  'MinJobAge',
]);

/** Null if the output isn't that of `scontrol show config`. Throws UnreadableAnswer if it is too long. */
export function parseConfiguration(output: string): SlurmConfiguration | null {
  if (output.length > MAX_ANSWER) throw new UnreadableAnswer('"scontrol show config" prints without an end');
  const values = new Map<string, string>();
  for (const line of linesOf(output)) {
    const equals = line.indexOf('=');
    const key = line.slice(0, Math.max(0, equals)).trimEnd();
    if (CONFIGURED.has(key)) values.set(key, ownText(line.slice(equals + 1).trim()));
  }
  const clusterName = values.get('ClusterName');
  if (clusterName === undefined) return null;
  const storage = values.get('AccountingStorageType') ?? '';
  return {
    clusterName: bounded(clusterName, MAX_NAME),
    // "accounting_storage/none" until 22.05, "(null)" later.
    accountingStorage:
      storage === '' || storage === '(null)' || storage.endsWith('/none') ? null : bounded(storage, MAX_NAME),
    minJobAgeSeconds: number(values.get('MinJobAge')),
    maxArraySize: number(values.get('MaxArraySize')),
    tracksGpus: /(?:^|,)gres\/gpu(?:,|:|$)/.test(values.get('AccountingStorageTRES') ?? ''),
    showsFederation: /\bfed_display\b/.test(values.get('FederationParameters') ?? ''),
  };
}

function number(text: string | undefined): number | null {
  const digits = /^\d+/.exec(text ?? '')?.[0];
  const value = Number(digits ?? Number.NaN);
  // Slurm keeps these in 32 bits.
  return value < 2 ** 32 ? value : null;
}

/** The first release whose commands have all needed options, such as `squeue --me`. */
export const OLDEST_SLURM = '20.11';

/** From `sbatch --version`, also Debian's "slurm-wlm"; null: other output. */
export function parseVersion(output: string): string | null {
  const version = /^slurm(?:-wlm)? (\d{1,4}\.\d{1,4}\S{0,40})/m.exec(output)?.[1];
  return version === undefined ? null : ownText(version);
}

export function isTooOld(version: string): boolean {
  return isBefore(version, OLDEST_SLURM);
}

/**
 * Up to 25.05, sacct subtracts 128 from exit codes from 128 on (src/sacct/print.c): its 15 is 15 or 143. No query shows
 * this without such a job, so the release decides.
 */
export function hasExactExitCodes(version: string): boolean {
  return !isBefore(version, '25.11');
}

function isBefore(version: string, release: string): boolean {
  const [year = 0, month = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [otherYear = 0, otherMonth = 0] = release.split('.').map(Number);
  return year < otherYear || (year === otherYear && month < otherMonth);
}
