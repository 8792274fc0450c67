import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heterogeneousState, type JobComponent, unseenComponent, wholeOf } from './component.ts';
import { isActiveState, JOB_STATES, type JobState } from './job-state.ts';

describe('the state of a heterogeneous job', () => {
  const anyStates = fc.array(fc.option(fc.constantFrom(...JOB_STATES)), { minLength: 1, maxLength: 5 });

  it('is active while any component is, and final only when the end of every one is known', () => {
    fc.assert(
      fc.property(anyStates, (states) => {
        const state = heterogeneousState(states);
        const known = states.filter((one) => one !== null);
        expect(state !== null && isActiveState(state)).toBe(known.some(isActiveState));
        if (state !== null && !isActiveState(state)) expect(states).not.toContain(null);
      }),
    );
  });

  it('is COMPLETED only when every component is', () => {
    fc.assert(
      fc.property(anyStates, (states) => {
        expect(heterogeneousState(states) === 'COMPLETED').toBe(states.every((state) => state === 'COMPLETED'));
      }),
    );
  });

  it('is that of one of its components', () => {
    fc.assert(
      fc.property(anyStates, (states) => {
        expect([...states, null]).toContain(heterogeneousState(states));
      }),
    );
  });

  it.each<[(JobState | null)[], JobState | null]>([
    [['COMPLETED', 'RUNNING'], 'RUNNING'],
    [['RUNNING', 'CANCELLED'], 'RUNNING'],
    [['PENDING', 'HELD'], 'HELD'],
    // The leader was put back into the queue after its node had failed.
    [['PENDING', 'FAILED'], 'PENDING'],
    [['COMPLETED', 'CANCELLED'], 'CANCELLED'],
    [['COMPLETED', 'CANCELLED', 'NODE_FAIL'], 'NODE_FAIL'],
    [['TIMEOUT', 'FAILED'], 'TIMEOUT'],
    [['FAILED', 'COMPLETED'], 'FAILED'],
    [['COMPLETED', null], null],
    [['RUNNING', null], 'RUNNING'],
    [[], null],
  ])('of %j is %s', (states, state) => {
    expect(heterogeneousState(states)).toBe(state);
  });
});

describe('a heterogeneous job as a whole', () => {
  const component = (offset: number, parts: Partial<JobComponent>) => ({ ...unseenComponent(offset), ...parts });
  const early = new Date('2026-11-24T12:00:00Z');
  const late = new Date('2026-11-24T13:00:00Z');

  it('has the exit code and the start of the leader, the last end, and the nodes of all', () => {
    const whole = wholeOf([
      component(0, { state: 'FAILED', word: 'FAILED', exitCode: 3, startedAt: late, endedAt: early, nodeList: 'n1' }),
      component(1, {
        state: 'FAILED',
        word: 'FAILED',
        exitCode: 9,
        startedAt: early,
        endedAt: late,
        nodeList: 'n[2-3]',
      }),
      component(2, { state: 'FAILED', word: 'FAILED', exitCode: 9, startedAt: early, endedAt: early, nodeList: 'n1' }),
    ]);
    expect(whole).toMatchObject({ exitCode: 3, startedAt: late, endedAt: late, nodeList: 'n1,n[2-3]' });
  });

  it('has the word and the reason of the component that it is in the state of', () => {
    const whole = wholeOf([
      component(0, { state: 'PENDING', word: 'PENDING', reason: 'Resources' }),
      component(1, { state: 'HELD', word: 'PENDING', reason: 'JobHeldUser' }),
    ]);
    expect(whole).toMatchObject({ state: 'HELD', reason: 'JobHeldUser' });
  });
});
