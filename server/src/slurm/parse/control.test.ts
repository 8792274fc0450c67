import { describe, expect, it } from 'vitest';
import { parseControl } from './control.ts';

// What scontrol of Slurm 20.11.4, 22.05.8, 24.11.5 and 26.05.5 printed.
describe('an answer of scontrol', () => {
  it('is no refusal when it ended well', () => {
    expect(parseControl(0, '')).toBeNull();
  });

  it.each([
    ['Job is pending execution for job 1\n', 'Job is pending execution'],
    ['Job has already finished for job 1\nslurm_suspend error: Job has already finished\n', 'Job has already finished'],
    ['Requested operation is presently disabled for job 3\n', 'Requested operation is presently disabled'],
    [
      'Access/permission denied for job 24\nslurm_suspend error: Access/permission denied\n',
      'Access/permission denied',
    ],
    ['14_2-3,7,9: Job is pending execution\n', 'Job is pending execution'],
    // 26.05.
    ['Job has already finished for job 1\nslurm_suspend error:Job has already finished\n', 'Job has already finished'],
    ['Access/permission denied for job 9\nslurm_suspend error\n', 'Access/permission denied'],
    ['10_[2-5]: Job is pending execution\n', 'Job is pending execution'],
  ])('is told in the words of Slurm without numbers: %j', (output, words) => {
    expect(parseControl(1, output)).toBe(words);
  });

  it('is no refusal of an array of which a part was done', () => {
    expect(parseControl(1, '14_0-1,4-9: Job is pending execution\n14_2-3: No error\n')).toBeNull();
    expect(parseControl(1, '10_[0-1]: No error\n10_[2-5]: Job is pending execution\n')).toBeNull();
  });

  it('is read as far as Slurm ever says it', () => {
    expect(parseControl(1, '\n'.repeat(2_000_000))).toMatch(/characters cut/);
    expect(parseControl(1, `slurm_suspend error: Access denied\n${'x'.repeat(2_000_000)}`)).toMatch(/^Access denied/);
    expect(parseControl(1, `${'x'.repeat(2_000_000)}\n14_4: No error\n`)).not.toBeNull();
  });

  it('that says nothing is still a refusal', () => {
    expect(parseControl(1, '\n')).toContain('code 1');
  });
});
