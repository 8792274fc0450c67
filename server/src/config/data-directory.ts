import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, type Environment } from './environment.ts';

/** Makes the data directory, for its owner alone. Throws a ConfigurationError when it can't be written. */
export async function prepareDataDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
    const probe = await open(join(path, '.writable'), 'w', 0o600);
    await probe.close();
  } catch (cause) {
    throw new ConfigurationError([
      { message: `SLURMQL_DATA_DIR: can't write to ${path} (${errorCode(cause)}). Make it writable, or name another` },
    ]);
  }
}

/** The administrator's token; `isNew` at the start that made it. */
export interface AdministratorToken {
  readonly value: string;
  readonly isNew: boolean;
  /** Where it is kept; null when the environment gave it. */
  readonly file: string | null;
}

/** From the environment, else from the data directory, where it is made at the first start. */
export async function administratorToken(environment: Environment): Promise<AdministratorToken> {
  if (environment.token !== null) return { value: environment.token, isNew: false, file: null };
  const file = join(environment.dataDirectory, 'token');
  try {
    const kept = (await readFile(file, 'utf8')).trim();
    if (kept !== '') return { value: kept, isNew: false, file };
  } catch (cause) {
    if (errorCode(cause) !== 'ENOENT') {
      throw new ConfigurationError([{ message: `${file}: can't be read (${errorCode(cause)})` }]);
    }
  }
  const value = randomBytes(24).toString('base64url');
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(`${value}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { value, isNew: true, file };
}

function errorCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
