import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultInJobName, slurmJobName } from './job-name.ts';

describe('the name of a job in Slurm', () => {
  it.each(['train resnet', 'Übung 3: Größe', '--help', 'a/b\\c"d\'e;f|g%j', '训练 🚀', 'v1.2_final-3'])(
    '%j is the given one',
    (name) => {
      expect(slurmJobName(name)).toBe(name);
      expect(faultInJobName(name)).toBeNull();
    },
  );

  it.each([
    [' train', 'blank'],
    ['train ', 'blank'],
    ['\u00a0train', 'blank'],
    ['train\u3000', 'blank'],
    ['ü'.repeat(128), 'has 256 bytes'],
    ['训'.repeat(86), 'has 258 bytes'],
    ['🚀'.repeat(64), 'has 256 bytes'],
  ])('is not %j, as it would become another one', (name, fault) => {
    expect(slurmJobName(name)).not.toBe(name);
    expect(faultInJobName(name)).toContain(fault);
  });

  it('is the given one whenever that has no fault', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), (name) => {
        fc.pre(!/\p{Cc}/u.test(name) && name.trim() !== '' && faultInJobName(name) === null);
        expect(slurmJobName(name)).toBe(name);
      }),
    );
  });

  it.each([
    ['', 'job'],
    [' \t ', 'job'],
    ['two\nlines', 'two lines'],
    ['x'.repeat(300), 'x'.repeat(255)],
    ['ü'.repeat(200), 'ü'.repeat(127)],
  ])('%j, which Slurm would not keep, becomes %j', (name, kept) => {
    expect(slurmJobName(name)).toBe(kept);
  });

  it('never holds what breaks a row, nor more than Slurm keeps', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (name) => {
        const kept = slurmJobName(name);
        expect(kept).not.toMatch(/\p{Cc}/u);
        expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(255);
        expect(kept).not.toBe('');
      }),
    );
  });
});
