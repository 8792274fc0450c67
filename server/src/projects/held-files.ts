import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Of the files that are looked at side by side: the process has few threads for all disks. */
const SIDE_BY_SIDE = 2;

/** What the files of a directory take, kept by whoever writes and removes them: looking at all takes long, as there may be many. */
export class HeldFiles {
  readonly #directory: string;
  readonly #sizes = new Map<string, number>();
  #bytes = 0;
  #counting: Promise<void> | null = null;
  #isCounted = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** All of them, in bytes. The first time, the directory is looked at. */
  async bytes(): Promise<number> {
    if (!this.#isCounted) await this.count();
    return this.#bytes;
  }

  /** A file was written. */
  async added(name: string): Promise<void> {
    this.#note(name, (await stat(join(this.#directory, name))).size);
  }

  removed(name: string): void {
    this.#note(name, 0);
  }

  /** Looks at the directory, in which others may have removed something. */
  count(): Promise<void> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = null;
    });
    return this.#counting;
  }

  async #count(): Promise<void> {
    const names = new Set([...(await readdir(this.#directory)), ...this.#sizes.keys()]).values();
    const look = async () => {
      for (const name of names) this.#note(name, await sizeOf(join(this.#directory, name)));
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, look));
    this.#isCounted = true;
  }

  #note(name: string, size: number): void {
    this.#bytes += size - (this.#sizes.get(name) ?? 0);
    if (size === 0) this.#sizes.delete(name);
    else this.#sizes.set(name, size);
  }
}

/** 0 where there is nothing. */
export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}
