import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, FileFault, LocalDisk, readTextFile } from '../files/index.ts';
import { ConfigurationError, type Environment, tokenFault } from './environment.ts';

const MAXIMUM_BYTES = 4096;

/** The administrator's token. `isNew`: this start generated it. */
export interface AdministratorToken {
  readonly value: string;
  readonly isNew: boolean;
  /** Where it is kept; null when the environment gave it. */
  readonly file: string | null;
}

/**
 * From the environment, else from the data directory, where the first start generates it. `prepareDataDirectory` checks
 * who may read the file. Throws a ConfigurationError.
 */
export async function administratorToken(
  { token, dataDirectory }: Pick<Environment, 'token' | 'dataDirectory'>,
  disk = new LocalDisk(1),
): Promise<AdministratorToken> {
  if (token !== null) return { value: token, isNew: false, file: null };
  const file = join(dataDirectory, 'token');
  const kept = await keptToken(file, disk);
  if (kept !== null) return { value: kept, isNew: false, file };
  const value = randomBytes(24).toString('base64url');
  try {
    await disk.ask(() => writeWhole(file, `${value}\n`));
  } catch (cause) {
    const why = cause instanceof FileFault ? cause.message : `can't be written (${codeOf(cause)})`;
    throw new ConfigurationError([{ message: `${file}: ${why}` }], { cause });
  }
  return { value, isNew: true, file };
}

/** Null: there is none, or an empty file, as a full disk leaves it. */
async function keptToken(file: string, disk: LocalDisk): Promise<string | null> {
  let text: string;
  try {
    text = (await disk.ask(() => readTextFile(file, MAXIMUM_BYTES))).trim();
  } catch (cause) {
    if (!(cause instanceof FileFault)) throw cause;
    if (cause.found === 'nothing') return null;
    throw new ConfigurationError([{ message: `${file} ${cause.message}` }], { cause });
  }
  const wants = text === '' ? null : tokenFault(text);
  if (wants !== null) {
    throw new ConfigurationError([{ message: `${file}: ${wants}, or remove it: then the next start makes a new one` }]);
  }
  return text === '' ? null : text;
}

/** Never leaves half a file, even after a power cut. */
async function writeWhole(file: string, content: string): Promise<void> {
  const part = `${file}.part`;
  await rm(part, { force: true });
  const handle = await open(part, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, file);
  const directory = await open(dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
