import { type FSWatcher, watch } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ClusterSettings } from '../domain/cluster.ts';
import { exists, parseClusters } from './clusters-file.ts';
import { ConfigurationError } from './environment.ts';

export interface ClustersWatchEvents {
  /** The file has another content, which is right. */
  onSettings(settings: readonly ClusterSettings[]): void;
  /** The file has another content, or none, and it can't be used. The message is one line a fault, with its place. */
  onFault(message: string): void;
}

export interface WatchTiming {
  /** Editors write in several steps: the file counts once it has been left alone for this long. */
  readonly settleMs: number;
  /** A file that is gone or empty is likely on its way to its new content, and gets longer. */
  readonly settleEmptyMs: number;
  /** Changes that the system tells nothing of (network file systems, symbolic links) are found this late at most. */
  readonly lookMs: number;
}

const TIMING: WatchTiming = { settleMs: 300, settleEmptyMs: 2_000, lookMs: 5_000 };

/** However many events a busy folder brings, the file is looked at no more often. */
const EVENTS_TOGETHER_MS = 50;

/**
 * Follows clusters.yaml while the server runs. It watches folders rather than the file, which editors replace by
 * renaming and Kubernetes by turning a symbolic link, and looks at the file itself now and then. Of several, it follows
 * the first that is there, also when that one comes later.
 */
export class ClustersWatch {
  readonly #paths: readonly string[];
  #path: string;
  readonly #events: ClustersWatchEvents;
  readonly #timing: WatchTiming;
  readonly #watchers = new Map<string, FSWatcher>();
  #known: string | null | undefined;
  #seen = '';
  #noticing: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(paths: readonly [string, ...string[]], events: ClustersWatchEvents, timing: Partial<WatchTiming> = {}) {
    this.#paths = paths;
    this.#path = paths.at(-1) ?? paths[0];
    this.#events = events;
    this.#timing = { ...TIMING, ...timing };
  }

  /** Tells what the file holds now, and from then on each change. */
  start(): void {
    this.#looking = setInterval(() => this.#then(() => this.#look()), this.#timing.lookMs);
    this.#then(() => this.#look());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#noticing);
    clearTimeout(this.#settling);
    clearInterval(this.#looking);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#working;
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
    // One that goes is no reason to read another: it may be on its way to its new content.
    for (const path of this.#paths.slice(0, this.#paths.indexOf(this.#path))) {
      if (!(await exists(path))) continue;
      this.#path = path;
      break;
    }
    await this.#watchFolders();
    const look = await lookAt(this.#path);
    if (look.signature !== this.#seen) this.#settle(look);
  }

  /** Reads the file once it has stayed as it is now. */
  #settle(look: Look): void {
    this.#seen = look.signature;
    clearTimeout(this.#settling);
    if (this.#isStopped) return;
    const { settleMs, settleEmptyMs } = this.#timing;
    this.#settling = setTimeout(() => this.#then(() => this.#read()), look.isEmpty ? settleEmptyMs : settleMs);
  }

  /** Never throws. */
  async #read(): Promise<void> {
    const path = this.#path;
    const text = await readIfThere(path).catch((cause: unknown) => new Error(`can't be read: ${cause}`));
    const look = await lookAt(path);
    if (look.signature !== this.#seen) return this.#settle(look);
    const content = text instanceof Error ? text.message : text;
    if (content === this.#known || this.#isStopped) return;
    this.#known = content;
    try {
      if (text instanceof Error) this.#events.onFault(`${path}: ${text.message}`);
      else if (text === null) this.#events.onFault(`${path}: the file is gone`);
      else this.#events.onSettings(parseClusters(text, path));
    } catch (cause) {
      this.#events.onFault(cause instanceof ConfigurationError ? cause.message : String(cause));
    }
  }

  /** The folder of the name, and the one that it leads to. Never throws. */
  async #watchFolders(): Promise<void> {
    const target = await realpath(this.#path).catch(() => this.#path);
    const folders = new Set([dirname(this.#path), dirname(target)]);
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
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
  /** Differs whenever the file may. */
  readonly signature: string;
  /** Nothing to read: it is gone or empty. */
  readonly isEmpty: boolean;
}

async function lookAt(path: string): Promise<Look> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return { signature: [dev, ino, size, mtimeNs, ctimeNs].join(' '), isEmpty: size === 0n };
  } catch (cause) {
    return { signature: String(cause instanceof Error && 'code' in cause ? cause.code : cause), isEmpty: true };
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw cause;
  }
}
