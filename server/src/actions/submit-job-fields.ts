import { arrayTaskIds, MAX_ARRAY_TASKS } from '../domain/array-spec.ts';
import type { ComponentRequest } from '../domain/component.ts';
import type { Refusal } from '../domain/refusal.ts';
import { faultInJobName, faultInOption, MAX_SHORT_COUNT, optionConflicts } from '../slurm/index.ts';
import { FieldCheck } from './fields.ts';
import type { SubmitJob } from './launch-request.ts';
import { submitJobSizes } from './submit-job-sizes.ts';
import { checkTags } from './tags.ts';
import { faultInVariableName } from './variable-names.ts';

/** What is wrong with the input by itself, before anything is looked up. */
export function checkSubmitJob(input: SubmitJob): readonly Refusal[] {
  // The lines of a script may have added to it.
  const tooLarge = submitJobSizes(input);
  if (tooLarge.length > 0) return tooLarge;
  const check = new FieldCheck();
  const { resources } = input;
  check.line('name', input.name);
  const nameFault = faultInJobName(input.name ?? '');
  if (nameFault !== null) check.fault('name', nameFault);
  check.line('project', input.project);
  check.line('idempotencyKey', input.idempotencyKey);
  check.line('gitRef', input.gitRef);
  check.line('condaEnv', input.condaEnv);
  check.lines('description', input.description);
  checkTags(check, input.tags);
  check.lines('command', input.command);
  if (input.command.trim() === '') check.fault('command', 'is empty: write what the job runs');
  check.count('waitSeconds', input.waitSeconds, 0, 300);
  checkComponent(check, input);
  checkComponents(check, input);
  check.word('account', resources.account);
  check.word('qos', resources.qos);
  check.count('timeLimitMinutes', resources.timeLimitMinutes, 1, 10 * 366 * 24 * 60);
  if (resources.array !== null && arrayTaskIds(resources.array) === null) {
    check.fault('array', `use the syntax of sbatch, "0-9", "1,3,7" or "0-99%4", with at most ${MAX_ARRAY_TASKS} tasks`);
  }
  checkEnvironment(check, input);
  return check.refusals;
}

/** The fields that every component and every job has. */
function checkComponent(check: FieldCheck, component: ComponentRequest): void {
  const { partition, resources, extraOptions } = component;
  check.word('partition', partition);
  if (resources.gpuType !== null && !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(resources.gpuType)) {
    check.fault('gpuType', 'is not a valid GPU type: use letters, digits, "_", "." and "-"');
  }
  check.count('nodes', resources.nodes, 1, 100_000);
  check.count('maxNodes', resources.maxNodes, 1, 100_000);
  if (resources.maxNodes !== null && (resources.nodes ?? 1) > resources.maxNodes) {
    check.fault('maxNodes', `is ${resources.maxNodes}, which is less than nodes: write at least ${resources.nodes}`);
  }
  check.count('tasks', resources.tasks, 1, 10_000_000);
  check.count('cpusPerTask', resources.cpusPerTask, 1, MAX_SHORT_COUNT);
  check.count('memoryMb', resources.memoryMb, 0, 1_000_000_000);
  check.count('gpus', resources.gpus, 0, 10_000);
  check.count('gpusTotal', resources.gpusTotal, 1, 1_000_000);
  check.count('gpusPerTask', resources.gpusPerTask, 1, 10_000);
  for (const option of extraOptions) {
    const fault = faultInOption(option);
    if (fault !== null) check.fault('extraOptions', fault);
  }
  for (const { field, message } of optionConflicts(component)) check.fault(field, message);
}

function checkComponents(check: FieldCheck, input: SubmitJob): void {
  const { components, resources } = input;
  if (components.length === 0) return;
  if (resources.array !== null) {
    check.fault('components', 'Slurm does not support arrays of heterogeneous jobs: omit components or array');
  }
  for (const [index, component] of components.entries()) {
    checkComponent(check.at('components', String(index)), component);
  }
  // If one component sets its memory, sbatch gives the same to those that don't, including the first one.
  const named = [input, ...components].map((component) => component.resources.memoryMb !== null);
  if (!named.includes(true)) return;
  for (const [index, isNamed] of named.entries()) {
    if (isNamed) continue;
    const part = index === 0 ? check : check.at('components', String(index - 1));
    part.fault(
      'memoryMb',
      'is missing: Slurm would use the value of another component. Set it for every component or for none',
    );
  }
}

function checkEnvironment(check: FieldCheck, { environment }: SubmitJob): void {
  const names = new Set<string>();
  for (const { name, value } of environment) {
    // Values may be secrets, so no message repeats one.
    const fault = faultInVariableName(name);
    if (fault !== null) check.fault('environment', fault);
    else if (value.includes('\0')) check.fault('environment', `the value of ${name} contains a NUL character`);
    else if (!value.isWellFormed())
      check.fault('environment', `the value of ${name} contains half a character (a lone surrogate)`);
    else if (names.has(name)) check.fault('environment', `${name} is given twice: write it once`);
    names.add(name);
  }
}
