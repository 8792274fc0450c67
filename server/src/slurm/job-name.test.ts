import fc from 'fast-check';
import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { isOurName, slurmJobName } from './job-name.ts';

const ID = '01K00000000000000000000042';

describe('the name of a job in Slurm', () => {
  it.each([
    ['train resnet', 'train-resnet'],
    ['Übung 3: Größe', 'U-bung-3-Gro-e'],
    ['  --help ', 'help'],
    ['a/b\\c"d\'e;f', 'a-b-c-d-e-f'],
    ['训练', 'job'],
    ['', 'job'],
    ['v1.2_final-3', 'v1.2_final-3'],
  ])('%j is readable as %j', (name, readable) => {
    expect(slurmJobName(name, ID)).toBe(`${readable}.${ID}`);
  });

  it('has only characters that nothing on its way treats as special, is ours, and is short', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const slurmName = slurmJobName(name, ulid());
        expect(slurmName).toMatch(/^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/);
        expect(slurmName.length).toBeLessThanOrEqual(60 + 1 + 26);
        expect(isOurName(slurmName)).toBe(true);
      }),
    );
  });

  it.each([
    'train',
    `train.${ID.slice(1)}`,
    `train.${ID} `,
    `train.${ID}\n`,
    `train-${ID}`,
    `train.${ID.toLowerCase()}`,
  ])('%j is not ours', (name) => {
    expect(isOurName(name)).toBe(false);
  });
});
