import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from '../domain/job.ts';
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
/** A fault of the file system that is seen this often in a row counts as lasting. */
const LASTING_FAULTS = 3;
/** The most that one read returns and one message carries. */
const MOST_CHUNK_BYTES = 1024 * 1024;
/** How much of the last reads is kept, for one file and for all; as text it takes up to twice the memory. */
const RECENT_BYTES = 1024 * 1024;
const ALL_RECENT_BYTES = 32 * 1024 * 1024;
/** Pieces of 1 MiB that are read ahead for a follower that catches up. */
const PIECES_AHEAD = 3;
const ALL_PIECES_AHEAD = 32;
/** How many bytes before a place are compared to recognise the file. */
const SEAM_BYTES = 256;
const NOTHING = Buffer.alloc(0);

/** A place in one version of a file, from where reading continues. */
export interface Place {
  /** Which version: it grows when the file is found to be truncated or replaced. */
  readonly version: number;
  readonly offset: number;
  /** The bytes before `offset`, as far as they were read; none at the beginning. */
  readonly seam: Buffer;
}

/**
 * `grown`: reads only if growth has been seen. `opened`: in any case, because a network file system may show sizes late
 * but must show an opened file as it is (close-to-open consistency, man 5 nfs). `last`: the same, and includes an
 * incomplete character at the end.
 */
export type ReadMode = 'grown' | 'opened' | 'last';

export type Followed =
  | { readonly kind: 'chunk'; readonly chunk: LogChunk; readonly next: Place }
  /** Nothing follows the place yet. */
  | { readonly kind: 'end' }
  /** The file is another one than the place belongs to: start over from the beginning. */
  | { readonly kind: 'replaced' };

/** All followed files, each watched and read once for all its followers. */
export class FileWatches {
  readonly #watches = new Map<string, FileWatch>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Shares the watch of a cluster's file until it is closed; the last one to close it ends the watch. */
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

  /** How much of them is kept for slightly later followers. */
  get keptBytes(): number {
    return [...this.#watches.values()].reduce((sum, { keptBytes }) => sum + keptBytes, 0);
  }
}

interface Surroundings {
  countOnCluster(): number;
  recentBytes(): number;
  /** How many pieces of 1 MiB may be read ahead. */
  piecesAhead(): number;
  onUnused(): void;
}

/**
 * One file with any number of followers. Its status is read often while it grows and rarely while it doesn't; its
 * content is read when a follower asks for more. What one follower has read is kept for the others for a while (1 MiB
 * for a file, 32 MiB in total), and up to 3 MiB are read ahead for one that catches up (32 MiB in total). No follower
 * waits for another. A follower that asks for nothing causes no reads; later it reads the file from its place until it
 * reaches what is kept.
 *
 * SFTP reports no inode (draft-ietf-secsh-filexfer-02, section 5), so a file counts as truncated or replaced if it is
 * shorter than what was read, or if the 256 bytes before the place have changed. They are compared with each further
 * read, and when size or time changed without growth. Not detected: a new file that has the same 256 bytes there, and
 * one of the same size and second.
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
  /** Reads in progress, by their purpose: equal requests share one. */
  readonly #reading = new Map<string, Promise<Followed>>();
  #users = 0;
  #status: FileStatus | null = null;
  #fault: RemoteFileError | null = null;
  #faults = 0;
  #looks = 0;
  /** Of looks that failed, too. */
  #attempts = 0;
  #asked: { readonly attempt: number; readonly job: Promise<Job> } | null = null;
  #changedAt = performance.now();
  #version = 0;
  /** The furthest place that was read. */
  #furthest: Place | null = null;

  constructor(files: RemoteFiles, path: string, log: Logger, surroundings: Surroundings) {
    this.#files = files;
    this.#path = path;
    this.#log = log;
    this.#surroundings = surroundings;
  }

  /** As last seen; null: there is no such file, or its status was not read yet. */
  get status(): FileStatus | null {
    return this.#status;
  }

  /** Why the cluster refuses to show the file, if that lasts. */
  get fault(): RemoteFileError | null {
    return this.#fault;
  }

  /** How often the status was read. */
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

  /** Resolves after the next status, or once the signal is aborted. */
  async nextLook(signal: AbortSignal): Promise<void> {
    await this.#looked.wait(signal);
  }

  /** The job whose file this is, as `ask` gave it to the first follower that asked since the last look. */
  job(ask: () => Promise<Job>): Promise<Job> {
    if (this.#asked?.attempt !== this.#attempts) this.#asked = { attempt: this.#attempts, job: ask() };
    return this.#asked.job;
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
    // Requests only what is there, so that small growth costs little; a little more if growth may be unseen.
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
    // A place beyond the end that a client named says nothing about what others have read.
    if (before.length < backBytes) return { kind: 'replaced' };
    const bytes = read.subarray(backBytes);
    // No character continues into kept chunks. At the last read, an incomplete one stays incomplete.
    const isEnd = offset + bytes.length === firstKept || (mode === 'last' && bytes.length < length);
    const { text, skipped, consumed } = decodeBytes(bytes, { before: seam.length > 0 ? NOTHING : before, isEnd });
    if (consumed === 0) return { kind: 'end' };
    const endOffset = offset + consumed;
    const chunk = { startOffset: offset + skipped, endOffset, text, isReset: false, ...GOES_ON };
    // A copy, or a few bytes would keep the whole read in memory.
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

  /** Never throws: while the cluster can't be reached, it retries and followers wait. */
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
      this.#attempts += 1;
      this.#looked.notify();
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Whether a file that changed without growing is still the one that was read. */
  async #checkPlace({ sizeBytes }: FileStatus): Promise<void> {
    const place = this.#furthest;
    if (place === null || sizeBytes > place.offset) return;
    const { offset, seam, version } = place;
    const bytes = await this.#readBytes(offset - seam.length, seam.length);
    if (version === this.#version && !bytes.equals(seam)) this.#replaced();
  }

  #noteFault(cause: unknown): void {
    this.#log.debug({ err: cause }, `${this.#path}: its status can't be read`);
    if (!(cause instanceof RemoteFileError)) return;
    this.#faults += 1;
    // A file that is removed while it is opened, or replaced on a network file system, may fail once.
    if (this.#faults >= LASTING_FAULTS) this.#fault = cause;
  }

  #options() {
    return { timeoutMs: REQUEST_TIMEOUT_MS, signal: this.#ending.signal };
  }
}
