import { setImmediate as nextTurn } from 'node:timers/promises';
import { WakeUp } from '../../events/index.ts';
import type { Feed, FeedEntry } from '../../feeds/index.ts';
import { Kept, Memo } from './memo.ts';
import type { Sink } from './sink.ts';
import { TapeReader } from './tape-reader.ts';

/** How much a tape keeps for slower subscribers; one that is further behind reads the feed itself. */
const TAPE_BYTES = 1024 * 1024;
/** How long one tape may block the event loop at a time. */
const TURN_MS = 8;

interface TapeEntry {
  readonly position: number;
  readonly result: Buffer;
}

/** A subscriber's place. `ended` resolves when everything was sent, or rejects with the feed's error. */
export interface Place {
  readonly ended: Promise<void>;
  leave(): void;
}

/**
 * Serves one feed to all equal subscriptions: every value is executed and serialised once, and its bytes are sent to
 * all. It reads no faster than its fastest subscriber. A slower one costs only what its sink buffers: it gets what the
 * tape still has, or reads the feed itself from its position and then returns to the tape.
 */
export class Tape<T> {
  readonly #feed: Feed<T>;
  readonly #render: (value: T, signal: AbortSignal) => Promise<Buffer>;
  readonly #onUnused: () => void;
  readonly #readers = new Set<TapeReader>();
  readonly #wanted = new WakeUp();
  readonly #ending = new AbortController();
  readonly #kept: Kept;
  readonly #memo: Memo;
  #entries: TapeEntry[] = [];
  /** Number of the first of the entries. */
  #base = 0;
  #bytes = 0;
  /** A subscriber with everything up to here finds the rest on the tape. */
  #tail: number;
  /** The position of the newest entry so far. */
  #last: number;
  /** The feed has ended. */
  #isOver = false;

  /**
   * `render`: its signal is aborted once nobody is left. `onUnused`: its last subscriber has left, or the feed is over.
   */
  constructor(
    feed: Feed<T>,
    render: (value: T, signal: AbortSignal) => Promise<Buffer>,
    onUnused: () => void,
    kept: Kept = new Kept(),
  ) {
    this.#feed = feed;
    this.#render = render;
    this.#onUnused = onUnused;
    this.#kept = kept;
    this.#memo = new Memo(kept);
    this.#tail = feed.newest();
    this.#last = this.#tail;
    void this.#run();
  }

  /** `feed`: the subscriber's own, which may begin at another place than the tape's. */
  join(feed: Feed<T>, sink: Sink): Place {
    const reader = new TapeReader(sink, this.#tail);
    this.#readers.add(reader);
    this.#begin(feed, reader).catch((cause: unknown) => this.#fail(reader, cause));
    return {
      ended: reader.ended.promise,
      leave: () => {
        this.#remove(reader);
        reader.ended.resolve();
      },
    };
  }

  async #begin(feed: Feed<T>, reader: TapeReader): Promise<void> {
    const { first, position, isOver } = await feed.open();
    for (const value of first) {
      await reader.drained();
      if (reader.signal.aborted) return;
      const result = await this.#render(value, this.#ending.signal);
      await reader.deliver(result);
    }
    if (reader.signal.aborted) return;
    reader.position = position;
    if (isOver) this.#finish(reader);
    else await this.#catchUp(reader);
  }

  /** Reads the feed for one subscriber until the tape has the rest. */
  async #catchUp(reader: TapeReader): Promise<void> {
    const { signal } = reader;
    if (this.#attach(reader)) return;
    for (;;) {
      // Before anything is read: thousands may wait for room, and each would hold what it has read.
      await reader.drained();
      const isOver = await this.#readOn(reader);
      if (isOver) this.#finish(reader);
      if (isOver || signal.aborted || reader.next !== null) return;
    }
  }

  /** As far as the subscriber has room, and the tape doesn't have the rest. True: the feed has ended. */
  async #readOn(reader: TapeReader): Promise<boolean> {
    const { signal } = reader;
    for await (const { upTo, entries } of this.#feed.follow(reader.position, signal)) {
      for (const entry of entries) {
        if (!reader.isReady) return false;
        const result = await this.#resultOf(entry);
        if (signal.aborted || !reader.offer(result)) return false;
        reader.position = entry.position;
        if (this.#attach(reader)) return false;
      }
      reader.position = Math.max(reader.position, upTo);
      if (this.#attach(reader)) return false;
      await nextTurn();
    }
    return !signal.aborted;
  }

  #resultOf({ position, value, isOwn }: FeedEntry<T>): Promise<Buffer> {
    const render = () => this.#render(value, this.#ending.signal);
    return isOwn ? render() : this.#memo.get(position, render);
  }

