import type { JobEvent } from '../domain/job-event.ts';
import { lastWhere } from '../domain/last-where.ts';
import { toldText } from '../domain/told-text.ts';

/** How many events are kept in memory for followers; one that is further behind reads the store. */
export const RECENT_LIMIT = 4096;
/** Of the texts of their jobs, in UTF-16 units; each event has its job as it was then. Those of usual events are a tenth. */
const MOST_RECENT_TEXT = 16 * 1024 * 1024;

/** The newest events, in the order of their numbers. */
export class RecentEvents {
  #events: readonly JobEvent[] = [];
  #text = 0;

  get first(): JobEvent | undefined {
    return this.#events[0];
  }

  /** Up to `most` of those after a sequence number. */
  after(sequence: number, most: number): readonly JobEvent[] {
    const start = lastWhere(this.#events, (event) => event.sequence <= sequence) + 1;
    return this.#events.slice(start, start + most);
  }

  /** What follows all others. */
  add(events: readonly JobEvent[]): void {
    this.#keep(this.#events.concat(events), this.#text + textOf(events));
  }

  /** What precedes all others, and was read back. */
  addBefore(events: readonly JobEvent[]): void {
    const next = this.first?.sequence ?? Number.POSITIVE_INFINITY;
    const earlier = events.filter(({ sequence }) => sequence < next);
    this.#keep(earlier.concat(this.#events), textOf(earlier) + this.#text);
  }

  /** Rarely: cutting costs as much as is kept. */
  #keep(events: readonly JobEvent[], text: number): void {
    let from = events.length > RECENT_LIMIT * 1.5 ? events.length - RECENT_LIMIT : 0;
    let left = text - textOf(events.slice(0, from));
    if (left > MOST_RECENT_TEXT) {
      for (; from < events.length - 1 && left > MOST_RECENT_TEXT / 2; from += 1)
        left -= textOf(events.slice(from, from + 1));
    }
    this.#events = from === 0 ? events : events.slice(from);
    this.#text = left;
  }
}

function textOf(events: readonly JobEvent[]): number {
  return events.reduce((sum, { job, message }) => {
    const own = (job.arrayParentId === null ? job.command.length : 0) + (job.description?.length ?? 0);
    return sum + own + toldText(job) + (message?.length ?? 0);
  }, 0);
}
