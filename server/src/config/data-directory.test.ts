import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { administratorToken, prepareDataDirectory } from './data-directory.ts';
import { ConfigurationError, type Environment, readEnvironment } from './environment.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-data-'));
});
afterEach(() => rm(directory, { recursive: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
const environment = (variables: Readonly<Record<string, string>> = {}): Environment =>
  readEnvironment({ SLURMQL_DATA_DIR: directory, ...variables }, { isInteractive: false, directory });

describe('the data directory', () => {
  it('is made with all above it, for its owner alone', async () => {
    const path = join(directory, 'var', 'lib', 'slurmql');
    await prepareDataDirectory(path);
    expect(await modeOf(path)).toBe(0o700);
  });

  it('that is there already is kept and closed to others', async () => {
    await chmod(directory, 0o755);
    await writeFile(join(directory, 'slurmql.db'), 'data');
    await prepareDataDirectory(directory);
    expect(await modeOf(directory)).toBe(0o700);
    expect(await readFile(join(directory, 'slurmql.db'), 'utf8')).toBe('data');
  });

  it('that cannot be written is a fault in one line, which says what to do', async () => {
    const file = join(directory, 'a-file');
    await writeFile(file, '');
    for (const path of [join(file, 'data'), file]) {
      const attempt = prepareDataDirectory(path);
      await expect(attempt).rejects.toThrow(ConfigurationError);
      await expect(attempt).rejects.toThrow(
        /^SLURMQL_DATA_DIR: can't write to .+ \(E\w+\)\. Make it writable, or name another$/,
      );
    }
  });
});

describe("the administrator's token", () => {
  it('is made at the first start, kept for its owner alone, and is the same from then on', async () => {
    const first = await administratorToken(environment());
    const file = join(directory, 'token');
    expect(first).toEqual({ value: expect.stringMatching(/^[\w-]{32}$/), isNew: true, file });
    expect(await modeOf(file)).toBe(0o600);
    expect(await readFile(file, 'utf8')).toBe(`${first.value}\n`);
    expect(await administratorToken(environment())).toEqual({ value: first.value, isNew: false, file });
  });

  it('is another one for every server', async () => {
    const { value } = await administratorToken(environment());
    await rm(join(directory, 'token'));
    expect((await administratorToken(environment())).value).not.toBe(value);
  });

  it('of the environment is taken as it is, and kept nowhere', async () => {
    const given = environment({ SLURMQL_TOKEN: 'given-by-the-environment' });
    expect(await administratorToken(given)).toEqual({ value: 'given-by-the-environment', isNew: false, file: null });
    await expect(stat(join(directory, 'token'))).rejects.toThrow('ENOENT');
  });

  it('is made again when its file is empty, as after a full disk', async () => {
    await writeFile(join(directory, 'token'), '\n');
    expect((await administratorToken(environment())).isNew).toBe(true);
  });

  it('that cannot be read is a fault and not replaced', async () => {
    await rm(directory, { recursive: true });
    await writeFile(directory, '');
    await expect(administratorToken(environment())).rejects.toThrow(ConfigurationError);
  });
});
