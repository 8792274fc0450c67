import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareDataDirectory } from './data-directory.ts';
import { ConfigurationError } from './environment.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-data-'));
});
afterEach(() => rm(directory, { recursive: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
/** Settles the data directory, with the database in it. */
const prepare = (path: string) => prepareDataDirectory({ dataDirectory: path, databaseFile: join(path, 'slurmql.db') });

describe('the data directory', () => {
  it('is made with all above it, for its owner alone', async () => {
    const path = join(directory, 'var', 'lib', 'slurmql');
    await prepare(path);
    expect(await modeOf(path)).toBe(0o700);
  });

  it('is no part of a work tree in which it is made', async () => {
    const path = join(directory, 'work', 'data');
    await prepare(path);
    expect(await readFile(join(path, '.gitignore'), 'utf8')).toBe('*\n');
    await writeFile(join(path, '.gitignore'), 'own');
    await prepare(path);
    expect(await readFile(join(path, '.gitignore'), 'utf8')).toBe('own');
  });

  it('that is there already is left as it is, also when it is not right', async () => {
    await writeFile(join(directory, 'slurmql.db'), 'data', { mode: 0o600 });
    await prepare(directory);
    expect(await readdir(directory)).toEqual(['slurmql.db']);
    await chmod(directory, 0o755);
    await expect(prepare(directory)).rejects.toThrow(
      `SLURMQL_DATA_DIR: ${directory} is open to others (mode 0755). Run "chmod 700 ${directory}"`,
    );
    expect(await modeOf(directory)).toBe(0o755);
    expect(await readFile(join(directory, 'slurmql.db'), 'utf8')).toBe('data');
  });

  it('is told without links, as its locks are', async () => {
    const path = join(directory, 'var', 'data');
    await prepare(path);
    await symlink('var', join(directory, 'link'));
    await symlink('../var/data', join(directory, 'var', 'other'));
    for (const wanted of ['var/data', 'link/data', 'link/other', 'var/../link/other']) {
      expect(await prepare(`${directory}/${wanted}`)).toEqual({
        directory: path,
        databaseFile: join(path, 'slurmql.db'),
        lockFiles: [join(path, 'lock'), join(path, 'slurmql.db-lock')],
      });
    }
  });

  it('that cannot be written is a fault in one line, which says what to do', async () => {
    const file = join(directory, 'a-file');
    await writeFile(file, '');
    await expect(prepare(join(file, 'data'))).rejects.toThrow(ConfigurationError);
    await expect(prepare(join(file, 'data'))).rejects.toThrow(`SLURMQL_DATA_DIR: ${file} is a file, not a directory`);
    await expect(prepare(file)).rejects.toThrow(`SLURMQL_DATA_DIR: ${file} is a file, not a directory`);
  });
});
