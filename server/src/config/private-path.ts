import type { Stats } from 'node:fs';
import { lstat, mkdir, readFile, readlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { isAbsence, kindOf } from '../files/index.ts';

/** Why secrets aren't safe under a path; names the part at fault, and says what to do. */
export class UnsafePath extends Error {
  override readonly name = 'UnsafePath';
}

/** The most links that Linux follows (path_resolution(7)). */
const MOST_LINKS = 40;
const OTHERS_WRITE = 0o022;
const OTHERS = 0o077;
const STICKY = 0o1000;

/** What lies under a path, and the path without links. */
export interface Place {
  readonly path: string;
  readonly status: Stats;
}

/**
 * Checks every part of an absolute path, also behind links: whoever can replace one of them decides what is read and
 * where secrets go. Changes nothing that exists. `make`: creates missing directories, for this account alone. Null: the
 * path doesn't exist. Throws UnsafePath, and the system's own errors.
 */
export function safePlace(wanted: string, options: { readonly make: true }): Promise<Place>;
export function safePlace(wanted: string): Promise<Place | null>;
export async function safePlace(wanted: string, { make = false } = {}): Promise<Place | null> {
  const owners = await trustedOwners();
  let left = partsOf(wanted);
  let place: Place = { path: '/', status: await lstat('/') };
  /** The last link that was followed, and how many parts are left behind those that it stands for. */
  let link = { path: '', rest: Number.POSITIVE_INFINITY };
  let links = 0;
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    refuseExchangeable(place, owners);
    const path = join(place.path, name);
    let status = await statusOf(path);
    if (status === null && left.length >= link.rest)
      throw new UnsafePath(`${link.path} is a link to ${path}, which does not exist`);
    if (status === null && make) {
      await mkdir(path, { mode: 0o700 });
      status = await lstat(path);
    }
    if (status === null) return null;
    if (!status.isSymbolicLink()) {
      place = { path, status };
      continue;
    }
    refuseForeign(path, status, owners);
    links += 1;
    if (links > MOST_LINKS) throw new UnsafePath(`${path} is a symbolic link that leads back to itself`);
    link = { path, rest: left.length };
    const target = await readlink(path);
    if (isAbsolute(target)) place = { path: '/', status: await lstat('/') };
    left = [...partsOf(target), ...left];
  }
  return place;
}

/** Nobody else may read what is in it. Throws UnsafePath. */
export function refuseOtherThanDirectory(place: Place): void {
  refuseNoDirectory(place);
  refuseShared(place, '700');
}

/** One name, because SQLite keeps a log for each name of a file. Nobody else may read it. Throws UnsafePath. */
export function refuseOtherThanFile(place: Place): void {
  const { path, status } = place;
  if (!status.isFile()) throw new UnsafePath(`${path} is ${kindOf(status)}, not a file. Move it away`);
  refuseShared(place, '600');
  if (status.nlink === 1) return;
  throw new UnsafePath(`${path} has ${status.nlink} names (hard links). Remove all but one, or copy the file`);
}

function refuseNoDirectory({ path, status }: Place): void {
  if (!status.isDirectory()) throw new UnsafePath(`${path} is ${kindOf(status)}, not a directory. Move it away`);
}

function refuseShared({ path, status }: Place, right: string): void {
  const own = process.geteuid?.() ?? status.uid;
  if (status.uid !== own) {
    throw new UnsafePath(
      `${path} belongs to user ${status.uid}, and the server runs as user ${own}. Run it as that user, or chown ${own} ${path}`,
    );
  }
  const mode = status.mode & 0o7777;
  if ((mode & OTHERS) === 0) return;
  throw new UnsafePath(
    `${path} is open to others (mode ${octal(mode)}). Run "chmod ${right} ${path}" if it is meant for this server alone`,
  );
}

/** A directory on the way: whoever may write to it could replace what is in it. */
function refuseExchangeable(place: Place, owners: ReadonlySet<number>): void {
  refuseNoDirectory(place);
  const { path, status } = place;
  refuseForeign(path, status, owners);
  const mode = status.mode & 0o7777;
  if ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0) return;
  // Root's group is trusted, and so is a group with the number of the account, which is the account's own.
  const isOwnGroup = status.gid === process.getegid?.() && status.gid === process.geteuid?.();
  if ((isOwnGroup || status.gid === 0) && (mode & OTHERS_WRITE) === 0o020) return;
  throw new UnsafePath(
    `others may write to ${path} (mode ${octal(mode)}) and could replace what is in it. Run "chmod go-w ${path}"`,
  );
}

/** A part may belong to this account, or to root, which can do anything anyway. */
function refuseForeign(path: string, status: Stats, owners: ReadonlySet<number>): void {
  if (owners.has(status.uid)) return;
  const what = status.isSymbolicLink() ? 'is a link that belongs to' : 'belongs to';
  throw new UnsafePath(`${path} ${what} user ${status.uid}, who could replace what is there`);
}

async function statusOf(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (cause) {
    if (isAbsence(cause)) return null;
    throw cause;
  }
}

async function trustedOwners(): Promise<ReadonlySet<number>> {
  const owners = new Set([0, process.geteuid?.() ?? 0]);
  const map = await readFile('/proc/self/uid_map', 'utf8').catch(() => null);
  // In a container without root, root's files appear as those of nobody, the user that stands for all outside.
  if (map !== null && !/^[ \t]*0\s/m.test(map)) {
    owners.add(Number(await readFile('/proc/sys/kernel/overflowuid', 'utf8').catch(() => 65_534)));
  }
  return owners;
}

const partsOf = (path: string) => path.split('/').filter(Boolean);
const octal = (mode: number) => mode.toString(8).padStart(4, '0');
