import { setImmediate as nextTurn } from 'node:timers/promises';
import { WakeUp } from '../../events/index.ts';
import type { Feed, FeedEntry } from './feed.ts';

/** Of what subscribers have still to be sent, a tape keeps so much; who is further behind reads the feed by itself. */
const TAPE_BYTES = 1024 * 1024;
/** Results for those who catch up, so that many who come back at once are served by one execution an event. */
const MEMO_BYTES = 1024 * 1024;
/** So long at a time may one tape hold the event loop. */
const TURN_MS = 8;

/** The way to one subscriber. */
export interface Sink {
  /** Sends a result, as JSON. False: that is enough for now, and nothing more is sent until it is drained. */
  send(result: Buffer): boolean;
  /** Calls back once, when more can be sent. Never, once the subscriber is gone. */
  whenDrained(callback: () => void): void;
}

interface TapeEntry {
  readonly position: number;
  readonly result: Buffer;
}

/** One subscriber of a tape. */
class Reader {
  readonly ended = Promise.withResolvers<void>();
  /** It has been sent, or spared, everything up to here. */
  position: number;
  /** Number of its next entry on the tape; null while it catches up by itself. */
  next: number | null = null;
  readonly #sink: Sink;
  readonly #leaving = new AbortController();
  #isReady = true;
  #release: () => void = () => undefined;

  constructor(sink: Sink, position: number) {
    this.#sink = sink;
    this.position = position;
    // It may fail before anybody waits for it.
    this.ended.promise.catch(() => undefined);
  }

  /** Aborted once it has left. */
  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  /** More can be sent to it now. */
  get isReady(): boolean {
    return this.#isReady;
  }

  send(result: Buffer): void {
    this.#isReady = this.#sink.send(result);
  }

  /** Resolves when more can be sent to it, or it has left. */
  async drained(): Promise<void> {
    if (this.#isReady || this.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#release = resolve;
      this.#sink.whenDrained(resolve);
    });
    this.#isReady = true;
  }

  leave(): void {
    this.#leaving.abort();
    this.#release();
  }
}

/** A subscriber's place: `ended` settles when it has been sent all there is, or rejects with what broke the feed. */
export interface Place {
  readonly ended: Promise<void>;
  leave(): void;
}

/**
 * Serves one feed to all who subscribe to it in the same words: every value is executed and serialised once and the
 * bytes are sent to all. It reads no faster than its fastest subscriber. One that is slower costs what its sink holds
 * and no more: it is sent what the tape still has, or reads the feed by itself from where it was and then comes back.
 */
export class Tape<T> {
  readonly #feed: Feed<T>;
  readonly #render: (value: T, signal: AbortSignal) => Promise<Buffer>;
  readonly #onUnused: () => void;
  readonly #readers = new Set<Reader>();
  readonly #wanted = new WakeUp();
  readonly #ending = new AbortController();
  readonly #memo = new Memo(MEMO_BYTES);
  #entries: TapeEntry[] = [];
  /** Number of the first of the entries. */
  #base = 0;
  #bytes = 0;
  /** Whoever has everything up to here finds the rest on the tape. */
  #tail: number;
  /** Position of the newest entry that there has been. */
  #last: number;
  /** The feed has ended. */
  #isOver = false;

  /** `render`: its signal is aborted once nobody is left. `onUnused`: its last subscriber has left, or the feed is over. */
  constructor(feed: Feed<T>, render: (value: T, signal: AbortSignal) => Promise<Buffer>, onUnused: () => void) {
    this.#feed = feed;
    this.#render = render;
    this.#onUnused = onUnused;
    this.#tail = feed.newest();
    this.#last = this.#tail;
    void this.#run();
  }

