import { closeSync, constants, existsSync } from 'node:fs';
import { type BytePath, onDisk, parentOf } from './paths.ts';

const TOP = constants.O_RDONLY | constants.O_DIRECTORY;
const BELOW = TOP | constants.O_NOFOLLOW;
/** Paths can be thousands of folders deep. */
const MOST_OPEN = 100;
/** Linux reaches what is in an open folder by these, whatever has taken the place of the folder's name. */
const DESCRIPTORS = '/proc/self/fd';

interface OpenFolder {
  readonly path: BytePath;
  readonly descriptor: number;
  /** By which the file system reaches it. */
  readonly name: Buffer;
}

/**
 * The folders on the way to files of a work tree, each opened in the one before. None is a link, so no file is reached
 * that lies elsewhere; nor if a link takes a folder's place meanwhile, where there is a /proc.
 *
 * Each folder is opened once as long as paths come in order, as git lists them. A tree of a few KiB can name millions of
 * folders: it holds those on the way to the last one, and looks for nothing below one that is missing.
 */
export class OpenFolders implements Disposable {
  readonly #directory: string;
  readonly #open: (path: BytePath, name: Buffer, flags: number) => number | null;
  readonly #hasDescriptors = existsSync(DESCRIPTORS);
  /** Each in the one before. Of very many, the first are closed. */
  readonly #folders: OpenFolder[] = [];
  #missing: BytePath | null = null;

  /** `open` gives a descriptor; null: what is there is no folder. */
  constructor(directory: string, open: (path: BytePath, name: Buffer, flags: number) => number | null) {
    this.#directory = directory;
    this.#open = open;
  }

  /** The name for the file system of what a folder holds. Null: the folder is not there, or only behind a link. */
  entry(path: BytePath): Buffer | null {
    const folder = this.#enter(parentOf(path));
    return folder && nameIn(folder, path);
  }

  /** The name for the file system of a folder. Null: it is not there, or only behind a link. */
  folder(path: BytePath): Buffer | null {
    const folder = this.#enter(path);
    return folder?.name ?? null;
  }

  [Symbol.dispose](): void {
    closeAll(this.#folders.splice(0));
  }

  #enter(path: BytePath): OpenFolder | null {
    if (this.#missing !== null && isIn(path, this.#missing)) return null;
    this.#missing = null;
    let last = this.#folders.at(-1);
    while (last !== undefined && !isIn(path, last.path)) {
      closeAll(this.#folders.splice(-1));
      last = this.#folders.at(-1);
    }
    let folder = last ?? this.#add('', Buffer.from(this.#directory), TOP);
    while (folder !== null && folder.path !== path) {
      const end = path.indexOf('/', folder.path === '' ? 0 : folder.path.length + 1);
      const next = end === -1 ? path : path.slice(0, end);
      folder = this.#add(next, nameIn(folder, next), BELOW);
    }
    return folder;
  }

  #add(path: BytePath, entry: Buffer, flags: number): OpenFolder | null {
    const descriptor = this.#open(path, entry, flags);
    if (descriptor === null) {
      this.#missing = path;
      return null;
    }
    const name = this.#hasDescriptors ? Buffer.from(`${DESCRIPTORS}/${descriptor}`) : onDisk(this.#directory, path);
    const folder = { path, descriptor, name };
    this.#folders.push(folder);
    if (this.#folders.length > MOST_OPEN) closeAll(this.#folders.splice(0, 1));
    return folder;
  }
}

function closeAll(folders: readonly OpenFolder[]): void {
  for (const { descriptor } of folders) closeSync(descriptor);
}

function nameIn(folder: OpenFolder, path: BytePath): Buffer {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return Buffer.concat([folder.name, Buffer.from(`/${name}`, 'latin1')]);
}

/** Whether a path is that of a folder or lies below it. */
function isIn(path: BytePath, folder: BytePath): boolean {
  if (folder === '') return true;
  return path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/');
}
