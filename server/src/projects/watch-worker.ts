import { type FSWatcher, watch } from 'node:fs';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { onDisk } from './paths.ts';

/** Takes the place of what was asked for the same owner before. */
export interface WatchRequest {
  readonly owner: string;
  /** One character a byte, below `top`; "" is that itself. */
  readonly directories: readonly (readonly [top: string, below: string])[];
}

/** `isComplete`: all that was asked for is watched. `isNew`: some of it wasn't before, so a change may have been missed. */
export type WatchReply =
  | { readonly kind: 'watched'; readonly isComplete: boolean; readonly isNew: boolean }
  | { readonly kind: 'changed'; readonly owner: string };

/** What happens within this time is told as one change. */
const TOGETHER_MS = 200;
/** Codes by which the system says that it watches no more. */
const FULL = ['ENOSPC', 'EMFILE', 'ENOMEM'];

// Runs in a thread of its own: to begin to watch a directory may take for ever on a disk that hangs.
if (parentPort !== null) watchFor(parentPort);

function watchFor(port: MessagePort): void {
  const watched = new Map<string, Map<string, FSWatcher>>();
  const changed = new Map<string, NodeJS.Timeout>();
  const tell = (reply: WatchReply) => port.postMessage(reply);
  const onChange = (owner: string) => {
    if (changed.has(owner) || !watched.has(owner)) return;
    const timer = setTimeout(() => {
      changed.delete(owner);
      tell({ kind: 'changed', owner });
    }, TOGETHER_MS);
    changed.set(owner, timer);
  };
  port.on('message', ({ owner, directories }: WatchRequest) => {
    const before = watched.get(owner) ?? new Map<string, FSWatcher>();
    const now = new Map<string, FSWatcher>();
    let isComplete = true;
    let isNew = false;
    for (const [top, below] of directories) {
      const key = `${top}\0${below}`;
      const kept = before.get(key);
      before.delete(key);
      const watcher = kept ?? (isComplete ? open(top, below, () => onChange(owner)) : 'FULL');
      if (watcher === 'FULL') isComplete = false;
      else if (watcher !== null) now.set(key, watcher);
      if (kept === undefined && watcher !== null) isNew = true;
    }
    for (const watcher of before.values()) watcher.close();
    if (now.size > 0) watched.set(owner, now);
    else watched.delete(owner);
    tell({ kind: 'watched', isComplete, isNew });
  });
}

/** Null: there is no such directory that can be watched, any more. */
function open(top: string, below: string, onEvent: () => void): FSWatcher | 'FULL' | null {
  try {
    const watcher = watch(below === '' ? top : onDisk(top, below), { persistent: false }, onEvent);
    watcher.on('error', onEvent);
    return watcher;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    return FULL.includes(code) ? 'FULL' : null;
  }
}
