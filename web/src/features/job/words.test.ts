import { describe, expect, it } from 'vitest';
import type { TimelineEvent } from './operations.ts';
import { isWorthTelling, titleOf } from './words.ts';

const event = (parts: Partial<TimelineEvent>) =>
  ({ kind: 'UPDATED', state: 'PENDING', message: null, request: null, ...parts }) as const;

describe('the timeline of a job', () => {
  it.each([
    [{ kind: 'CREATED', state: 'SUBMITTING' }, 'Submitted'],
    [{ kind: 'STATE_CHANGED', state: 'RUNNING' }, 'Running'],
    [{ kind: 'STATE_CHANGED', state: 'CANCELLING', request: 'CANCEL' }, 'Cancelling'],
    [{ request: 'HOLD' }, 'Hold requested'],
    [{ request: 'RELEASE', state: 'HELD' }, 'Release requested'],
    [{ request: 'REQUEUE', state: 'RUNNING' }, 'Requeue requested'],
    [{ request: 'UPDATE', state: 'COMPLETED' }, 'Edited'],
    [{ request: 'ARCHIVE', state: 'COMPLETED' }, 'Archived'],
    [{ request: 'UNARCHIVE', state: 'COMPLETED' }, 'Unarchived'],
    [{ message: 'Slurm refused to hold it: Access/permission denied' }, 'Updated'],
  ] as const)('tells %o as "%s"', (parts, title) => {
    expect(isWorthTelling(event(parts))).toBe(true);
    expect(titleOf(event(parts))).toBe(title);
  });

  it('leaves out details that changed by themselves', () => {
    expect(isWorthTelling(event({}))).toBe(false);
    expect(isWorthTelling(event({ message: '' }))).toBe(false);
  });
});
