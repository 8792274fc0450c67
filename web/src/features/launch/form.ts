import { parseTimeLimit } from '../../lib/duration.ts';
import { nonEmptyLines } from '../../lib/lines.ts';
import { parseMemory } from '../../lib/size.ts';
import type { FieldErrors } from '../../lib/user-errors.ts';
import type { OriginalJob, SubmitJobInput } from './operations.ts';

/** The fields that are text, by their names in the API's input; numbers are read when the form is sent. */
const TEXT_FIELDS = [
  'projectId',
  'cluster',
  'name',
  'description',
  'tags',
  'command',
  'gitRef',
  'partition',
  'gpus',
  'gpuType',
  'gpusTotal',
  'gpusPerTask',
  'nodes',
  'maxNodes',
  'tasks',
  'cpusPerTask',
  'memoryMb',
  'timeLimitMinutes',
  'array',
  'account',
  'qos',
  'extraOptions',
] as const;

export type TextField = (typeof TEXT_FIELDS)[number];
export const FIELDS = [...TEXT_FIELDS, 'includeUncommitted', 'singleton', 'environment'] as const;
export type Field = (typeof FIELDS)[number];

export interface FormValues extends Record<TextField, string> {
  includeUncommitted: boolean;
  singleton: boolean;
  environment: { name: string; value: string }[];
}

export function emptyForm(): FormValues {
  const texts = Object.fromEntries(TEXT_FIELDS.map((field) => [field, ''])) as Record<TextField, string>;
  return { ...texts, includeUncommitted: false, singleton: false, environment: [] };
}

/** What a job was launched with, as far as the server tells it. Its code is the very commit that it ran. */
export function formOf(job: OriginalJob): FormValues {
  const { resources } = job;
  return {
    ...emptyForm(),
    projectId: job.project?.id ?? '',
    cluster: job.cluster.name,
    name: job.name,
    description: job.description ?? '',
    tags: job.tags.join('\n'),
    command: job.command,
    gitRef: job.gitCommit ?? '',
    partition: job.partition ?? '',
    gpus: text(resources.gpus),
    gpuType: resources.gpuType ?? '',
    gpusTotal: text(resources.gpusTotal),
    gpusPerTask: text(resources.gpusPerTask),
    nodes: text(resources.nodes),
    maxNodes: text(resources.maxNodes),
    tasks: text(resources.tasks),
    cpusPerTask: text(resources.cpusPerTask),
    memoryMb: resources.memoryMb === null ? '' : resources.memoryMb === 0 ? 'all' : `${resources.memoryMb} MB`,
    timeLimitMinutes: text(resources.timeLimitMinutes),
    array: resources.array ?? '',
    account: resources.account ?? '',
    qos: resources.qos ?? '',
    singleton: job.submission?.isSingleton ?? false,
  };
}

/** What a job is asked for with, or what stands against it before it is even sent. */
export type FormReading =
  | { readonly input: SubmitJobInput; readonly errors: null }
  | { readonly input: null; readonly errors: FieldErrors<Field> };

/** Which of them can't be set, the server says. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name);
}

/** Empty fields are left out, so that the cluster's defaults hold. */
export function readForm(form: FormValues): FormReading {
  const errors: Partial<Record<Field, string>> = {};

  function read<T>(field: TextField, parse: (text: string) => T | null, problem: string): T | null {
    const value = form[field].trim();
    if (value === '') return null;
    const parsed = parse(value);
    if (parsed === null) errors[field] = problem;
    return parsed;
  }
  const count = (field: TextField): number | null =>
    read(field, (value) => parseCount(value, 1), 'A whole number, 1 or more.');
  const words = (field: TextField): string | null => form[field].trim() || null;

  for (const field of ['projectId', 'cluster', 'command'] as const) {
    if (form[field].trim() === '') errors[field] = 'Required.';
  }
  const variables = form.environment.filter(({ name, value }) => name.trim() !== '' || value !== '');
  if (variables.some(({ name }) => !isVariableName(name.trim()))) {
    errors.environment = 'A name has letters, digits and underscores, and starts with no digit.';
  }

  const input: SubmitJobInput = {
    projectId: form.projectId,
    cluster: form.cluster,
    name: words('name'),
    description: words('description'),
    tags: nonEmptyLines(form.tags),
    command: form.command,
    gitRef: words('gitRef'),
    // Uncommitted changes are those of the files as they lie there, so they go with HEAD alone.
    includeUncommitted: form.includeUncommitted && words('gitRef') === null,
    partition: words('partition'),
    gpus: read('gpus', (value) => parseCount(value, 0), 'A whole number, 0 or more.'),
    gpuType: words('gpuType'),
    gpusTotal: count('gpusTotal'),
    gpusPerTask: count('gpusPerTask'),
    nodes: count('nodes'),
    maxNodes: count('maxNodes'),
    tasks: count('tasks'),
    cpusPerTask: count('cpusPerTask'),
    memoryMb: read('memoryMb', parseMemoryOrAll, 'A size such as 64, 64 GB or 512 MB, or "all".'),
    timeLimitMinutes: read('timeLimitMinutes', parseTimeLimit, 'A time such as 90 (minutes), 8h, 1:30:00 or 2-00:00.'),
    array: words('array'),
    account: words('account'),
    qos: words('qos'),
    singleton: form.singleton,
    environment: variables.map(({ name, value }) => ({ name: name.trim(), value })),
    extraOptions: nonEmptyLines(form.extraOptions),
  };
  return Object.keys(errors).length > 0 ? { input: null, errors } : { input, errors: null };
}

/** The form as it is kept for the next launch: without what belongs to one job, and without what may be secret. */
export function toMemory(form: FormValues): Partial<Record<TextField, string>> {
  const kept = TEXT_FIELDS.filter((field) => field !== 'projectId' && field !== 'description' && field !== 'tags');
  return Object.fromEntries(kept.map((field) => [field, form[field]]));
}

/** Takes from stored JSON what is text of a known field; anything else is left alone. */
export function fromMemory(json: string): Partial<Record<TextField, string>> {
  const stored: unknown = JSON.parse(json);
  if (typeof stored !== 'object' || stored === null) return {};
  const entries = Object.entries(stored).filter(
    ([field, value]) => TEXT_FIELDS.some((known) => known === field) && typeof value === 'string',
  );
  return Object.fromEntries(entries);
}

function parseCount(value: string, least: number): number | null {
  return /^\d+$/.test(value) && Number(value) >= least ? Number(value) : null;
}

/** "all" is all that a node has: 0, as Slurm writes it. */
function parseMemoryOrAll(value: string): number | null {
  return ['all', '0'].includes(value.toLowerCase()) ? 0 : parseMemory(value);
}

function text(value: number | null): string {
  return value === null ? '' : String(value);
}
