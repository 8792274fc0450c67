import { describe, expect, it } from 'vitest';
import { NO_RESOURCES } from '../domain/testing.ts';
import { checkSubmitJob } from './submit-job-fields.ts';
import { takeOver } from './take-over.ts';
import { asked } from './testing.ts';

const faults = (command: string, parts: Parameters<typeof asked>[1] = {}) =>
  checkSubmitJob(takeOver(asked(command, parts)).input).map(({ path }) => path.join('.'));

describe('an option that sbatch would write out without an end is refused', () => {
  it.each([
    '#SBATCH -w a[0-65535][0-65535][0-65535]',
    '#SBATCH -xa[0-65535][0-65535][0-65535]',
    '#SBATCH --exclude "a[0-65535][0-65535][0-65535]"',
    '#SBATCH --mem-bind map_mem:0*99999999',
  ])('in a pasted script: %s', (line) => {
    expect(faults(`#!/bin/bash\n${line}\ntrue`)).toEqual(['input.extraOptions']);
  });

  it('in a component', () => {
    const component = { partition: null, resources: NO_RESOURCES };
    const components = ['--hold', '--nodelist=a[0-65535][0-65535]', '--mem-bind=map_mem:0*99999999'].map((option) => ({
      ...component,
      extraOptions: [option],
    }));
    expect(faults('true', { components })).toEqual([1, 2].map((index) => `input.components.${index}.extraOptions`));
  });
});
