import { describe, expect, it } from 'vitest';
import { ArrayView, mayLackTask, withLackingTasks } from './array-view.ts';
import { ClusterClock } from './parse/clock.ts';
import { parseQueue } from './parse/queue.ts';
import type { QueueSnapshot } from './parse/queue-answer.ts';
import { atOnce } from './parse/turns.ts';
import { everyJob, queueRow, WAITING } from './testing.ts';

/** What squeue says of an array's tasks, in rows of its own making. */
function seen(
  ...rows: readonly (readonly [
    id: string,
    state: string,
    reason: string,
    more?: { restarts?: number; start?: string },
  ])[]
) {
  const text = rows.map(([JobArrayID, State, Reason, { restarts = 0, start = 'N/A' } = {}]) =>
    queueRow({ ...WAITING, JobArrayID, State, Reason, RestartCnt: `${restarts}`, StartTime: start }),
  );
  return parseQueue(text.join(''), new ClusterClock());
}

const ALIKE: QueueSnapshot = seen(['5_[0-4999]', 'PENDING', 'Resources']);

function settled(observations = ALIKE): ArrayView {
  const view = new ArrayView();
  atOnce(view.sawApart(observations));
  expect(view.isApart).toBe(false);
  return view;
}

describe('the tasks of arrays', () => {
  it('are looked at one by one until it is known that all that wait are alike', () => {
    const view = new ArrayView();
    expect(view.isApart).toBe(true);
    atOnce(view.sawApart(ALIKE));
    expect(view.isApart).toBe(false);
    expect(atOnce(view.sawTogether(ALIKE))).toBe(true);
    expect(view.isApart).toBe(false);
  });

  it('are always looked at one by one when they are few: that costs nothing', () => {
    const view = new ArrayView();
    atOnce(view.sawApart(seen(['5_[0-99]', 'PENDING', 'Resources'])));
    expect(view.isApart).toBe(true);
  });

  it.each([
    ['held', seen(['5_[0-8,10-4999]', 'PENDING', 'Resources'], ['5_9', 'PENDING', 'JobHeldUser'])],
    ['requeued', seen(['5_[0-8,10-4999]', 'PENDING', 'Resources'], ['5_9', 'PENDING', 'Resources', { restarts: 1 }])],
    [
      'to begin later',
      seen(
        ['5_[0-8,10-4999]', 'PENDING', 'BeginTime', { start: '1795494207' }],
        ['5_9', 'PENDING', 'BeginTime', { start: '1795494999' }],
      ),
    ],
    [
      'in a state of its own',
      seen(['5_[0-8,10-4999]', 'PENDING', 'JobHeldUser'], ['5_9', 'SPECIAL_EXIT', 'JobHeldUser']),
    ],
  ])('are looked at one by one for as long as one of them is %s', (_what, observations) => {
    const view = new ArrayView();
    atOnce(view.sawApart(observations));
    expect(view.isApart).toBe(true);
    atOnce(view.sawApart(ALIKE));
    expect(view.isApart).toBe(false);
  });

  // `5_[0-9] PENDING BeginTime,JobHeldUser` is what 24.11.5 says where one of ten was held.
  it('are looked at one by one again when several reasons were joined', () => {
    const view = settled();
    expect(atOnce(view.sawTogether(seen(['5_[0-4999]', 'PENDING', 'Resources,JobHeldUser'])))).toBe(false);
    expect(view.isApart).toBe(true);
  });

  it('are looked at one by one again when one that had begun is shown among those that wait', () => {
    const view = settled(seen(['5_[1-4999]', 'PENDING', 'Resources'], ['5_0', 'RUNNING', 'None']));
    expect(atOnce(view.sawTogether(seen(['5_[0-4999]', 'PENDING', 'Resources'])))).toBe(false);
    const later = settled();
    expect(atOnce(later.sawTogether(seen(['5_[1-4999]', 'PENDING', 'Resources'], ['5_0', 'RUNNING', 'None'])))).toBe(
      true,
    );
    expect(atOnce(later.sawTogether(seen(['5_[0-4999]', 'PENDING', 'Resources'])))).toBe(false);
  });

  it.each([
    'Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions',
    'ReqNodeNotAvail, UnavailableNodes:n1,n2',
  ])('are not taken for several with a reason that has a comma of its own: %s', (reason) => {
    const view = settled(seen(['5_[0-4999]', 'PENDING', reason]));
    expect(atOnce(view.sawTogether(seen(['5_[0-4999]', 'PENDING', reason])))).toBe(true);
  });

  it('are looked at one by one now and then in any case', () => {
    const view = settled();
    let together = 0;
    while (!view.isApart) {
      atOnce(view.sawTogether(ALIKE));
      together += 1;
    }
    expect(together).toBe(10);
  });
});

describe('the last task of an array with a step, which squeue --array leaves out', () => {
  // `squeue --array` of 24.11.5 and 26.05.5 prints 499 rows of an array that plain squeue calls 8_[0-998:2].
  const tasks = Array.from({ length: 499 }, (_, index) => `5_${2 * index}`);
  const shown = (word: string) => seen(...tasks.map((task) => [task, word, 'JobHeldUser'] as const));
  const together = (word: string) => seen(['5_[0-998:2]', word, 'JobHeldUser']);

  it.each(['PENDING', 'CANCELLED'])('is looked for, and added as %s', (word) => {
    const apart = shown(word);
    expect(atOnce(mayLackTask(apart))).toBe(true);
    const observations = everyJob(atOnce(withLackingTasks(apart, together(word))));
    expect(observations).toHaveLength(500);
    expect(observations.at(-1)).toMatchObject({ slurmJobId: '5_998', word });
    expect(observations.slice(0, -1)).toEqual(apart.observations);
  });

  it('is looked for, too, where a task with a record of its own stands before the step', () => {
    // 24.11.5: task 1 of 1-21:2 was requeued, 3 and 5 run, and 21 is not shown.
    expect(atOnce(mayLackTask(seen(['5_1', 'PENDING', 'Resources'], ['5_[7-19:2]', 'PENDING', 'Resources'])))).toBe(
      true,
    );
  });

  it('is not looked for where tasks follow each other, are few, or have begun', () => {
    expect(atOnce(mayLackTask(ALIKE))).toBe(false);
    expect(atOnce(mayLackTask(seen(['5_[0,2,4]', 'PENDING', 'Resources'])))).toBe(false);
    const { shared, ...begun } = seen(['5_[0-998:2]', 'RUNNING', 'None']);
    expect(atOnce(mayLackTask({ ...begun, shared: shared.map((task) => ({ ...task, nodeList: 'n1' })) }))).toBe(false);
  });
});
