import type { GpuRequestStyle } from '../domain/cluster.ts';
import type { ComponentRequest } from '../domain/component.ts';
import type { JobResources } from '../domain/resources.ts';
import type { DependencyKind } from '../domain/submission.ts';
import { componentOptions, option } from './requests.ts';
import { quoteAll } from './shell.ts';

/**
 * The most bytes that a job's options may have on sbatch's command line. They are part of one argument of a command, of
 * which Linux takes 128 KiB (execve(2)): the rest is for the job's paths and for the text around them.
 */
export const MAX_OPTIONS_BYTES = 64 * 1024;

const DEPENDENCY_WORDS: Readonly<Record<DependencyKind, string>> = {
  AFTER: 'after',
  AFTER_OK: 'afterok',
  AFTER_NOT_OK: 'afternotok',
  AFTER_ANY: 'afterany',
  AFTER_CORR: 'aftercorr',
};

export interface SubmitRequest {
  readonly slurmName: string;
  /** The directory of this job's files: an absolute path on the cluster. */
  readonly workDir: string;
  readonly partition: string | null;
  readonly resources: JobResources;
  readonly dependsOn: readonly { readonly slurmJobId: string; readonly kind: DependencyKind }[];
  readonly isSingleton: boolean;
  readonly extraOptions: readonly string[];
  /** All but the first. */
  readonly components: readonly ComponentRequest[];
}

/**
 * sbatch's arguments, one word each: values are joined by `=`, so none is read as another option. Options before the
 * first component's resources, such as name, directory and files, apply to every component.
 */
export function sbatchOptions(request: SubmitRequest, gpuRequest: GpuRequestStyle): string[] {
  const { resources } = request;
  const suffix = resources.array === null ? '' : '-%a';
  return [
    '--parsable',
    `--job-name=${request.slurmName}`,
    `--chdir=${request.workDir}/source`,
    `--output=${filePattern(request.workDir)}/stdout${suffix}.log`,
    `--error=${filePattern(request.workDir)}/stderr${suffix}.log`,
    // A requeued job appends to the output of its earlier attempts.
    '--open-mode=append',
    // Otherwise sbatch would search the whole script, including the command, for lines of other batch systems.
    '--ignore-pbs',
    ...option('time', resources.timeLimitMinutes),
    ...option('account', resources.account),
    ...option('qos', resources.qos),
    ...option('array', resources.array),
    ...option('dependency', dependency(request)),
    ...componentOptions(request, gpuRequest),
    ...request.components.flatMap((component) => [':', ...componentOptions(component, gpuRequest)]),
  ];
}

/** The bytes of all options that don't depend on where the job's files are, quoted for the shell. */
export function optionsSize(
  request: Pick<SubmitRequest, 'partition' | 'resources' | 'extraOptions' | 'components'>,
  gpuRequest: GpuRequestStyle,
): number {
  const whole = { ...request, slurmName: '', workDir: '', dependsOn: [], isSingleton: false };
  return Buffer.byteLength(quoteAll(sbatchOptions(whole, gpuRequest)));
}

function dependency({ dependsOn, isSingleton }: SubmitRequest): string | null {
  const jobs = dependsOn.map(({ slurmJobId, kind }) => `${DEPENDENCY_WORDS[kind]}:${slurmJobId}`);
  const all = isSingleton ? [...jobs, 'singleton'] : jobs;
  return all.length === 0 ? null : all.join(',');
}

/** A path as sbatch's file name pattern, in which `%` begins a replacement (man sbatch, FILENAME PATTERN). */
function filePattern(path: string): string {
  return path.replaceAll('%', '%%');
}
