import { resolve } from 'node:path';
import { disks } from './disk-access.ts';
import { entriesIn } from './entry-names.ts';
import { git } from './git.ts';
import type { BytePath } from './paths.ts';

/** Directories of names of branches and tags: each slash in a name makes one. */
const MOST_REF_DIRECTORIES = 2000;

/** Where a change to a repository shows. */
export interface WatchedPlaces {
  /** Directories, each below another one, whose name is text; "" is that itself. */
  readonly places: readonly (readonly [top: string, below: BytePath])[];
  /** Whether the system tells of all changes there: another host's changes to a shared disk are told by none. */
  readonly isLocal: boolean;
}

/** `directories`: of the work tree. Throws GitError. */
export async function watchedPlaces(path: string, directories: Iterable<BytePath>): Promise<WatchedPlaces> {
  const said = await git(path, ['rev-parse', '--absolute-git-dir', '--git-common-dir']);
  const [own = '', common = ''] = said.split('\n').map((line) => resolve(path, line));
  const places: (readonly [string, BytePath])[] = [
    [common, ''],
    [common, 'reftable'],
  ];
  // A work tree beside the first one has a HEAD and an index of its own.
  if (own !== common) places.push([own, '']);
  for (const kind of ['refs/heads', 'refs/tags']) {
    for await (const directory of directoriesBelow(common, kind)) places.push([common, directory]);
  }
  for (const directory of directories) places.push([path, directory]);
  return { places, isLocal: await disks.ask(path, 'isLocal', path) };
}

/** With the directory itself, which need not be there. */
async function* directoriesBelow(top: string, path: BytePath): AsyncGenerator<BytePath> {
  const open = [path];
  for (let count = 0; count < MOST_REF_DIRECTORIES; count += 1) {
    const next = open.pop();
    if (next === undefined) return;
    yield next;
    const names = await disks.ask(top, 'entries', top, next, { files: 10_000, bytes: 1024 ** 2 });
    for (const { name, isDirectory } of entriesIn(names)) if (isDirectory) open.push(`${next}/${name}`);
  }
}
