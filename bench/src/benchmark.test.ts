import { describe, expect, it } from 'vitest';
import { judge, type Row } from './benchmark.ts';
import { median, percentile } from './statistics.ts';
import { table } from './table.ts';

const row: Row = {
  work: 'a command',
  unit: 'ms',
  ours: 5,
  against: { name: 'ssh', kind: 'peer', figure: 10 },
  goal: { atMost: 1 },
  samples: 5,
};

describe('a row', () => {
  it.each<[string, Partial<Row>, number | null, boolean]>([
    ['is met by a figure below its bound', {}, 0.5, true],
    ['is met by a figure at its bound', { ours: 10 }, 1, true],
    ['falls short above it', { ours: 10.1 }, 1.01, false],
    ['may allow a multiple of the peer', { ours: 15, goal: { atMost: 1.5 } }, 1.5, true],
    ['may ask for more than the peer does', { ours: 15, goal: { atLeast: 2 } }, 1.5, false],
    ['is met by nothing where nothing is allowed', { ours: 0, against: { ...row.against, figure: 0 } }, null, true],
    ['falls short of nothing by anything', { ours: 0.1, against: { ...row.against, figure: 0 } }, null, false],
  ])('%s', (_what, parts, ratio, isMet) => {
    const judged = judge({ ...row, ...parts });
    expect(judged.isMet).toBe(isMet);
    if (ratio === null) expect(judged.ratio).toBeNull();
    else expect(judged.ratio).toBeCloseTo(ratio);
  });

  it('shows work, both figures, their ratio, the goal and the verdict', () => {
    const [, , line] = table([{ benchmark: 'exec', rows: [judge({ ...row, ours: 1234.5 })] }]).split('\n');
    expect(line?.split(/ {2,}/)).toEqual([
      'exec',
      'a command',
      '1,235 ms',
      'ssh',
      '10 ms',
      '123',
      '≤ 1',
      'falls short',
    ]);
  });
});

describe('a percentile', () => {
  it('is one of the values', () => {
    const values = [5, 1, 4, 2, 3];
    expect([percentile(values, 0), median(values), percentile(values, 0.95)]).toEqual([1, 3, 5]);
  });

  it('of nothing is an error', () => {
    expect(() => median([])).toThrow('nothing was measured');
  });
});
