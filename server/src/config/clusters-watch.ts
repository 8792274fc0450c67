import { type FSWatcher, watch } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ClusterSettings } from '../domain/cluster.ts';
import { messageOf } from '../domain/thrown.ts';
import { codeOf, FileFault, LocalDisk } from '../files/index.ts';
import { firstThere, parseClusters, readClustersText } from './clusters-file.ts';
import { ConfigurationError } from './environment.ts';

export interface ClustersWatchEvents {
  /** The file has another content, which is right. */
  onSettings(settings: readonly ClusterSettings[]): void;
  /** What lies there now can't be used. The message is one line a fault, with its place. */
  onFault(message: string): void;
}

export interface WatchTiming {
  /** Editors write in several steps: the file counts once it has been left alone for this long. */
  readonly settleMs: number;
  /** What is gone, empty, or has fewer clusters is likely on its way to its new content, and gets longer. */
  readonly settleLessMs: number;
  /** Changes that the system tells nothing of (network file systems, symbolic links) are found this late at most. */
  readonly lookMs: number;
}

const TIMING: WatchTiming = { settleMs: 300, settleLessMs: 2_000, lookMs: 5_000 };

/** However many events a busy folder brings, the file is looked at no more often. */
const EVENTS_TOGETHER_MS = 50;

/**
 * Follows clusters.yaml while the server runs. It watches folders rather than the file, which editors replace by
 * renaming and Kubernetes by turning a symbolic link, and looks at the file itself now and then. Of several, it follows
 * the first that is there, also when that one comes later.
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
  /** The text or the fault that was told last. */
  #told: string | undefined;
  #seen = '';
  /** How long it has been left alone by the time it is read. */
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

  /** Tells what the file holds now, and from then on each change. `names`: the clusters that are in force already. */
  start(names: readonly string[] = []): void {
    this.#names = names;
    this.#looking = setInterval(() => this.#then(() => this.#look()), this.#timing.lookMs);
    this.#then(() => this.#look());
  }

  /** Nothing is told any more. A disk that hangs isn't waited for. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#noticing);
    clearTimeout(this.#settling);
    clearInterval(this.#looking);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** One thing at a time. What is handed in must not throw. */
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
    this.#watchFolders(look.folders);
    const { settleMs, settleLessMs } = this.#timing;
    if (look.signature !== this.#seen) this.#settle(look, look.isEmpty ? settleLessMs : settleMs);
  }

  /** Never throws. */
  async #lookNow(): Promise<Look> {
    // One that goes is no reason to read another: it may be on its way to its new content.
    const before = this.#paths.slice(0, this.#paths.indexOf(this.#inForce));
    try {
      return await this.#disk.ask(async () => lookAt((await firstThere(before)) ?? this.#inForce));
    } catch (cause) {
      const folders = [...this.#watchers.keys()];
      return { path: this.#inForce, signature: String(cause), isEmpty: false, folders };
    }
  }

  /** Reads the file once it has stayed as it is now. */
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

  /** Those that the last look has seen, so that none is on a disk that hangs: the system's call would wait for it. */
  #watchFolders(folders: readonly string[]): void {
    for (const [folder, watcher] of this.#watchers) {
      if (folders.includes(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) {
      if (this.#watchers.has(folder) || this.#isStopped) continue;
      try {
        const watcher = watch(folder, () => this.#noticed());
        watcher.on('error', () => {
          watcher.close();
          if (this.#watchers.get(folder) === watcher) this.#watchers.delete(folder);
        });
        this.#watchers.set(folder, watcher);
      } catch {
        // No such folder, or the system has no watch left: what happens is seen by looking, some seconds later.
      }
    }
  }
}

interface Look {
  /** The file that counts. */
  readonly path: string;
  /** Differs whenever the file may. */
  readonly signature: string;
  /** Nothing to read: it is gone or empty. */
  readonly isEmpty: boolean;
  /** That of its name, and the one that it leads to. */
  readonly folders: readonly string[];
}

/** Never throws. */
async function lookAt(path: string): Promise<Look> {
  const target = await realpath(path).catch(() => path);
  const folders = [...new Set([dirname(path), dirname(target)])];
  // Of a link that leads nowhere, there is nothing else to tell it from no file.
  const own = await lstat(path).then(({ ino }) => ino, codeOf);
  try {
    const { dev, ino, mode, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    const signature = [path, own, dev, ino, mode, size, mtimeNs, ctimeNs].join(' ');
    return { path, signature, isEmpty: size === 0n, folders };
  } catch (cause) {
    return { path, signature: `${path} ${own} ${codeOf(cause)}`, isEmpty: true, folders };
  }
}
