import type { ComponentRequest } from '../domain/component.ts';
import type { Refusal } from '../domain/refusal.ts';
import { MAX_OPTIONS_BYTES } from '../slurm/index.ts';
import { bytesOf, FieldCheck, MAX_LIST, MAX_NAME, MAX_WORD } from './fields.ts';
import type { SubmitJob } from './launch-request.ts';
import { checkTagSizes } from './tags.ts';

/** In bytes. With both prologues it stays below Linux's limit for one argument of a command: 128 KiB (execve(2)). */
export const MAX_COMMAND = 32 * 1024;
/** In bytes, of names and values. */
export const MAX_ENVIRONMENT = 64 * 1024;
/** In bytes, of one component. */
export const MAX_OPTIONS = 8 * 1024;
/** In bytes. */
export const MAX_DESCRIPTION = 10_000;
/** In UTF-16 units. */
const MAX_REF = 400;

const NAMES = ['idempotencyKey', 'project', 'cluster', 'name', 'condaEnv'] as const;

/**
 * What of a request is too large. Everything else takes time that grows with the request, so it is done only with one
 * that isn't.
 */
export function submitJobSizes(input: SubmitJob): readonly Refusal[] {
  const check = new FieldCheck();
  const { resources, components, environment } = input;
  for (const field of NAMES) check.characters(field, input[field], MAX_NAME);
  check.characters('gitRef', input.gitRef, MAX_REF);
  check.bytes('description', input.description, MAX_DESCRIPTION);
  check.bytes('command', input.command, MAX_COMMAND);
  checkTagSizes(check, input.tags);
  check.characters('account', resources.account, MAX_WORD);
  check.characters('qos', resources.qos, MAX_WORD);
  check.characters('array', resources.array, MAX_OPTIONS_BYTES);
  check.entries('dependsOn', input.dependsOn);
  const variables = environment.map(({ name, value }) => `${name}${value}`);
  check.texts('environment', variables, 'variables', MAX_ENVIRONMENT);
  check.entries('components', components);
  checkComponent(check, input);
  // Of a list that is too long, the rest is not looked at.
  const few = components.slice(0, MAX_LIST);
  for (const [index, component] of few.entries()) checkComponent(check.at('components', String(index)), component);
  const total = bytesOf([input, ...few].flatMap(({ extraOptions }) => extraOptions));
  if (total > MAX_OPTIONS_BYTES) {
    const limit = `at most ${MAX_OPTIONS_BYTES} are allowed`;
    check.fault('components', `the extraOptions of all components have ${total} bytes: ${limit}`);
  }
  return check.refusals;
}

function checkComponent(check: FieldCheck, { partition, resources, extraOptions }: ComponentRequest): void {
  check.characters('partition', partition, MAX_WORD);
  check.characters('gpuType', resources.gpuType, MAX_WORD);
  check.texts('extraOptions', extraOptions, 'options', MAX_OPTIONS);
}
