import { lstat, readdir } from 'node:fs/promises';
import { readStatuses, unreadable } from './disk.ts';
import { git, gitRecords, LISTING } from './git.ts';
import { GitError, GitExit } from './git-error.ts';
import { type Listing, PathCount } from './listing.ts';
import { asText, type BytePath, onDisk, readable } from './paths.ts';

/** A file or link that is read from disk. */
export interface DiskFile {
  readonly path: BytePath;
  readonly sizeBytes: number;
}

/** The folder of a repository inside another one's work tree; null: what lies there is none. Throws GitError. */
export async function repositoryInside(directory: string, path: BytePath): Promise<string | null> {
  const entry = await lstat(onDisk(directory, `${path}/.git`)).catch(() => null);
  if (entry === null) return null;
  const name = asText(path);
  if (name === null) throw new GitError(`${readable(path)} is a repository whose name is not valid text: rename it`);
  const folder = `${directory}/${name}`;
  try {
    // Empty at the top level of a work tree.
    return (await git(folder, ['rev-parse', '--show-prefix'])) === '\n' ? folder : null;
  } catch (cause) {
    if (!(cause instanceof GitExit)) throw cause;
    throw new GitError(`${readable(path)} is a repository that can't be read: ${String(cause)}`, { cause });
  }
}

/** Every file below a folder that is a repository of its own, but for what that one ignores. Throws GitError. */
export async function filesInside(directory: string, path: BytePath, listing: Listing): Promise<DiskFile[]> {
  const folder = await repositoryInside(directory, path);
  if (folder === null) return filesBelow(directory, path, listing);
  const paths = new Set<BytePath>();
  const count = countIn(path, listing);
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  for await (const record of gitRecords(folder, list, LISTING)) {
    count.add(record);
    paths.add(record.replace(/\/$/, ''));
  }
  const files: DiskFile[] = [];
  for (const [name, { kind, sizeBytes }] of await readStatuses(folder, paths)) {
    if (kind !== 'folder') files.push({ path: `${path}/${name}`, sizeBytes });
    else
      for (const file of await filesInside(folder, name, listing))
        files.push({ ...file, path: `${path}/${file.path}` });
  }
  return files;
}

/** Every file below a folder for which git has no rules. */
async function filesBelow(directory: string, path: BytePath, listing: Listing): Promise<DiskFile[]> {
  const paths: BytePath[] = [];
  const folders = [path];
  const count = countIn(path, listing);
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const options = { withFileTypes: true, encoding: 'buffer' } as const;
    const entries = await readdir(onDisk(directory, folder), options).catch((cause: unknown) => {
      throw unreadable(folder ?? path, cause);
    });
    for (const entry of entries) {
      const name = entry.name.toString('latin1');
      if (name === '.git') continue;
      count.add(`${folder}/${name}`);
      (entry.isDirectory() ? folders : paths).push(`${folder}/${name}`);
    }
  }
  return [...(await readStatuses(directory, paths))].map(([name, { sizeBytes }]) => ({ path: name, sizeBytes }));
}

function countIn(path: BytePath, listing: Listing): PathCount {
  return new PathCount(listing, `${readable(path)} holds`, ': let git ignore it (.gitignore)');
}
