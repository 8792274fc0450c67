import type { Job } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-event.ts';
import { isActiveState } from '../domain/job-state.ts';
import { TURNS } from '../turns/index.ts';
import type { Feed, FeedEntry } from './feed.ts';
import type { FeedSources } from './sources.ts';

/**
 * The job as it is now, then after each change, up to its end. The estimate of a task changes with an event of its array.
 */
export function jobStatusFeed(
  { id, clusterName, arrayParentId }: Pick<Job, 'id' | 'clusterName' | 'arrayParentId'>,
  { reads, journal, account }: Pick<FeedSources, 'reads' | 'journal' | 'account'>,
): Feed<Job> {
  return {
    newest: () => journal.newest,
    async open() {
      for (;;) {
        const stored = await reads.jobs.get(id);
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
      const active = () => journal.active(clusterName).get(id);
      let told = after === journal.newest ? active() : undefined;
      const entryOf = ({ sequence, jobId, job }: JobEvent): readonly FeedEntry<Job>[] => {
        if (jobId === id) {
          told = job;
          return [{ position: sequence, value: job }];
        }
        const current = arrayParentId !== null && jobId === arrayParentId ? active() : undefined;
        if (current === undefined || current.estimatedStartAt?.getTime() === told?.estimatedStartAt?.getTime())
          return [];
        told = current;
        return [{ position: sequence, value: current, isOwn: true }];
      };
      for await (const followed of journal.follow(after, signal, { reads, account })) {
        const { upTo } = followed;
        // One event wakes thousands of readers.
        const turn = TURNS.pass('new', account());
        if (turn !== undefined) await turn;
        if (signal.aborted) return;
        const missed = followed.kind === 'reset' ? await reads.jobs.get(id) : null;
        const entries: FeedEntry<Job>[] =
          followed.kind === 'events'
            ? followed.events.flatMap(entryOf)
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
