import { beforeEach, describe, expect, it } from 'vitest';
import { SubmissionDoubts } from './submission-doubts.ts';

const MINUTE = 60_000;

describe('a submission whose answer was lost', () => {
  let doubts: SubmissionDoubts;
  beforeEach(() => {
    doubts = new SubmissionDoubts(MINUTE);
  });

  it('was never taken once two looks a minute apart showed no job and sbatch over', () => {
    doubts.foundNothing('job', 'over', 0);
    expect(doubts.isAbsent('job', 0)).toBe(false);
    doubts.foundNothing('job', 'over', MINUTE);
    expect(doubts.isAbsent('job', MINUTE)).toBe(true);
  });

  it('is waited for anew after a look that showed sbatch at work', () => {
    doubts.foundNothing('job', 'over', 0);
    doubts.foundNothing('job', 'running', MINUTE);
    expect(doubts.isAbsent('job', MINUTE)).toBe(false);
    doubts.foundNothing('job', 'over', 2 * MINUTE);
    expect(doubts.isAbsent('job', 2 * MINUTE)).toBe(false);
    doubts.foundNothing('job', 'over', 3 * MINUTE);
    expect(doubts.isAbsent('job', 3 * MINUTE)).toBe(true);
  });

  it('whose sbatch may run on another login node was abandoned after a quarter of an hour', () => {
    for (let minute = 0; minute <= 15; minute += 1) {
      doubts.foundNothing('job', 'elsewhere', minute * MINUTE);
      expect(doubts.isAbsent('job', minute * MINUTE)).toBe(false);
    }
    doubts.foundNothing('job', 'elsewhere', 16 * MINUTE);
    expect(doubts.isAbsent('job', 16 * MINUTE)).toBe(true);
  });

  it('whose sbatch seems to run for longer than it can was abandoned, as another process has its number', () => {
    for (let minute = 0; minute <= 15; minute += 1) {
      doubts.foundNothing('job', 'running', minute * MINUTE);
      expect(doubts.isAbsent('job', minute * MINUTE)).toBe(false);
    }
    doubts.foundNothing('job', 'running', 16 * MINUTE);
    expect(doubts.isAbsent('job', 16 * MINUTE)).toBe(true);
  });

  it('is forgotten once it is known what became of it', () => {
    doubts.foundNothing('job', 'over', 0);
    doubts.settle('job');
    expect(doubts.isAbsent('job', 2 * MINUTE)).toBe(false);
  });
});