  /** `feed`: the subscriber's own, which may begin at another place than the tape's. */
  join(feed: Feed<T>, sink: Sink): Place {
    const reader = new Reader(sink, this.#tail);
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

  async #begin(feed: Feed<T>, reader: Reader): Promise<void> {
    const { first, position, isOver } = await feed.open();
    for (const value of first) {
      const result = await this.#render(value, this.#ending.signal);
      await reader.drained();
      if (reader.signal.aborted) return;
      reader.send(result);
    }
    reader.position = position;
    if (isOver) this.#finish(reader);
    else await this.#catchUp(reader);
  }

  /** Reads the feed for one subscriber until the tape has the rest. */
  async #catchUp(reader: Reader): Promise<void> {
    const { signal } = reader;
    if (this.#attach(reader)) return;
    for await (const { upTo, entries } of this.#feed.follow(reader.position, signal)) {
      for (const entry of entries) {
        const result = await this.#resultOf(entry);
        await reader.drained();
        if (signal.aborted) return;
        reader.position = entry.position;
        reader.send(result);
        if (this.#attach(reader)) return;
      }
      reader.position = Math.max(reader.position, upTo);
      if (this.#attach(reader)) return;
      await nextTurn();
    }
    if (!signal.aborted) this.#finish(reader);
  }

  #resultOf({ position, value, isOwn }: FeedEntry<T>): Promise<Buffer> {
    const render = () => this.#render(value, this.#ending.signal);
    return isOwn ? render() : this.#memo.get(position, render);
  }

  #attach(reader: Reader): boolean {
    if (reader.position < this.#tail || this.#hasEndedBefore(reader) || reader.signal.aborted) return false;
    reader.next = this.#base;
    if (reader.isReady) this.#serve(reader);
    else void this.#resume(reader);
    return true;
  }

  /** A feed may begin again behind its end, as that of a job that is requeued: whoever comes from there is not at its end. */
  #hasEndedBefore({ position }: Reader): boolean {
    return this.#isOver && position > this.#last;
  }

  /** Reads on for as long as somebody can take more. Never throws. */
  async #run(): Promise<void> {
    const { signal } = this.#ending;
    try {
      let turnBegan = performance.now();
      for await (const { entries } of this.#feed.follow(this.#tail, signal)) {
        for (const { position, value } of entries) {
          const result = await this.#render(value, signal);
          while (!signal.aborted && !this.#isWanted()) await this.#wanted.wait(signal);
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

  #isWanted(): boolean {
    // Whoever is ready has been sent all that there is.
    for (const { isReady, next } of this.#readers) if (isReady && next !== null) return true;
    return false;
  }

  #append(entry: TapeEntry): void {
    this.#entries.push(entry);
    this.#last = entry.position;
    this.#bytes += entry.result.length;
    let isPassed = true;
    for (const reader of this.#readers) {
      if (reader.next === null) continue;
      if (reader.isReady) this.#pump(reader);
      if (!reader.isReady) isPassed = false;
    }
    if (isPassed) this.#forget(this.#entries.length);
    let surplus = 0;
    for (let bytes = this.#bytes; bytes > TAPE_BYTES; surplus += 1) bytes -= this.#entries[surplus]?.result.length ?? 0;
    this.#forget(surplus);
  }

  /** Takes the first entries off the tape. */
  #forget(count: number): void {
    if (count === 0) return;
    const forgotten = this.#entries.splice(0, count);
    for (const { position, result } of forgotten) {
      this.#tail = position;
      this.#bytes -= result.length;
    }
    this.#base += count;
  }

  /** Sends what the tape has, until the subscriber has enough. */
  #pump(reader: Reader): void {
    while (reader.isReady && reader.next !== null) {
      const entry = this.#entries[reader.next - this.#base];
      if (entry === undefined) {
        if (this.#hasEndedBefore(reader)) void this.#resume(reader);
        else if (this.#isOver) this.#finish(reader);
        return;
      }
      reader.next += 1;
      if (entry.position <= reader.position) continue;
      reader.position = entry.position;
      reader.send(entry.result);
    }
    if (!reader.isReady) void this.#resume(reader);
  }

  #serve(reader: Reader): void {
    this.#pump(reader);
    if (reader.isReady) this.#wanted.notify();
  }

  /** Goes on with a subscriber once it can take more: on the tape, or by itself when the tape has gone on too far. */
  async #resume(reader: Reader): Promise<void> {
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

  #finish(reader: Reader): void {
    this.#remove(reader);
    reader.ended.resolve();
  }

  #fail(reader: Reader, cause: unknown): void {
    this.#remove(reader);
    reader.ended.reject(cause);
  }

  #remove(reader: Reader): void {
    reader.leave();
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
    this.#ending.abort();
    this.#onUnused();
  }
}

/** The results that were wanted last, by position, of a bounded size in all; one that is being made is made once. */
class Memo {
  readonly #limit: number;
  readonly #results = new Map<number, { readonly result: Promise<Buffer>; bytes: number }>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(position: number, make: () => Promise<Buffer>): Promise<Buffer> {
    const known = this.#results.get(position);
    if (known !== undefined) return known.result;
    const entry = { result: make(), bytes: 0 };
    this.#results.set(position, entry);
    entry.result.then(
      ({ length }) => {
        if (this.#results.get(position) !== entry) return;
        entry.bytes = length;
        this.#bytes += length;
        this.#shrink();
      },
      // Whoever asked for it is told.
      () => this.#results.delete(position),
    );
    return entry.result;
  }

  #shrink(): void {
    for (const [oldest, { bytes }] of this.#results) {
      if (this.#bytes <= this.#limit) return;
      this.#results.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}
