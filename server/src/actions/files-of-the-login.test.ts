import { describe, expect, it } from 'vitest';
import { NO_RESOURCES } from '../domain/testing.ts';
import { checkSubmitJob } from './submit-job-fields.ts';
import { takeOver } from './take-over.ts';
import { asked } from './testing.ts';

const faults = (command: string, parts: Parameters<typeof asked>[1] = {}) =>
  checkSubmitJob(takeOver(asked(command, parts)).input).filter(({ message }) => message.includes('names a file'));

describe('a file of the login node that sbatch would open is refused', () => {
  it.each([
    '#SBATCH -w /dev/ptmx',
    '#SBATCH -w./nodes',
    '#SBATCH -x /home/ada/pipe',
    '#SBATCH -F nodes',
    '#SBATCH -HF nodes',
    '#SBATCH --nodelist /dev/ptmx',
    '#SBATCH --nodel=/dev/ptmx',
    '#SBATCH --exclude="/home/ada/a pipe"',
    '#SBATCH --nodefile nodes',
    '#SBATCH --bbf buffer',
  ])('in a pasted script: %s', (line) => {
    expect(faults(`#!/bin/bash\n${line}\ntrue`)).toEqual([
      expect.objectContaining({ path: ['input', 'extraOptions'] }),
    ]);
  });

  it('in a component', () => {
    const component = { partition: null, resources: NO_RESOURCES, extraOptions: ['--nodelist=/dev/ptmx'] };
    expect(faults('true', { components: [{ ...component, extraOptions: [] }, component] })).toEqual([
      expect.objectContaining({ path: ['input', 'components', '1', 'extraOptions'] }),
    ]);
  });
});
