/**
 * sbatch's options from 20.11 to 26.05 (src/common/slurm_opt.c of each release): how each is written, and how it is
 * handled when it is passed on. Options of SPANK plug-ins and later releases are not in it.
 */
export interface SbatchOption {
  readonly name: string;
  /** One letter. */
  readonly short: string | null;
  readonly argument: 'none' | 'optional' | 'required';
}

const LETTERS: Readonly<Record<string, string>> = {
  account: 'A',
  array: 'a',
  begin: 'b',
  chdir: 'D',
  clusters: 'M',
  constraint: 'C',
  'core-spec': 'S',
  'cpus-per-task': 'c',
  dependency: 'd',
  distribution: 'm',
  error: 'e',
  exclude: 'x',
  'extra-node-info': 'B',
  gpus: 'G',
  help: 'h',
  hold: 'H',
  input: 'i',
  'job-name': 'J',
  licenses: 'L',
  'no-kill': 'k',
  nodefile: 'F',
  nodelist: 'w',
  nodes: 'N',
  ntasks: 'n',
  output: 'o',
  overcommit: 'O',
  oversubscribe: 's',
  partition: 'p',
  qos: 'q',
  quiet: 'Q',
  time: 't',
  verbose: 'v',
  version: 'V',
  wait: 'W',
};

const NAMES: Readonly<Record<SbatchOption['argument'], string>> = {
  none: `consolidate-segments contiguous external help hold ignore-pbs no-requeue overcommit oversubscribe parsable quiet
    reboot spread-job spread-segments stepmgr test-only usage use-min-nodes verbose version wait`,
  optional: 'exclusive get-user-env nice no-kill oom-kill-step propagate requeue resv-ports',
  required: `account acctg-freq array autocomplete batch bb bbf begin chdir cluster cluster-constraint clusters comment
    constraint container container-id container-type context core-spec cores-per-socket cpu-freq cpus-per-gpu
    cpus-per-task deadline delay-boot dependency distribution error exclude export export-file extra extra-node-info gid
    gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint input job-name
    kill-on-invalid-dep licenses mail-type mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mem-update mincpus
    network nodefile nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket
    ntasks-per-tres open-mode output partition power prefer priority profile qos reservation resources segment signal
    sockets-per-node switches tasks-per-node thread-spec threads-per-core time time-min tmp tres-bind tres-per-task uid
    wait-all-nodes wckey wrap`,
};

export const SBATCH_OPTIONS: ReadonlyMap<string, SbatchOption> = new Map(
  (['none', 'optional', 'required'] as const).flatMap((argument) =>
    NAMES[argument].split(/\s+/).map((name) => [name, { name, short: LETTERS[name] ?? null, argument }] as const),
  ),
);

export function sbatchOptionOfLetter(letter: string): SbatchOption | null {
  return SBATCH_OPTIONS.values().find(({ short }) => short === letter) ?? null;
}

/** Every option whose name begins with this: getopt_long accepts an unambiguous prefix. */
export function sbatchOptionsFrom(beginning: string): readonly SbatchOption[] {
  return [...SBATCH_OPTIONS.values().filter(({ name }) => name.startsWith(beginning))];
}

/** Two names of one option. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['cluster', 'clusters'],
  ['tasks-per-node', 'ntasks-per-node'],
]);

export function canonicalName(name: string): string {
  return ALIASES.get(name) ?? name;
}
