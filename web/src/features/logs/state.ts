import { type Accessor, createEffect, createSignal, on, onCleanup } from 'solid-js';
import { type Api, ask } from '../../graphql/api.ts';
import { describeError } from '../../graphql/errors.ts';
import type { LogStream } from '../../graphql/graphql.ts';
import { openStream } from '../../graphql/stream.ts';
import { LogBuffer } from './log-buffer.ts';
import { logPageQuery, logTailSubscription } from './operations.ts';
import type { LogEnding } from './words.ts';

/** How much of a long log's end is fetched at first. */
const TAIL_BYTES = 1_048_576;

/** `end`: the log's end, as it is written. `start`: from the first byte on, as far as one has read. */
export type Reading = 'end' | 'start';

export interface Log {
  /** Changes whenever `buffer` does; read it before the buffer. */
  readonly version: Accessor<number>;
  readonly buffer: LogBuffer;
  readonly reading: Accessor<Reading>;
  /** Starts over from there. */
  read(from: Reading): void;
  /** Reading from the start: fetches what follows, unless that is under way or there was nothing more last time. */
  loadNext(): void;
  /** What its end told, once nothing more can come; null before. */
  readonly ending: Accessor<LogEnding | null>;
  /** The file was replaced while it was shown: a requeued job starts its log anew. */
  readonly wasReset: Accessor<boolean>;
  readonly fault: Accessor<string | null>;
}

/** The log of one job, anew whenever the stream or the end that it is read from changes. */
export function createLog(api: Api, jobId: string, stream: Accessor<LogStream>): Log {
  const buffer = new LogBuffer();
  const [version, setVersion] = createSignal(0);
  // Also when it is set to what it is: then reading starts over.
  const [reading, setReading] = createSignal<Reading>('end', { equals: false });
  const [ending, setEnding] = createSignal<LogEnding | null>(null);
  const [wasReset, setWasReset] = createSignal(false);
  const [fault, setFault] = createSignal<string | null>(null);
  /** While there may be more to fetch, and nothing is being fetched. */
  let canFetch = true;
  /** What is asked for one stream must not end up in another's buffer. */
  let beginning = 0;
  let frame = 0;

  // Chunks may come faster than the screen shows them, and a hidden page shows nothing at all.
  function changed(): void {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => setVersion((count) => count + 1));
  }
  onCleanup(() => cancelAnimationFrame(frame));

  function startOver(): void {
    beginning += 1;
    canFetch = true;
    buffer.clear();
    setEnding(null);
    setWasReset(false);
    setFault(null);
    changed();
  }

  function follow(): () => void {
    return openStream(api.socket, {
      document: logTailSubscription,
      variables: { jobId, stream: stream(), after: -TAIL_BYTES },
      resume: ({ logTail }) => ({ after: logTail.endOffset }),
      next: ({ logTail }) => {
        if (logTail.isReset) {
          buffer.clear();
          setWasReset(true);
        }
        buffer.append(logTail);
        setEnding(logTail.isComplete ? logTail : null);
        changed();
      },
      isFinished: () => ending() !== null,
      fault: setFault,
    });
  }

  async function fetchNext(): Promise<void> {
    if (!canFetch) return;
    canFetch = false;
    const mine = beginning;
    try {
      const { job } = await ask(api, logPageQuery, { jobId, stream: stream(), offset: buffer.endOffset });
      if (mine !== beginning) return;
      setFault(null);
      // The file has gone since: its end tells why.
      if (job === null || job.log === null) {
        setReading('end');
        return;
      }
      buffer.append(job.log);
      setEnding(job.log.isComplete ? job.log : null);
      canFetch = job.log.text !== '' && !job.log.isComplete;
      changed();
    } catch (error) {
      if (mine === beginning) setFault(describeError(error));
    }
  }

  createEffect(
    on([stream, reading], () => {
      startOver();
      if (reading() === 'end') onCleanup(follow());
      else void fetchNext();
    }),
  );

  return {
    version,
    buffer,
    reading,
    read: setReading,
    loadNext: () => void fetchNext(),
    ending,
    wasReset,
    fault,
  };
}
