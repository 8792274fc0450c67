import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { TURNS } from '../turns/index.ts';
import type { Feed, FeedEntry } from './feed.ts';
import type { FeedSources } from './sources.ts';

/** The job as it is now, then after each change, up to its end. */
export function jobStatusFeed(
  { id, clusterName }: Pick<Job, 'id' | 'clusterName'>,
  { store, journal }: Pick<FeedSources, 'store' | 'journal'>,
): Feed<Job> {
  return {
    newest: () => journal.newest,
    async open() {
      for (;;) {
        const stored = await store.jobs.get(id);
        // In one step with the position, so that no change is lost between the two or sent twice.
        const active = journal.active(clusterName).get(id);
        const position = journal.newest;
        if (active !== undefined) return { first: [active], position, isOver: false };
        if (stored === null) return { first: [], position, isOver: true };
        if (!isActiveState(stored.state)) return { first: [stored], position, isOver: true };
        // Its end was written during the read.
      }
    },
    async *follow(after, signal) {
      for await (const followed of journal.follow(after, signal)) {
        const { upTo } = followed;
        // One event wakes thousands of readers.
        const turn = TURNS.pass('new', 'events');
        if (turn !== undefined) await turn;
        if (signal.aborted) return;
        const missed = followed.kind === 'reset' ? await store.jobs.get(id) : null;
        const entries: FeedEntry<Job>[] =
          followed.kind === 'events'
            ? followed.events
                .filter((event) => event.jobId === id)
                .map(({ sequence, job }) => ({ position: sequence, value: job }))
            : missed === null
              ? []
              : [{ position: upTo, value: missed, isOwn: true }];
        const end = entries.findIndex(({ value }) => !isActiveState(value.state));
        yield { upTo, entries: end === -1 ? entries : entries.slice(0, end + 1) };
        if (end !== -1) return;
      }
    },
  };
}
