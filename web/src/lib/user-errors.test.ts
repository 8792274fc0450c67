import { expect, it } from 'vitest';
import { errorsByField } from './user-errors.ts';

const fields = ['partition', 'gpus'] as const;

it('puts each message at its field and joins those of one field', () => {
  const errors = [
    { path: ['input', 'partition'], message: 'is not allowed.' },
    { path: ['input', 'partition'], message: 'Choose gpu.' },
  ];
  expect(errorsByField(errors, fields)).toEqual({ partition: 'is not allowed. Choose gpu.' });
});

it('loses no message of a field that the form does not have', () => {
  const errors = [
    { path: ['input'], message: 'Slurm said no.' },
    { path: ['input', 'dependsOn', '0'], message: 'Job not found.' },
    { path: ['input', 'tags'], message: 'tags: at most 100 are taken.' },
  ];
  expect(errorsByField(errors, fields)).toEqual({
    form: 'Slurm said no. dependsOn: Job not found. tags: at most 100 are taken.',
  });
});
