import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heterogeneousState, type JobComponent, unseenComponent, wholeOf, withBoundedNodes } from './component.ts';
import { isActiveState, JOB_STATES, type JobState } from './job-state.ts';
import { MAX_NODE_LIST } from './node-list.ts';

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

  const wide = (count: number, length: number) =>
    Array.from({ length: count }, (_, offset) => component(offset, { nodeList: `n${offset}_`.padEnd(length, 'x') }));

  it('has a list of nodes that is no longer than that of any job, and says what it leaves out', () => {
    const { nodeList } = wholeOf(wide(128, MAX_NODE_LIST));
    expect(nodeList?.length).toBeLessThanOrEqual(MAX_NODE_LIST);
    expect(nodeList).toMatch(/^n0_x.*characters cut\)$/);
  });

  it.each([
    [2, MAX_NODE_LIST / 2],
    [128, 1000],
  ])('of %i components has at most %i characters of nodes of each', (count, most) => {
    const bounded = withBoundedNodes(wide(count, MAX_NODE_LIST));
    for (const { nodeList } of bounded) {
      expect(nodeList?.length).toBeLessThanOrEqual(most);
      expect(nodeList).toContain('characters cut');
    }
    expect(withBoundedNodes(bounded)).toEqual(bounded);
    const short = wide(count, most);
    expect(withBoundedNodes(short)).toEqual(short);
  });
});
