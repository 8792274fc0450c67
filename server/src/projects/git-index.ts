import { resolve } from 'node:path';
import type { CommittedFile } from './commit-tree.ts';
import { disks } from './disk-access.ts';
import { type FileStatus, stampOf } from './disk-questions.ts';
import { git, gitIfAny, gitRecords, LISTING } from './git.ts';
import { type Listing, PathCount } from './listing.ts';
import type { BytePath } from './paths.ts';
import { checkPath } from './safe-path.ts';

/** What git's index keeps of a file, as far as it tells whether the file has been changed since it was compared. */
interface IndexEntry {
  readonly isSubmodule: boolean;
  readonly objectId: string;
  /** A merge has left several versions of it. */
  readonly isUnmerged: boolean;
  /** A sparse checkout leaves it out, or somebody has told git not to look. */
  readonly isSkipped: boolean;
  /** As it was when git last saw it as `objectId`. */
  readonly stamp: string;
  readonly modifiedNs: bigint;
}

const SKIPPED = 0x4000_0000;
const DETAILS =
  /^ {2}ctime: (\d+):(\d+)\n {2}mtime: (\d+):(\d+)\n.*?\tino: (\d+)\n.*?\n {2}size: (\d+)\tflags: ([0-9a-f]+)\n/s;

/** Longer than these are with the largest numbers; a path follows them, in which anything may stand. */
const MOST_DETAILS = 512;

/** Reading files is slow; git's index knows the times of those that it has compared. */
export class Index {
  readonly #entries: ReadonlyMap<BytePath, IndexEntry>;
  /** What was changed in the same instant as the index was written may have been changed after it. */
  readonly #writtenNs: bigint;
  /** What git converts on the way to disk: equal to the index doesn't mean equal in bytes. */
  readonly #converted: ReadonlySet<BytePath>;
  readonly #isSparse: boolean;

  private constructor(
    entries: ReadonlyMap<BytePath, IndexEntry>,
    writtenNs: bigint,
    converted: ReadonlySet<BytePath>,
    isSparse: boolean,
  ) {
    this.#entries = entries;
    this.#writtenNs = writtenNs;
    this.#converted = converted;
    this.#isSparse = isSparse;
  }

  /** Throws GitError, also for a path that git itself refuses. */
  static async read(directory: string, listing: Listing): Promise<Index> {
    const file = (await git(directory, ['rev-parse', '--git-path', 'index'])).slice(0, -1);
    // Before it is read: should another take its place meanwhile, less is trusted.
    const written = await disks.ask(directory, 'modifiedNs', resolve(directory, file));
    const sparse = await gitIfAny(directory, ['config', '--type=bool', '--get', 'core.sparseCheckout']);
    const entries = new Map<BytePath, IndexEntry>();
    // Its fourth version tells of a path only what differs from the one before.
    const count = new PathCount(listing, "git's index has");
    let header = '';
    // `mode id stage<TAB>path<NUL>`, then lines with what is known of the file (git's show_ce and print_debug).
    for await (const record of gitRecords(directory, ['ls-files', '-z', '--stage', '--debug'], LISTING)) {
      const details: RegExpExecArray | null = header === '' ? null : DETAILS.exec(record.slice(0, MOST_DETAILS));
      if (header !== '') addEntry(entries, header, details);
      header = record.slice(details?.[0].length ?? 0);
      count.add(header);
    }
    // Everything but what has none of these attributes.
    const converted = [':(exclude,attr:!filter !ident !working-tree-encoding)'];
    const paths = new Set<BytePath>();
    for await (const path of gitRecords(directory, ['ls-files', '-z', '--', '.', ...converted], LISTING))
      paths.add(path);
    return new Index(entries, written ?? 0n, paths, sparse.trim() === 'true');
  }

  paths(): Iterable<BytePath> {
    return this.#entries.keys();
  }

  isSubmodule(path: BytePath): boolean {
    return this.#entries.get(path)?.isSubmodule === true;
  }

  /** Of what is staged under a path; null: nothing is. */
  objectId(path: BytePath): string | null {
    return this.#entries.get(path)?.objectId ?? null;
  }

  /** A merge has left several versions of it. */
  isUnmerged(path: BytePath): boolean {
    return this.#entries.get(path)?.isUnmerged === true;
  }

  isLeftOut(path: BytePath): boolean {
    return this.#isSparse && this.#entries.get(path)?.isSkipped === true;
  }

  /** Whether a file has certainly the bytes that were committed. */
  provesUnchanged(file: CommittedFile, now: FileStatus): boolean {
    const entry = this.#entries.get(file.path);
    return (
      entry !== undefined &&
      !entry.isUnmerged &&
      entry.objectId === file.objectId &&
      !this.#converted.has(file.path) &&
      entry.modifiedNs < this.#writtenNs &&
      entry.stamp === now.stamp
    );
  }
}

function addEntry(entries: Map<BytePath, IndexEntry>, header: string, details: RegExpExecArray | null): void {
  const tab = header.indexOf('\t');
  const [mode = '', objectId = '', stage = ''] = header.slice(0, tab).split(' ');
  const [, changed = '0', changedNs = '0', modified = '0', modifiedNs = '0', inode = '0', size = '0', flags = '0'] =
    details ?? [];
  const path = header.slice(tab + 1);
  checkPath(path, "git's index holds", 'remove the index and run "git reset", or clone the repository again');
  const nanoseconds = (seconds: string, rest: string) => BigInt(seconds) * 1_000_000_000n + BigInt(rest);
  const modifiedAt = nanoseconds(modified, modifiedNs);
  entries.set(path, {
    isSubmodule: mode === '160000',
    objectId,
    isUnmerged: stage !== '0',
    isSkipped: (Number.parseInt(flags, 16) & SKIPPED) !== 0,
    stamp: details === null ? '' : stampOf(nanoseconds(changed, changedNs), modifiedAt, BigInt(inode), BigInt(size)),
    modifiedNs: modifiedAt,
  });
}
