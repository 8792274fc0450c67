import { closeSync, constants, existsSync } from 'node:fs';
import { type OwnPlaces, refuseOwn } from './own-places.ts';
import { type BytePath, onDisk, parentOf } from './paths.ts';

const TOP = constants.O_RDONLY | constants.O_DIRECTORY;
const BELOW = TOP | constants.O_NOFOLLOW;
/** Paths can be thousands of directories deep. */
const MOST_OPEN = 100;
/** By these Linux reaches what is in an open directory, whatever has its name by now. */
const DESCRIPTORS = '/proc/self/fd';

interface OpenDirectory {
  readonly path: BytePath;
  readonly descriptor: number;
  /** By which the file system reaches it. */
  readonly name: Buffer;
  /** What the names in it begin with that are the server's own. */
  readonly ownNames: readonly string[];
}

/**
 * The directories on the way to files of a work tree, each opened in the one before. None is a link, so no file is
 * reached that lies elsewhere; nor if a link takes a directory's place meanwhile, where there is a /proc.
 *
 * Each directory is opened once as long as paths come in order, as git lists them. A tree of a few KiB can name
 * millions of directories: it holds those on the way to the last one, and looks for nothing below one that is missing.
 */
export class OpenDirectories implements Disposable {
  readonly #root: string;
  readonly #open: (path: BytePath, name: Buffer, flags: number) => number | null;
  readonly #own: OwnPlaces;
  readonly #hasDescriptors = existsSync(DESCRIPTORS);
  /** Each in the one before. Of very many, the first are closed. */
  readonly #directories: OpenDirectory[] = [];
  #missing: BytePath | null = null;

  /** `open` gives a descriptor; null: what is there is no directory. Below `own`, nothing is reached. */
  constructor(root: string, open: (path: BytePath, name: Buffer, flags: number) => number | null, own: OwnPlaces) {
    this.#root = root;
    this.#open = open;
    this.#own = own;
  }

  /** The name for the file system of what lies in a directory. Null: no such directory, or only behind a link. Throws GitError. */
  entry(path: BytePath): Buffer | null {
    const directory = this.#enter(parentOf(path));
    return directory && nameIn(directory, path);
  }

  /** The name for the file system of a directory. Null: it is not there, or only behind a link. Throws GitError. */
  directory(path: BytePath): Buffer | null {
    const directory = this.#enter(path);
    return directory?.name ?? null;
  }

  [Symbol.dispose](): void {
    closeAll(this.#directories.splice(0));
  }

  #enter(path: BytePath): OpenDirectory | null {
    if (this.#missing !== null && isIn(path, this.#missing)) return null;
    this.#missing = null;
    let last = this.#directories.at(-1);
    while (last !== undefined && !isIn(path, last.path)) {
      closeAll(this.#directories.splice(-1));
      last = this.#directories.at(-1);
    }
    let directory = last ?? this.#add('', Buffer.from(this.#root), TOP);
    while (directory !== null && directory.path !== path) {
      const end = path.indexOf('/', directory.path === '' ? 0 : directory.path.length + 1);
      const next = end === -1 ? path : path.slice(0, end);
      directory = this.#add(next, nameIn(directory, next), BELOW);
    }
    return directory;
  }

  #add(path: BytePath, entry: Buffer, flags: number): OpenDirectory | null {
    const descriptor = this.#open(path, entry, flags);
    if (descriptor === null) {
      this.#missing = path;
      return null;
    }
    const name = this.#hasDescriptors ? Buffer.from(`${DESCRIPTORS}/${descriptor}`) : onDisk(this.#root, path);
    const directory = { path, descriptor, name, ownNames: this.#own.namesIn(descriptor) };
    this.#directories.push(directory);
    if (this.#directories.length > MOST_OPEN) closeAll(this.#directories.splice(0, 1));
    return directory;
  }
}

function closeAll(directories: readonly OpenDirectory[]): void {
  for (const { descriptor } of directories) closeSync(descriptor);
}

function nameIn(directory: OpenDirectory, path: BytePath): Buffer {
  refuseOwn(path, directory.ownNames);
  const name = path.slice(path.lastIndexOf('/') + 1);
  return Buffer.concat([directory.name, Buffer.from(`/${name}`, 'latin1')]);
}

/** Whether a path is that of a directory or lies below it. */
function isIn(path: BytePath, directory: BytePath): boolean {
  if (directory === '') return true;
  return path.startsWith(directory) && (path.length === directory.length || path[directory.length] === '/');
}
