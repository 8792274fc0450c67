import { type BigIntStats, fstatSync, statSync } from 'node:fs';
import { GitError } from './git-error.ts';
import { type BytePath, readable } from './paths.ts';

/** Files of the server's own: those in a directory whose names begin so. */
export interface OwnPlace {
  /** Device and inode, as the directory may have any path, and get another one. */
  readonly directory: string;
  readonly names: string;
}

/** The directory has to be there. */
export function ownPlace(directory: string, names: string): OwnPlace {
  return { directory: identityOf(statSync(directory, { bigint: true })), names };
}

/**
 * A work tree may hold the server's own data, by whatever path. The token and the database are nobody's on a cluster; and
 * once this process has opened and closed a file, in whichever thread, it has lost its locks on it (fcntl(2)).
 */
export class OwnPlaces {
  readonly #places: readonly OwnPlace[];

  constructor(places: readonly OwnPlace[]) {
    this.#places = places;
  }

  /** What the names in an open directory begin with that are none of a repository's. */
  namesIn(descriptor: number): readonly string[] {
    if (this.#places.length === 0) return [];
    const identity = identityOf(fstatSync(descriptor, { bigint: true }));
    return this.#places.filter(({ directory }) => directory === identity).map(({ names }) => names);
  }
}

/** Throws a GitError for a path whose name begins with one of these. */
export function refuseOwn(path: BytePath, names: readonly string[]): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!names.some((start) => name.startsWith(start))) return;
  throw new GitError(
    `${readable(path)} belongs to SlurmQL's own data, which is never read or sent: let git ignore it (.gitignore), or keep the data elsewhere (SLURMQL_DATA_DIR, SLURMQL_DATABASE_URL)`,
  );
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}
