import { glob } from 'node:fs/promises';
import { devNull } from 'node:os';
import { FileFault, LocalDisk, readRegularFile } from '../../files/index.ts';

/** More than the known_hosts of a site that lists every machine with all of its keys. */
const MAXIMUM_BYTES = 32 * 1024 * 1024;

/** The disk of the home directory: at most two reads wait for it. */
const disk = new LocalDisk(2);

/** The content of a file; undefined if there is none. Throws FileFault if it can't be read, or not in time. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  // The usual name for no file at all.
  if (path === devNull) return Buffer.alloc(0);
  try {
    return await disk.ask(() => readRegularFile(path, MAXIMUM_BYTES));
  } catch (error) {
    if (error instanceof FileFault && error.found !== 'something') return undefined;
    throw error;
  }
}

/** The paths that match a pattern, in order. Throws FileFault when the disk doesn't answer in time. */
export async function pathsLike(pattern: string): Promise<readonly string[]> {
  const paths = await disk.ask(async () => {
    const found: string[] = [];
    for await (const path of glob(pattern)) found.push(path);
    return found;
  });
  return paths.sort();
}
