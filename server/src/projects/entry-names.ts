import type { BytePath } from './paths.ts';

export interface DirectoryEntry {
  readonly name: BytePath;
  readonly isDirectory: boolean;
}

/** How many more paths are taken, and how long they may be together. */
export interface Room {
  readonly files: number;
  readonly bytes: number;
}

const DOT_GIT = Buffer.from('.git');
const DIRECTORY = 0x64;
const OTHER = 0x2d;

/**
 * What a directory holds, as it comes from the thread that reads it: a kind, a name and a zero for each. A million objects
 * would be put together in one go by the thread that all else waits for.
 */
export class Names {
  #bytes = new Uint8Array(4096);
  #end = 0;
  /** Names, and their bytes. */
  count = 0;
  length = 0;

  add(name: Uint8Array, isDirectory: boolean): void {
    if (DOT_GIT.equals(name)) return;
    this.#makeRoom(name.length + 2);
    this.#bytes[this.#end] = isDirectory ? DIRECTORY : OTHER;
    this.#bytes.set(name, this.#end + 1);
    // Behind it is a zero, as all was at first.
    this.#end += name.length + 2;
    this.count += 1;
    this.length += name.length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#end);
  }

  #makeRoom(length: number): void {
    if (this.#end + length <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * this.#bytes.length + length);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** What stands in the bytes, one after another as it is asked for. */
export function* entriesIn(names: Uint8Array): Generator<DirectoryEntry> {
  const bytes = Buffer.from(names.buffer, names.byteOffset, names.byteLength);
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    yield { name: bytes.toString('latin1', start + 1, end), isDirectory: bytes[start] === DIRECTORY };
    start = end + 1;
  }
}
