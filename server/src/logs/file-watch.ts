import { setTimeout as pause } from 'node:timers/promises';
import { GOES_ON, type LogChunk } from '../domain/log-chunk.ts';
import { WakeUp } from '../events/index.ts';
import { type FileStatus, RemoteFileError, type RemoteFiles } from '../ssh/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { lookPauseMs } from './pace.ts';
import { ReadAhead } from './read-ahead.ts';
import { RecentChunks, type SharedChunk } from './recent-chunks.ts';
import { decodeBytes, LOOK_BACK_BYTES } from './utf8.ts';

const REQUEST_TIMEOUT_MS = 30_000;
const FAULT_PAUSE_MS = 1000;
/** A fault of the file system's own that is seen so often in a row is no passing one. */
const LASTING_FAULTS = 3;
/** What one read brings at most, and one message carries. */
const MOST_CHUNK_BYTES = 1024 * 1024;
/** Kept of what was read last, of one file and of all; as text it takes up to twice as much memory. */
const RECENT_BYTES = 1024 * 1024;
const ALL_RECENT_BYTES = 32 * 1024 * 1024;
/** Read ahead of somebody who catches up, of 1 MiB each. */
const PIECES_AHEAD = 3;
const ALL_PIECES_AHEAD = 32;
/** By so many bytes before a place it is known whether the file is still the one that was read. */
const SEAM_BYTES = 256;
const NOTHING = Buffer.alloc(0);

/** A place in one version of a file: what follows it is read next. */
export interface Place {
  /** Which version: it grows when the file is found to be truncated or replaced. */
  readonly version: number;
  readonly offset: number;
  /** The bytes before `offset`, as far as they were read; none at the beginning. */
  readonly seam: Buffer;
}

/**
 * `grown`: only where growth has been seen. `opened`: in any case, because a network file system may show sizes late but
 * has to show an opened file as it is (close-to-open consistency, man 5 nfs). `last`: the same, and the beginning of a
 * character at the end is told as it is.
 */
export type ReadMode = 'grown' | 'opened' | 'last';

export type Followed =
  | { readonly kind: 'chunk'; readonly chunk: LogChunk; readonly next: Place }
  /** Nothing follows the place yet. */
  | { readonly kind: 'end' }
  /** The file is another one than the place belongs to: start over from the beginning. */
  | { readonly kind: 'replaced' };

