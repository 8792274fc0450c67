import { describe, expect, it } from 'vitest';
import { isActiveState, JOB_STATES } from '../domain/job-state.ts';
import { jobState } from './states.ts';

describe("Slurm's words for a state", () => {
  it.each([
    ['PENDING', 'PENDING'],
    ['REQUEUED', 'PENDING'],
    ['REQUEUE_FED', 'PENDING'],
    ['EXPEDITING', 'PENDING'],
    ['REQUEUE_HOLD', 'HELD'],
    ['RESV_DEL_HOLD', 'HELD'],
    ['SPECIAL_EXIT', 'HELD'],
    ['CONFIGURING', 'CONFIGURING'],
    ['POWER_UP_NODE', 'CONFIGURING'],
    ['RUNNING', 'RUNNING'],
    ['RESIZING', 'RUNNING'],
    ['SIGNALING', 'RUNNING'],
    ['SUSPENDED', 'SUSPENDED'],
    ['STOPPED', 'SUSPENDED'],
    ['COMPLETING', 'COMPLETING'],
    ['STAGE_OUT', 'COMPLETING'],
    ['COMPLETED', 'COMPLETED'],
    ['FAILED', 'FAILED'],
    ['TIMEOUT', 'TIMEOUT'],
    ['CANCELLED', 'CANCELLED'],
    ['OUT_OF_MEMORY', 'OUT_OF_MEMORY'],
    ['DEADLINE', 'DEADLINE'],
    ['PREEMPTED', 'PREEMPTED'],
    ['NODE_FAIL', 'NODE_FAIL'],
    ['BOOT_FAIL', 'BOOT_FAIL'],
    ['REVOKED', 'REVOKED'],
  ])('%s is %s', (word, state) => {
    expect(jobState(word, null)).toBe(state);
  });

  it.each(['COMPLETING', 'STAGE_OUT', 'SPECIAL_EXIT', 'REQUEUED', 'REQUEUE_HOLD', 'CONFIGURING'])(
    '%s is no end, though what hides behind it may be one',
    (word) => {
      const state = jobState(word, null);
      expect(state !== null && isActiveState(state)).toBe(true);
    },
  );

  it.each([
    ['?', 'an unknown one'],
    ['', 'none'],
    ['running', 'another case'],
    ['LAUNCH_FAILED', 'a flag that only the JSON output shows'],
    ['RECONFIG_FAIL', 'a flag that only the JSON output shows'],
    ['GETENV_FAILED', 'a flag that only the JSON output shows'],
    ['constructor', 'the name of a property that every object has'],
    ['__proto__', 'the name of a property that every object has'],
  ])('%j says nothing: %s', (word) => {
    expect(jobState(word, null)).toBeNull();
  });

  it('a waiting job is held when its reason says so, and only then', () => {
    expect(jobState('PENDING', 'JobHeldUser')).toBe('HELD');
    expect(jobState('PENDING', 'JobHeldAdmin')).toBe('HELD');
    // Tried on 22.05.8: scontrol requeuehold.
    expect(jobState('PENDING', 'job requeued in held state')).toBe('HELD');
    expect(jobState('PENDING', 'launch_failed_requeued_held')).toBe('HELD');
    expect(jobState('PENDING', 'job_requeued_in_special_exit_state')).toBe('HELD');
    expect(jobState('PENDING', 'JobHoldMaxRequeue')).toBe('HELD');
    // The sources of 26.05.
    expect(jobState('PENDING', 'launch failure limit exceeded requeued held')).toBe('HELD');
    expect(jobState('PENDING', 'user_env_retrieval_failed_requeued_held')).toBe('HELD');
    expect(jobState('PENDING', 'Resources')).toBe('PENDING');
    expect(jobState('PENDING', 'None')).toBe('PENDING');
    // Tried on 22.05.8: what was cancelled while it was held keeps the reason.
    expect(jobState('CANCELLED', 'JobHeldUser')).toBe('CANCELLED');
  });

  it("sacct's word with whoever cancelled is cancelled", () => {
    expect(jobState('CANCELLED by 1000', null)).toBe('CANCELLED');
  });

  it('none of them is a state that only this server knows', () => {
    for (const own of ['SUBMITTING', 'SUBMIT_FAILED', 'CANCELLING', 'LOST', 'HELD']) {
      expect(JOB_STATES).toContain(own);
      expect(jobState(own, null)).toBeNull();
    }
  });
});
