import type { GpuRequestStyle } from '../domain/cluster.ts';
import type { ComponentRequest, ComponentResources } from '../domain/component.ts';
import { type FurtherOption, readOption } from './further-options.ts';
import { gpuRequest, gresIn, joinedConstraint, plainConstraint } from './requests.ts';
import { SBATCH_OPTIONS } from './sbatch-table.ts';

/** Why parts of a request conflict, and the field to change. */
export interface OptionConflict {
  readonly field: keyof ComponentResources | 'extraOptions';
  readonly message: string;
}

/** Fields by the option that they become. */
const FIELDS: Readonly<Record<string, keyof ComponentResources>> = {
  'cpus-per-task': 'cpusPerTask',
  'gpus-per-task': 'gpusPerTask',
  mem: 'memoryMb',
};

/**
 * Options of which sbatch uses one, or the last, often silently, and differently in each release (man sbatch; tried on
 * 20.11 to 26.05).
 */
const RIVALS: readonly (readonly string[])[] = [
  ['mem', 'mem-per-cpu', 'mem-per-gpu', 'tres-per-task=mem'],
  ['cpus-per-task', 'cpus-per-gpu', 'tres-per-task=cpu'],
  ['gpus-per-task', 'ntasks-per-gpu'],
  ['gpus-per-task', 'ntasks-per-tres'],
  ['ntasks-per-gpu', 'ntasks-per-tres'],
  ['exclusive', 'oversubscribe'],
  ['core-spec', 'thread-spec'],
  ['requeue', 'no-requeue'],
  ['nodelist', 'nodefile'],
  ['spread-job', 'use-min-nodes'],
  ['bb', 'bbf'],
  ['container', 'container-id'],
  ['extra-node-info', 'sockets-per-node'],
  ['extra-node-info', 'cores-per-socket'],
  ['extra-node-info', 'threads-per-core'],
  ['extra-node-info', 'ntasks-per-core'],
  ['hint', 'extra-node-info'],
  ['hint', 'threads-per-core'],
  ['hint', 'ntasks-per-core'],
];

/** The options that conflict with one, with their fields, if any. */
export function rivalsOf(
  name: string,
): readonly { readonly name: string; readonly field: keyof ComponentResources | null }[] {
  const rivals = RIVALS.filter((group) => group.includes(name)).flat();
  return [...new Set(rivals)].filter((one) => one !== name).map((one) => ({ name: one, field: FIELDS[one] ?? null }));
}

/** Options that may be repeated: those of --gres are joined, and a second --verbose adds to the first. */
const REPEATABLE: ReadonlySet<string> = new Set(['gres', 'verbose']);

/** The conflicts within a component's request. */
export function optionConflicts({ resources, extraOptions }: ComponentRequest): readonly OptionConflict[] {
  const options = extraOptions.flatMap((option) => readOption(option) ?? []);
  return [
    ...gpuConflicts(resources),
    ...repeated(options),
    ...rivals(resources, options),
    ...gresConflicts(resources, options),
  ];
}

/** GPUs are requested in only one way, and a type needs a number. */
function* gpuConflicts({ gpus, gpusTotal, gpusPerTask, gpuType }: ComponentResources): Generator<OptionConflict> {
  const asked = Object.entries({ gpus, gpusTotal, gpusPerTask }).filter(([, count]) => count !== null);
  if (asked.length > 1) {
    const names = asked.map(([name]) => name).join(' and ');
    yield { field: 'gpus', message: `can't be combined with the others: set only one of ${names}` };
  }
  if (gpuType !== null && !asked.some(([, count]) => (count ?? 0) > 0)) {
    yield {
      field: 'gpus',
      message: 'is missing: a GPU type needs a number of GPUs, in gpus, gpusTotal or gpusPerTask',
    };
  }
}

function* repeated(options: readonly FurtherOption[]): Generator<OptionConflict> {
  const seen = new Set<string>();
  for (const { name } of options) {
    if (seen.has(name) && SBATCH_OPTIONS.has(name) && !REPEATABLE.has(name)) {
      yield { field: 'extraOptions', message: `--${name} is given twice, and the last one would override the others` };
    }
    seen.add(name);
  }
}

