import type { Job } from '../domain/job.ts';
import { type Told, toldText } from '../domain/told-text.ts';
import type { JobUpdate } from './observe.ts';

/** A commit blocks the event loop until it is on disk. */
const UPDATES_A_TRANSACTION = 2500;
/** In UTF-16 units. Some hundred lists of nodes of the greatest length (MAX_NODE_LIST), or all reasons of 1,000 jobs. */
const TEXT_A_TRANSACTION = 1024 * 1024;

/** The updates in groups, of which each is written by one transaction. `current`: the jobs that they are for. */
export function* transactions(
  updates: readonly JobUpdate[],
  current: ReadonlyMap<string, Job>,
): Generator<readonly JobUpdate[], void, undefined> {
  let group: JobUpdate[] = [];
  let text = 0;
  for (const update of updates) {
    const job = current.get(update.jobId);
    const size = job === undefined ? 0 : newText(job, update.apply(job)) + attemptText(update);
    if (group.length === UPDATES_A_TRANSACTION || (group.length > 0 && text + size > TEXT_A_TRANSACTION)) {
      yield group;
      group = [];
      text = 0;
    }
    group.push(update);
    text += size;
  }
  if (group.length > 0) yield group;
}

/** Of what differs, which alone is written. */
function newText(before: Job, after: Job): number {
  if (before === after) return 0;
  const news = <Part extends keyof Told>(part: Part) => (before[part] === after[part] ? null : after[part]);
  return toldText({
    nodeList: news('nodeList'),
    reason: news('reason'),
    partition: news('partition'),
    components: news('components') ?? [],
    allocated: news('allocated'),
  });
}

function attemptText({ attempts = [] }: JobUpdate): number {
  return attempts.reduce((sum, { nodeList }) => sum + (nodeList?.length ?? 0), 0);
}