/** Every file that is followed, each watched and read once for all who follow it. */
export class FileWatches {
  readonly #watches = new Map<string, FileWatch>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Shares the watch on one cluster's file until it is closed; the last one to close it stops the questions. */
  open(clusterName: string, files: RemoteFiles, path: string): FileWatch & Disposable {
    const key = `${clusterName}:${path}`;
    const watch =
      this.#watches.get(key) ??
      new FileWatch(files, path, this.#log, {
        countOnCluster: () => [...this.#watches.keys()].filter((other) => other.startsWith(`${clusterName}:`)).length,
        recentBytes: () => Math.min(RECENT_BYTES, ALL_RECENT_BYTES / this.#watches.size),
        piecesAhead: () => Math.min(PIECES_AHEAD, Math.floor(ALL_PIECES_AHEAD / this.#watches.size)),
        onUnused: () => this.#watches.delete(key),
      });
    this.#watches.set(key, watch);
    watch.join();
    return watch;
  }

  /** How many files are watched now. */
  get size(): number {
    return this.#watches.size;
  }

  /** How much of them is kept for those who come a little later. */
  get keptBytes(): number {
    return [...this.#watches.values()].reduce((sum, { keptBytes }) => sum + keptBytes, 0);
  }
}

interface Surroundings {
  countOnCluster(): number;
  recentBytes(): number;
  /** How many parts of 1 MiB may be read before they are asked for. */
  piecesAhead(): number;
  onUnused(): void;
}

/**
 * One file, however many follow it. It is looked at often while it grows and seldom while it rests, and read when a
 * follower asks for more: what one has read is kept for the others for a while (1 MiB a file, 32 MiB in all), and for one
 * who catches up, up to 3 MiB are read ahead (32 MiB in all). Nobody is waited for. A follower that asks for nothing has
 * nothing read for it; when it comes back it reads the file from where it was until it reaches what is kept.
 *
 * SFTP tells no inode (draft-ietf-secsh-filexfer-02, section 5), so a file counts as truncated or replaced when it is
 * shorter than what was read, or when the 256 bytes before the place that was read up to are other ones: looked at with
 * everything that is read further on, and where size or time changed without growth. What can't be told: a new file
 * that has the same 256 bytes there and differs only before them, and one of the same size and second that hasn't grown.
 */
export class FileWatch implements Disposable {
  readonly #files: RemoteFiles;
  readonly #path: string;
  readonly #log: Logger;
  readonly #surroundings: Surroundings;
  readonly #looked = new WakeUp();
  readonly #ending = new AbortController();
  readonly #recent = new RecentChunks();
  readonly #ahead = new ReadAhead((from, length) => this.#readBytes(from, length), SEAM_BYTES + LOOK_BACK_BYTES);
  /** Reads that are under way, by what they are for: whoever wants the same waits for the same. */
  readonly #reading = new Map<string, Promise<Followed>>();
  #users = 0;
  #status: FileStatus | null = null;
  #fault: RemoteFileError | null = null;
  #faults = 0;
  #looks = 0;
  #changedAt = performance.now();
  #version = 0;
  /** As far as anybody has read. */
  #furthest: Place | null = null;

  constructor(files: RemoteFiles, path: string, log: Logger, surroundings: Surroundings) {
    this.#files = files;
    this.#path = path;
    this.#log = log;
    this.#surroundings = surroundings;
  }

  /** As last seen; null: there is no such file, or nobody has looked yet. */
  get status(): FileStatus | null {
    return this.#status;
  }

  /** Why the cluster won't show the file, when that is its own answer and stays so. */
  get fault(): RemoteFileError | null {
    return this.#fault;
  }

  /** How many times the file was really looked at: two looks without growth mean more than two quick questions. */
  get looks(): number {
    return this.#looks;
  }

  get keptBytes(): number {
    return this.#recent.sizeBytes;
  }

  join(): void {
    this.#users += 1;
    if (this.#users === 1) void this.#run();
  }

  [Symbol.dispose](): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#surroundings.onUnused();
    this.#ending.abort();
  }

  /** Resolves after the next look at the file, or once the signal is aborted. */
  async nextLook(signal: AbortSignal): Promise<void> {
    await this.#looked.wait(signal);
  }

  /** A place in the file as it is now. */
  place(offset: number): Place {
    return { version: this.#version, offset, seam: NOTHING };
  }

  /** What follows a place. Throws what the connection throws. */
  async read(place: Place, mode: ReadMode): Promise<Followed> {
    if (place.version !== this.#version) return { kind: 'replaced' };
    const kept = this.#recent.at(place.offset);
    if (kept !== null) return this.#told(kept);
    if (mode === 'grown' && this.#status?.sizeBytes === place.offset) return { kind: 'end' };
    const key = `${place.offset}:${place.seam.length}:${mode}`;
    const reading = this.#reading.get(key) ?? this.#readOn(place, mode).finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }

  async #readOn({ version, offset, seam }: Place, mode: ReadMode): Promise<Followed> {
    const growth = (this.#status?.sizeBytes ?? 0) - offset;
    const backBytes = seam.length > 0 ? seam.length : Math.min(LOOK_BACK_BYTES, offset);
    const firstKept = this.#recent.firstBehind(offset);
    // Only what is there is asked for, so that little growth costs little; where none may have been seen, a little more.
    const wanted = mode === 'grown' && growth > 0 ? growth : Math.max(growth, SEAM_BYTES);
    const length = Math.min(wanted, MOST_CHUNK_BYTES - backBytes, (firstKept ?? Number.POSITIVE_INFINITY) - offset);
    const ahead = mode === 'last' ? null : this.#ahead.take(offset - backBytes);
    const read = await (ahead ?? this.#readBytes(offset - backBytes, backBytes + length));
    if (version !== this.#version) return { kind: 'replaced' };
    const before = read.subarray(0, backBytes);
    if (!before.subarray(0, seam.length).equals(seam)) {
      this.#replaced();
      return { kind: 'replaced' };
    }
    // A place that somebody named and that lies behind the end says nothing about what others have read.
    if (before.length < backBytes) return { kind: 'replaced' };
    const bytes = read.subarray(backBytes);
    // Where kept chunks follow, no character goes on. At the last, one that does will have no rest.
    const isEnd = offset + bytes.length === firstKept || (mode === 'last' && bytes.length < length);
    const { text, skipped, consumed } = decodeBytes(bytes, { before: seam.length > 0 ? NOTHING : before, isEnd });
    if (consumed === 0) return { kind: 'end' };
    const endOffset = offset + consumed;
    const chunk = { startOffset: offset + skipped, endOffset, text, isReset: false, ...GOES_ON };
    // A copy, or a few bytes would keep all that was read.
    const shared = { chunk, seam: Buffer.from(read.subarray(0, backBytes + consumed).subarray(-SEAM_BYTES)) };
    if (mode !== 'last') {
      this.#ahead.goOn(endOffset, firstKept ?? offset + growth, this.#surroundings.piecesAhead());
      this.#recent.add(shared, this.#surroundings.recentBytes());
    }
    const told = this.#told(shared);
    if (endOffset > (this.#furthest?.offset ?? 0)) this.#furthest = told.next;
    return told;
  }

  #told({ chunk, seam }: SharedChunk): Followed & { readonly kind: 'chunk' } {
    return { kind: 'chunk', chunk, next: { version: this.#version, offset: chunk.endOffset, seam } };
  }

  #readBytes(from: number, length: number): Promise<Buffer> {
    return this.#files.read(this.#path, from, length, this.#options());
  }

  #replaced(): void {
    this.#version += 1;
    this.#ahead.clear();
    this.#recent.clear();
    this.#furthest = null;
  }

  /** Never throws: a cluster that can't be asked is asked again, and followers wait meanwhile. */
  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      let pauseMs = FAULT_PAUSE_MS;
      try {
        const before = this.#status;
        const status = await this.#files.stat(this.#path, this.#options());
        const hasChanged =
          before?.sizeBytes !== status?.sizeBytes || before?.modifiedAt.getTime() !== status?.modifiedAt.getTime();
        if (hasChanged) {
          this.#changedAt = performance.now();
          if (status !== null && (before === null || status.sizeBytes <= before.sizeBytes))
            await this.#checkPlace(status);
        }
        this.#status = status;
        this.#looks += 1;
        this.#faults = 0;
        this.#fault = null;
        const silenceMs = performance.now() - this.#changedAt;
        const { countOnCluster } = this.#surroundings;
        pauseMs = lookPauseMs(silenceMs, countOnCluster(), this.#files.transport ?? 'sftp');
      } catch (cause) {
        if (!signal.aborted) this.#noteFault(cause);
      }
      this.#recent.trim(this.#surroundings.recentBytes());
      this.#looked.notify();
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The file has changed otherwise than by growing: is it still the one that was read? */
  async #checkPlace({ sizeBytes }: FileStatus): Promise<void> {
    const place = this.#furthest;
    if (place === null || sizeBytes > place.offset) return;
    const { offset, seam, version } = place;
    const bytes = await this.#readBytes(offset - seam.length, seam.length);
    if (version === this.#version && !bytes.equals(seam)) this.#replaced();
  }

  #noteFault(cause: unknown): void {
    this.#log.debug({ err: cause }, `${this.#path}: can't be looked at`);
    if (!(cause instanceof RemoteFileError)) return;
    this.#faults += 1;
    // A file that is opened as it goes, or one that is replaced on a network file system, may fail once.
    if (this.#faults >= LASTING_FAULTS) this.#fault = cause;
  }

  #options() {
    return { timeoutMs: REQUEST_TIMEOUT_MS, signal: this.#ending.signal };
  }
}
