import type { GpuRequestStyle } from '../domain/cluster.ts';
import type { ComponentRequest, ComponentResources } from '../domain/component.ts';
import type { JobResources } from '../domain/job.ts';
import type { DependencyKind } from '../domain/submission.ts';

/** sbatch options that the product sets itself, or that would keep sbatch from answering with a job's number. */
const OWN_OPTIONS = [
  'array',
  'chdir',
  'clusters',
  'dependency',
  'error',
  'export',
  'export-file',
  'get-user-env',
  'gid',
  'help',
  'input',
  'job-name',
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
];

/** sbatch options that have a field of their own, by that field: the job is recorded, and allowed, by what the fields say. */
const FIELD_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['account', 'account'],
  ['cpus-per-task', 'cpusPerTask'],
  ['gpus', 'gpus'],
  ['gpus-per-node', 'gpus'],
  ['gpus-per-socket', 'gpus'],
  ['gpus-per-task', 'gpus'],
  ['mem', 'memoryMb'],
  ['nodes', 'nodes'],
  ['ntasks', 'tasks'],
  ['partition', 'partition'],
  ['qos', 'qos'],
  ['time', 'timeLimitMinutes'],
]);

/** Why a further sbatch option can't be passed on; null when it can. `option` is all of it, "--constraint=a100". */
export function faultInOption(option: string): string | null {
  if (/^(?::|(?:--)?hetjob)$/.test(option)) return `${JSON.stringify(option)} begins another component: use components`;
  const match = /^--([a-z][a-z0-9-]*)(?:=(\P{Cc}+))?$/u.exec(option);
  if (match === null) return `${JSON.stringify(option)} is no sbatch option: write it in full, "--constraint=a100"`;
  const [, name = '', value = ''] = match;
  // getopt_long takes any unambiguous beginning of an option for the option.
  const own = OWN_OPTIONS.find((candidate) => candidate.startsWith(name));
  if (own !== undefined) return `--${own} is set by SlurmQL itself and can't be passed`;
  const field = [...FIELD_OPTIONS].find(([candidate]) => candidate.startsWith(name));
  if (field !== undefined) return `--${field[0]} has a field of its own: use ${field[1]}`;
  if (/^(?:gres|tres-per-)/.test(name) && /\bgpu\b/i.test(value))
    return `--${name} asks for GPUs: use gpus and gpuType`;
  return null;
}

const DEPENDENCY_WORDS: Readonly<Record<DependencyKind, string>> = {
  AFTER: 'after',
  AFTER_OK: 'afterok',
  AFTER_NOT_OK: 'afternotok',
  AFTER_ANY: 'afterany',
};

export interface SubmitRequest {
  readonly slurmName: string;
  /** Absolute, on the cluster: the folder of this job's files. */
  readonly workDir: string;
  readonly partition: string | null;
  readonly resources: JobResources;
  readonly dependsOn: readonly { readonly slurmJobId: string; readonly kind: DependencyKind }[];
  readonly extraOptions: readonly string[];
  /** Those behind the first one. */
  readonly components: readonly ComponentRequest[];
}

/**
 * sbatch's arguments, one word each: values are `=`-joined, so none is read as an option of its own. What stands
 * before the first component's own resources holds for every component, as do name, folder and files.
 */
export function sbatchOptions(request: SubmitRequest, gpuRequest: GpuRequestStyle): string[] {
  const { resources } = request;
  const suffix = resources.array === null ? '' : '-%a';
  return [
    '--parsable',
    `--job-name=${request.slurmName}`,
    `--chdir=${request.workDir}`,
    `--output=${filePattern(request.workDir)}/stdout${suffix}.log`,
    `--error=${filePattern(request.workDir)}/stderr${suffix}.log`,
    // A requeued job goes on behind what its earlier attempts wrote.
    '--open-mode=append',
    ...option('time', resources.timeLimitMinutes),
    ...option('account', resources.account),
    ...option('qos', resources.qos),
    ...option('array', resources.array),
    ...option(
      'dependency',
      request.dependsOn.length === 0
        ? null
        : request.dependsOn.map(({ slurmJobId, kind }) => `${DEPENDENCY_WORDS[kind]}:${slurmJobId}`).join(','),
    ),
    ...componentOptions(request, gpuRequest),
    ...request.components.flatMap((component) => [':', ...componentOptions(component, gpuRequest)]),
  ];
}

function componentOptions(
  { partition, resources, extraOptions }: ComponentRequest,
  gpuRequest: GpuRequestStyle,
): string[] {
  return [
    ...option('partition', partition),
    ...option('nodes', resources.nodes),
    ...option('ntasks', resources.tasks),
    ...option('cpus-per-task', resources.cpusPerTask),
    ...option('mem', resources.memoryMb === null ? null : `${resources.memoryMb}M`),
    ...gpuOptions(resources, gpuRequest),
    ...extraOptions,
  ];
}

function option(name: string, value: string | number | null): string[] {
  return value === null ? [] : [`--${name}=${value}`];
}

function gpuOptions({ gpus, gpuType }: ComponentResources, style: GpuRequestStyle): string[] {
  if (gpus === null || gpus === 0) return [];
  const typed = gpuType === null ? `${gpus}` : `${gpuType}:${gpus}`;
  switch (style) {
    case 'gres':
      return [`--gres=gpu:${typed}`];
    case 'gpus':
      return [`--gpus-per-node=${typed}`];
    case 'constraint':
      return [...(gpuType === null ? [] : [`--constraint=${gpuType}`]), `--gres=gpu:${gpus}`];
  }
}

/** A path as sbatch's file name pattern, where `%` opens a replacement (man sbatch, FILENAME PATTERN). */
function filePattern(path: string): string {
  return path.replaceAll('%', '%%');
}