function* rivals(resources: ComponentResources, options: readonly FurtherOption[]): Generator<OptionConflict> {
  // The name of each as it was written.
  const given = new Map<string, string>();
  for (const [name, field] of Object.entries(FIELDS)) if (resources[field] !== null) given.set(name, field);
  for (const { name, value } of options) {
    given.set(name, `--${name}`);
    if (name !== 'tres-per-task') continue;
    const kinds = new Set(value?.split(/\W+/));
    for (const kind of ['cpu', 'mem']) {
      if (kinds.has(kind)) given.set(`tres-per-task=${kind}`, `--tres-per-task=${kind}`);
    }
  }
  for (const group of RIVALS) {
    const [first, second] = group.flatMap((name) => given.get(name) ?? []);
    if (first === undefined || second === undefined) continue;
    yield { field: 'extraOptions', message: `${first} and ${second} contradict each other: omit one of them` };
  }
  const perGpu = given.get('ntasks-per-gpu') ?? given.get('ntasks-per-tres');
  if (perGpu !== undefined && resources.tasks !== null && (resources.gpus ?? resources.gpusTotal) !== null) {
    const message = `${perGpu} derives the number of tasks from the number of GPUs, which would override tasks: omit one of them`;
    yield { field: 'extraOptions', message };
  }
}

function* gresConflicts(resources: ComponentResources, options: readonly FurtherOption[]): Generator<OptionConflict> {
  const names = gresIn(options).map((one) => one.split(':')[0] ?? '');
  const seen = new Set<string>();
  const twice = names.find((name) => {
    const isSeen = seen.has(name);
    seen.add(name);
    return isSeen;
  });
  if (twice !== undefined) {
    yield { field: 'extraOptions', message: `--gres names ${twice} twice: write it once, with the number of all` };
  }
  const { gpus, gpusTotal, gpusPerTask } = resources;
  const hasOthers = names.length > 1 || (gpus ?? gpusTotal ?? gpusPerTask ?? 0) > 0;
  if (hasOthers && names.some((name) => name.toLowerCase() === 'none')) {
    yield { field: 'extraOptions', message: '--gres=none would cancel the other GPU requests: omit it' };
  }
}

/**
 * Why a component can't have all features that it requires; null: it can. Its GPU type is one of them if the cluster
 * requests types by constraint.
 */
export function constraintConflict(
  { resources, extraOptions }: ComponentRequest,
  style: GpuRequestStyle,
): string | null {
  const options = extraOptions.flatMap((option) => readOption(option) ?? []);
  const given = (option: string) => options.findLast(({ name }) => name === option)?.value ?? null;
  const [own, preferred] = [given('constraint'), given('prefer')];
  const gpuType = gpuRequest(resources, style).constraint;
  if (gpuType !== null && own !== null && plainConstraint(own) === null) {
    return `--constraint=${own} can't be joined with gpuType, which is a constraint on this cluster: omit gpuType and write ${gpuType} into the constraint`;
  }
  const needed = joinedConstraint(gpuType, own);
  if (needed === null || preferred === null || includesFeatures(preferred, needed)) return null;
  const names = [
    ...(gpuType === null ? [] : [`gpuType ${gpuType}, which is a constraint on this cluster`]),
    ...(own === null ? [] : [`--constraint=${own}`]),
  ].join(' and ');
  // Preferred nodes are tried first, whatever the constraint is (man sbatch, --prefer; since 22.05).
  return `--prefer=${preferred} takes the place of ${names} wherever it can be had: write ${needed} into --prefer too, joined by "&", or omit one of them`;
}

function includesFeatures(preferred: string, needed: string): boolean {
  const features = new Set(plainConstraint(preferred));
  return preferred === needed || (plainConstraint(needed)?.every((one) => features.has(one)) ?? false);
}
