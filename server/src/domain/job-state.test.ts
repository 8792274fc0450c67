import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTIVE_JOB_STATES, arrayState, isActiveState, JOB_STATES } from './job-state.ts';

describe('the state of an array', () => {
  const anyStates = fc.subarray([...JOB_STATES], { minLength: 1 }).map((states) => new Set(states));

  it('is unknown without tasks', () => {
    expect(arrayState(new Set())).toBeNull();
  });

  it.each(JOB_STATES)('is %s when every task is', (state) => {
    expect(arrayState(new Set([state]))).toBe(state);
  });

  it('is COMPLETED only when every task is', () => {
    fc.assert(
      fc.property(anyStates, (states) => {
        expect(arrayState(states) === 'COMPLETED').toBe(states.size === 1 && states.has('COMPLETED'));
      }),
    );
  });

  it('is final only when every task is', () => {
    fc.assert(
      fc.property(anyStates, (states) => {
        const state = arrayState(states);
        expect(state !== null && isActiveState(state)).toBe([...states].some(isActiveState));
      }),
    );
  });

  it('is that of one of its tasks', () => {
    fc.assert(
      fc.property(anyStates, (states) => {
        expect([...states]).toContain(arrayState(states));
      }),
    );
  });

  it.each([
    [['RUNNING', 'PENDING', 'FAILED'], 'RUNNING'],
    [['PENDING', 'COMPLETED'], 'PENDING'],
    [['HELD', 'PENDING'], 'PENDING'],
    [['COMPLETED', 'FAILED', 'CANCELLED'], 'FAILED'],
    [['COMPLETED', 'CANCELLED'], 'CANCELLED'],
    [['LOST', 'FAILED'], 'LOST'],
    [['CANCELLING', 'CANCELLED'], 'CANCELLING'],
  ] as const)('of %j is %s', (states, state) => {
    expect(arrayState(new Set(states))).toBe(state);
  });
});

describe('states', () => {
  it('are active or final, and LOST is an end', () => {
    expect(JOB_STATES.filter(isActiveState)).toEqual(ACTIVE_JOB_STATES);
    expect(isActiveState('LOST')).toBe(false);
    expect(isActiveState('CANCELLING')).toBe(true);
    expect(isActiveState('COMPLETING')).toBe(true);
  });
});