  #attach(reader: TapeReader): boolean {
    if (reader.position < this.#tail || this.#hasEndedBefore(reader) || reader.signal.aborted) return false;
    reader.next = this.#base;
    if (reader.isReady) this.#serve(reader);
    else void this.#resume(reader);
    return true;
  }

  /**
   * A feed may continue after its end, as that of a requeued job: a subscriber from a later position is not at the end.
   */
  #hasEndedBefore({ position }: TapeReader): boolean {
    return this.#isOver && position > this.#last;
  }

  /** Reads while a subscriber can take more. Never throws. */
  async #run(): Promise<void> {
    const { signal } = this.#ending;
    try {
      let turnBegan = performance.now();
      for await (const { entries } of this.#feed.follow(this.#tail, signal)) {
        for (const { position, value } of entries) {
          // Serialised while earlier ones are sent, unless all tapes keep enough.
          if (this.#kept.isFull) await this.#untilWanted(0);
          if (signal.aborted) return;
          const result = await this.#render(value, signal);
          await this.#untilWanted(result.length);
          if (signal.aborted) return;
          this.#append({ position, result });
          if (performance.now() - turnBegan < TURN_MS) continue;
          await nextTurn();
          turnBegan = performance.now();
        }
      }
      if (signal.aborted) return;
      this.#isOver = true;
      this.#onUnused();
      for (const reader of this.#readers) if (reader.next !== null && reader.isReady) this.#pump(reader);
    } catch (cause) {
      this.#onUnused();
      for (const reader of this.#readers) this.#fail(reader, cause);
    }
  }

  /** `bytes`: what is kept meanwhile. */
  async #untilWanted(bytes: number): Promise<void> {
    const { signal } = this.#ending;
    if (signal.aborted || this.#isWanted()) return;
    this.#kept.bytes += bytes;
    while (!signal.aborted && !this.#isWanted()) await this.#wanted.wait(signal);
    this.#kept.bytes -= bytes;
  }

  #isWanted(): boolean {
    // Ready subscribers have been sent everything.
    for (const { isReady, next } of this.#readers) if (isReady && next !== null) return true;
    return false;
  }

  #append(entry: TapeEntry): void {
    this.#entries.push(entry);
    this.#last = entry.position;
    this.#count(entry.result.length);
    let isPassed = true;
    for (const reader of this.#readers) {
      if (reader.next === null) continue;
      if (reader.isReady) this.#pump(reader);
      if (!reader.isReady) isPassed = false;
    }
    if (isPassed) this.#forget(this.#entries.length);
    let surplus = 0;
    for (let bytes = this.#kept.excess(this.#bytes, TAPE_BYTES); bytes > 0; surplus += 1) {
      const oldest = this.#entries[surplus];
      if (oldest === undefined) break;
      bytes -= oldest.result.length;
    }
    this.#forget(surplus);
  }

  /** Drops the first entries of the tape. */
  #forget(count: number): void {
    if (count === 0) return;
    const forgotten = this.#entries.splice(0, count);
    for (const { position, result } of forgotten) {
      this.#tail = position;
      this.#count(-result.length);
    }
    this.#base += count;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#kept.bytes += bytes;
  }

  /** Sends the tape's entries until the subscriber's sink is full. */
  #pump(reader: TapeReader): void {
    while (reader.isReady && reader.next !== null) {
      const entry = this.#entries[reader.next - this.#base];
      if (entry === undefined) {
        if (this.#hasEndedBefore(reader)) void this.#resume(reader);
        else if (this.#isOver) this.#finish(reader);
        return;
      }
      if (entry.position > reader.position) {
        if (!reader.offer(entry.result)) break;
        reader.position = entry.position;
      }
      reader.next += 1;
    }
    if (!reader.isReady) void this.#resume(reader);
  }

  #serve(reader: TapeReader): void {
    this.#pump(reader);
    if (reader.isReady) this.#wanted.notify();
  }

  /** Continues a subscriber once it has room: from the tape, or from the feed if the tape has moved on too far. */
  async #resume(reader: TapeReader): Promise<void> {
    try {
      await reader.drained();
      if (reader.signal.aborted || reader.next === null) return;
      if (reader.next >= this.#base && !this.#hasEndedBefore(reader)) {
        this.#serve(reader);
      } else {
        reader.next = null;
        await this.#catchUp(reader);
      }
    } catch (cause) {
      this.#fail(reader, cause);
    }
  }

  #finish(reader: TapeReader): void {
    this.#remove(reader);
    reader.ended.resolve();
  }

  #fail(reader: TapeReader, cause: unknown): void {
    this.#remove(reader);
    reader.ended.reject(cause);
  }

  #remove(reader: TapeReader): void {
    reader.leave();
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
    this.#ending.abort();
    this.#forget(this.#entries.length);
    this.#memo.close();
    this.#onUnused();
  }
}
