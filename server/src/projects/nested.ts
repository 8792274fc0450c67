import { readStatuses } from './disk.ts';
import { disks } from './disk-access.ts';
import { entriesIn } from './entry-names.ts';
import { git, gitRecords, LISTING } from './git.ts';
import { GitError, GitExit } from './git-error.ts';
import { type Listing, PathCount } from './listing.ts';
import { asText, type BytePath, readable } from './paths.ts';
import { checkPath } from './safe-path.ts';
import { inTurns } from './turns.ts';

/** A file or link that is read from disk. */
export interface DiskFile {
  readonly path: BytePath;
  readonly sizeBytes: number;
}

/** The directory of a repository inside another one's work tree; null: what lies there is none. Throws GitError. */
export async function repositoryInside(directory: string, path: BytePath): Promise<string | null> {
  if ((await readStatuses(directory, [`${path}/.git`])).size === 0) return null;
  const name = asText(path);
  if (name === null) throw new GitError(`${readable(path)} is a repository whose name is not valid text: rename it`);
  const repository = `${directory}/${name}`;
  try {
    // Empty at the top level of a work tree.
    return (await git(repository, ['rev-parse', '--show-prefix'])) === '\n' ? repository : null;
  } catch (cause) {
    if (!(cause instanceof GitExit)) throw cause;
    throw new GitError(`${readable(path)} is a repository that can't be read: ${String(cause)}`, { cause });
  }
}

/** Every file below a directory that is a repository of its own, but for what that one ignores. Throws GitError. */
export async function filesInside(directory: string, path: BytePath, listing: Listing): Promise<DiskFile[]> {
  listing.signal.throwIfAborted();
  const repository = await repositoryInside(directory, path);
  if (repository === null) return filesBelow(directory, path, listing);
  const paths = new Set<BytePath>();
  const count = countIn(path, listing);
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  for await (const record of gitRecords(repository, list, LISTING)) {
    const name = record.replace(/\/$/, '');
    checkInside(path, name);
    count.add(record);
    paths.add(name);
  }
  const files: DiskFile[] = [];
  for await (const [name, { kind, sizeBytes }] of inTurns(await readStatuses(repository, paths, listing.signal))) {
    if (kind !== 'directory') files.push({ path: `${path}/${name}`, sizeBytes });
    else
      for await (const file of inTurns(await filesInside(repository, name, listing)))
        files.push({ ...file, path: `${path}/${file.path}` });
  }
  return files;
}

/** Every file below a directory for which git has no rules. */
async function filesBelow(directory: string, path: BytePath, listing: Listing): Promise<DiskFile[]> {
  const paths: BytePath[] = [];
  const directories = [path];
  const count = countIn(path, listing);
  for (let parent = directories.pop(); parent !== undefined; parent = directories.pop()) {
    const names = await disks.ask(directory, 'entries', directory, parent, count.room);
    for await (const { name, isDirectory } of inTurns(entriesIn(names))) {
      const entry = `${parent}/${name}`;
      checkInside(path, entry.slice(path.length + 1));
      count.add(entry);
      (isDirectory ? directories : paths).push(entry);
    }
  }
  const files: DiskFile[] = [];
  for await (const [name, { sizeBytes }] of inTurns(await readStatuses(directory, paths, listing.signal))) {
    files.push({ path: name, sizeBytes });
  }
  return files;
}

function checkInside(path: BytePath, below: BytePath): void {
  checkPath(below, `${readable(path)} holds`, 'rename or remove it there, or let git ignore it (.gitignore)');
}

function countIn(path: BytePath, listing: Listing): PathCount {
  return new PathCount(listing, `${readable(path)} holds`, ': let git ignore it (.gitignore)');
}
