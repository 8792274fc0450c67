import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrder } from './times.ts';

const SUBMITTED = new Date('2026-11-24T12:00:00.700Z');
const at = (text: string) => new Date(`2026-11-24T12:00:${text}Z`);

describe('the times of a job', () => {
  it('begin with its submission, though Slurm tells whole seconds', () => {
    const told = { startedAt: at('00'), endedAt: at('00'), word: 'COMPLETED' };
    expect(inOrder(told, SUBMITTED)).toEqual({ startedAt: SUBMITTED, endedAt: SUBMITTED, word: 'COMPLETED' });
    expect(inOrder({ startedAt: at('00'), endedAt: at('03') }, SUBMITTED)).toEqual({
      startedAt: SUBMITTED,
      endedAt: at('03'),
    });
    expect(inOrder({ startedAt: null, endedAt: at('00') }, SUBMITTED).endedAt).toBe(SUBMITTED);
  });

  it('stay the very same where they are in order', () => {
    for (const told of [
      { startedAt: at('01'), endedAt: at('09') },
      { startedAt: at('01'), endedAt: null },
      { startedAt: null, endedAt: null },
    ])
      expect(inOrder(told, SUBMITTED)).toBe(told);
  });

  it('are never negative, and read twice say the same', () => {
    const time = fc.option(fc.date({ noInvalidDate: true }));
    fc.assert(
      fc.property(time, time, fc.date({ noInvalidDate: true }), (startedAt, endedAt, submittedAt) => {
        const told = inOrder({ startedAt, endedAt }, submittedAt);
        const times = [submittedAt, told.startedAt, told.endedAt].flatMap((one) => one?.getTime() ?? []);
        expect(times).toEqual(times.toSorted((left, right) => left - right));
        expect(inOrder(told, submittedAt)).toBe(told);
      }),
    );
  });
});
