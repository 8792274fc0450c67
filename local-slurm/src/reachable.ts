import { chmod, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Lets every user pass through `directory` to what lies below, and makes sure that they get there: throws an Error
 * that names the directory above it which keeps them out.
 */
export async function makeReachable(directory: string): Promise<void> {
  const path = resolve(directory);
  await chmod(path, (await stat(path)).mode | 0o111);
  for (let above = dirname(path); ; above = dirname(above)) {
    if (((await stat(above)).mode & 0o001) === 0) {
      throw new Error(`${path} can't be used: other users may not pass through ${above}. Choose another directory.`);
    }
    if (above === '/') return;
  }
}
