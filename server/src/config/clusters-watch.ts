import { type FSWatcher, watch } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ClusterSettings } from '../domain/cluster.ts';
import { messageOf } from '../domain/thrown.ts';
import { codeOf, FileFault, LocalDisk } from '../files/index.ts';
import { firstThere, parseClusters, readClustersText } from './clusters-file.ts';
import { ConfigurationError } from './environment.ts';

export interface ClustersWatchEvents {
  /** The file has new, valid content. */
  onSettings(settings: readonly ClusterSettings[]): void;
  /** The file can't be used. The message has one line for each fault, with its position. */
  onFault(message: string): void;
}

export interface WatchTiming {
  /** Editors write in several steps: the file counts once it has been left alone for this long. */
  readonly settleMs: number;
  /** A file that is gone, empty, or lost clusters is probably being written, and gets more time. */
  readonly settleLessMs: number;
  /** Changes without an event (network file systems, symbolic links) are found within this time. */
  readonly lookMs: number;
}

const TIMING: WatchTiming = { settleMs: 300, settleLessMs: 2_000, lookMs: 5_000 };

/** The file is read at most once in this time, however many events a busy directory has. */
const EVENTS_TOGETHER_MS = 50;

/**
 * Follows clusters.yaml while the server runs. It watches directories, because editors replace the file by renaming and
 * Kubernetes by changing a symbolic link, and also looks at the file itself now and then. Of several files, it follows
 * the first that exists, even if that one appears later.
 */
export class ClustersWatch {
  readonly #paths: readonly string[];
  readonly #events: ClustersWatchEvents;
  readonly #timing: WatchTiming;
  readonly #disk: LocalDisk;
  readonly #watchers = new Map<string, FSWatcher>();
  /** The file whose content is in force, and the names of its clusters. */
  #inForce: string;
  #names: readonly string[] = [];
  /** The text or the fault that was reported last. */
  #told: string | undefined;
  #seen = '';
  /** How long the file must be unchanged before it is read. */
  #settledMs = 0;
  #noticing: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(
    paths: readonly [string, ...string[]],
    events: ClustersWatchEvents,
    { disk = new LocalDisk(1), ...timing }: Partial<WatchTiming> & { readonly disk?: LocalDisk } = {},
  ) {
    this.#paths = paths;
    this.#inForce = paths.at(-1) ?? paths[0];
    this.#events = events;
    this.#timing = { ...TIMING, ...timing };
    this.#disk = disk;
  }

  /** Reports the file's content now, and then each change. `names`: the clusters that are in force already. */
  start(names: readonly string[] = []): void {
    this.#names = names;
    this.#looking = setInterval(() => this.#then(() => this.#look()), this.#timing.lookMs);
    this.#then(() => this.#look());
  }

  /** Reports nothing more. Doesn't wait for a disk that hangs. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#noticing);
    clearTimeout(this.#settling);
    clearInterval(this.#looking);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Runs one task at a time. A task must not throw. */
  #then(work: () => Promise<void>): void {
    this.#working = this.#working.then(() => (this.#isStopped ? undefined : work()));
  }

  #noticed(): void {
    if (this.#noticing !== undefined || this.#isStopped) return;
    this.#noticing = setTimeout(() => {
      this.#noticing = undefined;
      this.#then(() => this.#look());
    }, EVENTS_TOGETHER_MS);
  }

  /** Never throws. */
  async #look(): Promise<void> {
    const look = await this.#lookNow();
    this.#watchDirectories(look.directories);
    const { settleMs, settleLessMs } = this.#timing;
    if (look.signature !== this.#seen) this.#settle(look, look.isEmpty ? settleLessMs : settleMs);
  }

  /** Never throws. */
  async #lookNow(): Promise<Look> {
    // A file that goes is no reason to read another: it may be in the course of being replaced.
    const before = this.#paths.slice(0, this.#paths.indexOf(this.#inForce));
    try {
      return await this.#disk.ask(async () => lookAt((await firstThere(before)) ?? this.#inForce));
    } catch (cause) {
      const directories = [...this.#watchers.keys()];
      return { path: this.#inForce, signature: String(cause), isEmpty: false, directories };
    }
  }

  /** Reads the file once it has stayed unchanged. */
  #settle(look: Look, delayMs: number): void {
    this.#seen = look.signature;
    this.#settledMs = delayMs;
    clearTimeout(this.#settling);
    if (this.#isStopped) return;
    this.#settling = setTimeout(() => this.#then(() => this.#read(look.path)), delayMs);
  }

  /** Never throws. */
  async #read(path: string): Promise<void> {
    const read = await this.#parsed(path);
    const look = await this.#lookNow();
    const { settleMs, settleLessMs } = this.#timing;
    if (look.signature !== this.#seen) return this.#settle(look, settleMs);
    if (this.#isStopped || read.content === this.#told) return;
    const isLess = this.#names.some((name) => !read.settings?.some((cluster) => cluster.name === name));
    if (isLess && this.#settledMs < settleLessMs) return this.#settle(look, settleLessMs);
    this.#told = read.content;
    if (read.settings === null) return this.#events.onFault(read.content);
    this.#inForce = path;
    this.#names = read.settings.map(({ name }) => name);
    this.#events.onSettings(read.settings);
  }

  /** What the file holds; without settings, the content is the fault. Never throws. */
  async #parsed(path: string): Promise<{ content: string; settings: readonly ClusterSettings[] | null }> {
    try {
      const content = await readClustersText(path, this.#disk);
      return { content, settings: parseClusters(content, path, this.#names.length > 0) };
    } catch (cause) {
      const fault = cause instanceof ConfigurationError ? cause.cause : cause;
      const isGone = fault instanceof FileFault && fault.found === 'nothing';
      const content = isGone ? `${path}: the file is gone` : messageOf(cause);
      return { content, settings: null };
    }
  }

  /** Only directories that were just seen: watching one on a disk that hangs would block. */
  #watchDirectories(directories: readonly string[]): void {
    for (const [directory, watcher] of this.#watchers) {
      if (directories.includes(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of directories) {
      if (this.#watchers.has(directory) || this.#isStopped) continue;
      try {
        const watcher = watch(directory, () => this.#noticed());
        watcher.on('error', () => {
          watcher.close();
          if (this.#watchers.get(directory) === watcher) this.#watchers.delete(directory);
        });
        this.#watchers.set(directory, watcher);
      } catch {
        // No such directory, or the system has no watch left: changes are found by looking, some seconds later.
      }
    }
  }
}

interface Look {
  /** The file that is used. */
  readonly path: string;
  /** Changes whenever the file may have changed. */
  readonly signature: string;
  /** Nothing to read: it is gone or empty. */
  readonly isEmpty: boolean;
  /** The directory of its name, and that of the file it links to. */
  readonly directories: readonly string[];
}

/** Never throws. */
async function lookAt(path: string): Promise<Look> {
  const target = await realpath(path).catch(() => path);
  const directories = [...new Set([dirname(path), dirname(target)])];
  // A dangling link differs from no file only here.
  const own = await lstat(path).then(({ ino }) => ino, codeOf);
  try {
    const { dev, ino, mode, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    const signature = [path, own, dev, ino, mode, size, mtimeNs, ctimeNs].join(' ');
    return { path, signature, isEmpty: size === 0n, directories };
  } catch (cause) {
    return { path, signature: `${path} ${own} ${codeOf(cause)}`, isEmpty: true, directories };
  }
}
