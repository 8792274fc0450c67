import { type Accessor, batch, createSignal } from 'solid-js';
import { describeError } from './errors.ts';
import { type JobEvent, toChange } from './job-events.ts';
import type { JobRow } from './job-row.ts';
import { type Change, createLiveList, type LiveList, type LiveListOptions, type Page } from './live-list.ts';

/** A list of jobs in the server's order: which ones, and where to get a page of them. */
export interface JobSectionOptions extends LiveListOptions<JobRow> {
  readonly name: string;
  fetchPage(after: string | null): Promise<Page<JobRow>>;
}

export interface JobSection {
  readonly name: string;
  readonly list: LiveList<JobRow>;
  readonly isLoaded: Accessor<boolean>;
  readonly isLoadingMore: Accessor<boolean>;
  /** Why the last load failed, null when it didn't. */
  readonly fault: Accessor<string | null>;
  loadMore(): void;
  reload(): void;
  /** Events in the order of the stream. */
  apply(events: readonly JobEvent[]): void;
  fail(message: string): void;
}

/** How often a first page is asked for until no change of its count comes in between. */
const MAX_TRIES = 3;

/** `flush` has the events applied that have been received and not been applied yet. */
export function createJobSection(options: JobSectionOptions, flush: () => void): JobSection {
  const list = createLiveList(options);
  const [isLoaded, setIsLoaded] = createSignal(false);
  const [isLoadingMore, setIsLoadingMore] = createSignal(false);
  const [fault, setFault] = createSignal<string | null>(null);
  /** While a page is on its way, what arrives meanwhile: it is newer than the page, so applied once more on top. */
  let arrived: Change<JobRow>[] | null = null;
  let lastLoad = 0;

  /** Gets a page and has it shown, with what arrived meanwhile on top; gives way to a later load. */
  async function load(after: string | null, show: (page: Page<JobRow>) => void): Promise<void> {
    lastLoad += 1;
    const thisLoad = lastLoad;
    try {
      let page: Page<JobRow>;
      let tries = 0;
      // Whether the page's count has a change already can't be known.
      do {
        arrived = [];
        page = await options.fetchPage(after);
        if (thisLoad !== lastLoad) return;
        flush();
        tries += 1;
      } while (tries < MAX_TRIES && arrived.some(({ countChange }) => countChange !== 0));
      const onTop = arrived.map((change) => ({ ...change, countChange: 0 }));
      batch(() => {
        show(page);
        list.apply(onTop);
        setFault(null);
        setIsLoaded(true);
      });
    } catch (error) {
      if (thisLoad !== lastLoad) return;
      setFault(describeError(error));
    }
    arrived = null;
  }

  async function loadMore(): Promise<void> {
    if (arrived !== null) return;
    setIsLoadingMore(true);
    await load(list.endCursor(), list.append);
    setIsLoadingMore(false);
  }

  return {
    name: options.name,
    list,
    isLoaded,
    isLoadingMore,
    fault,
    fail: setFault,
    loadMore: () => void loadMore(),
    reload: () => void load(null, list.replace),
    apply: (events) => {
      const changes = events.map((event) => toChange(event, options.includes)).filter((change) => change !== null);
      // As copies, for the list writes later states into the very items that it is given.
      arrived?.push(...structuredClone(changes));
      list.apply(changes);
    },
  };
}
