import { access, constants, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf, FileFault, LocalDisk } from '../files/index.ts';
import { ConfigurationError, type Environment } from './environment.ts';
import { refuseOtherThanDirectory, refuseOtherThanFile, safePlace, UnsafePath } from './private-path.ts';

/** What SQLite and the server keep beside a database. */
const BESIDE_A_DATABASE = ['-wal', '-shm', '-journal', '-lock'];

/** The paths of the data, without links: the same for everyone who uses it. */
export interface DataPlaces {
  readonly directory: string;
  readonly databaseFile: string;
  /** A server holds the locks of both, because each belongs to one server. */
  readonly lockFiles: readonly string[];
}

/**
 * Creates the data directory, for its owner alone, if there is none. Never changes an existing one: a
 * ConfigurationError says what is wrong with it and what to do.
 */
export async function prepareDataDirectory(
  wanted: Pick<Environment, 'dataDirectory' | 'databaseFile'>,
  disk = new LocalDisk(1),
): Promise<DataPlaces> {
  const directory = await settled('SLURMQL_DATA_DIR', wanted.dataDirectory, disk, privateDirectory);
  const isInside = dirname(wanted.databaseFile) === wanted.dataDirectory;
  const variable = isInside ? 'SLURMQL_DATA_DIR' : 'SLURMQL_DATABASE_URL';
  const databaseFile = await settled(variable, wanted.databaseFile, disk, databasePlace);
  return { directory, databaseFile, lockFiles: [join(directory, 'lock'), `${databaseFile}-lock`] };
}

async function settled(
  variable: string,
  path: string,
  disk: LocalDisk,
  settle: (path: string) => Promise<string>,
): Promise<string> {
  try {
    return await disk.ask(() => settle(path));
  } catch (cause) {
    let message = `can't write to ${path} (${codeOf(cause)}). Make it writable`;
    if (cause instanceof UnsafePath) message = cause.message;
    if (cause instanceof FileFault) message = `${path} ${cause.message}. Correct that`;
    throw new ConfigurationError([{ message: `${variable}: ${message}, or name another` }], { cause });
  }
}

async function privateDirectory(wanted: string): Promise<string> {
  const isNew = (await safePlace(wanted)) === null;
  const place = await safePlace(wanted, { make: true });
  refuseOtherThanDirectory(place);
  await access(place.path, constants.W_OK | constants.X_OK);
  // Where a work tree holds it, no git takes it for a part of that.
  if (isNew) await writeFile(join(place.path, '.gitignore'), '*\n', { mode: 0o600, flag: 'wx' });
  for (const name of ['token', 'lock']) await refuseIfThere(join(place.path, name));
  const staging = await safePlace(join(place.path, 'staging'));
  if (staging !== null) refuseOtherThanDirectory(staging);
  return place.path;
}

async function databasePlace(wanted: string): Promise<string> {
  const parent = await safePlace(dirname(wanted));
  if (parent === null) throw new UnsafePath(`${dirname(wanted)} does not exist. Create that directory`);
  const found = await safePlace(wanted);
  if (found !== null) refuseOtherThanFile(found);
  const path = found?.path ?? join(parent.path, basename(wanted));
  for (const suffix of BESIDE_A_DATABASE) await refuseIfThere(`${path}${suffix}`);
  return path;
}

/** Throws UnsafePath for anything but a file of this account alone. */
async function refuseIfThere(path: string): Promise<void> {
  const place = await safePlace(path);
  if (place !== null) refuseOtherThanFile(place);
}
