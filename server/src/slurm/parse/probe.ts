/** How a login finds Slurm's commands: directly, in a login shell, or behind `module load slurm`. */
export type SlurmFoundBy = 'path' | 'login-shell' | 'module';

/** What the search on a login found: variables that have to be set from then on, none where it is on the PATH. */
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

/** The section `search` of the probe: `way`, then `NAME=value` lines. Null: Slurm isn't there. */
export function parseSearch(output: string): SlurmSearch | null {
  const [way = '', ...lines] = output.trim().split('\n');
  const foundBy = FOUND_BY[way];
  if (foundBy === undefined) return null;
  const pairs = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const);
  return { foundBy, variables: Object.fromEntries(pairs) };
}

/** What is used of `scontrol show config`. */
export interface SlurmConfiguration {
  readonly clusterName: string;
  /** `accounting_storage/slurmdbd`; null: this cluster keeps no accounts. */
  readonly accountingStorage: string | null;
  /** How long slurmctld remembers a job after its end; null: not told. */
  readonly minJobAgeSeconds: number | null;
  /** One more than the highest index of a job array; null: not told. */
  readonly maxArraySize: number | null;
  /** Its commands show the jobs of a whole federation of clusters unless they are asked for their own. */
  readonly showsFederation: boolean;
  /** It counts GPUs among its trackable resources (slurm.conf, AccountingStorageTRES): else jobs don't show theirs. */
  readonly tracksGpus: boolean;
}

/** Null where the output isn't that of `scontrol show config`. */
export function parseConfiguration(output: string): SlurmConfiguration | null {
  const values = new Map<string, string>();
  for (const line of output.split('\n')) {
    const [, key, value] = /^(\w+)\s*= ?(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, value.trim());
  }
  const clusterName = values.get('ClusterName');
  if (clusterName === undefined) return null;
  const storage = values.get('AccountingStorageType') ?? '';
  return {
    clusterName,
    // "accounting_storage/none" until 22.05, "(null)" later.
    accountingStorage: storage === '' || storage === '(null)' || storage.endsWith('/none') ? null : storage,
    minJobAgeSeconds: number(values.get('MinJobAge')),
    maxArraySize: number(values.get('MaxArraySize')),
    tracksGpus: /(?:^|,)gres\/gpu(?:,|:|$)/.test(values.get('AccountingStorageTRES') ?? ''),
    showsFederation: /\bfed_display\b/.test(values.get('FederationParameters') ?? ''),
  };
}

function number(text: string | undefined): number | null {
  const digits = /^\d+/.exec(text ?? '')?.[0];
  return digits === undefined ? null : Number(digits);
}

/** The first release whose commands have all that is asked of them: `squeue --me`, among others. */
export const OLDEST_SLURM = '20.11';

/** `sbatch --version`, also Debian's "slurm-wlm"; null: it said something else. */
export function parseVersion(output: string): string | null {
  return /^slurm(?:-wlm)? (\d+\.\d+\S*)/m.exec(output)?.[1] ?? null;
}

export function isTooOld(version: string): boolean {
  return isBefore(version, OLDEST_SLURM);
}

/**
 * Up to 25.05, sacct takes 128 from exit codes from 128 on (src/sacct/print.c): its 15 is 15 or 143. No question to a
 * cluster without such a job shows it, so the release decides.
 */
export function hasExactExitCodes(version: string): boolean {
  return !isBefore(version, '25.11');
}

function isBefore(version: string, release: string): boolean {
  const [year = 0, month = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [otherYear = 0, otherMonth = 0] = release.split('.').map(Number);
  return year < otherYear || (year === otherYear && month < otherMonth);
}
