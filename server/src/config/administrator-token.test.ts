import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { administratorToken } from './administrator-token.ts';
import { ConfigurationError, type Environment, readEnvironment } from './environment.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-token-'));
});
afterEach(() => rm(directory, { recursive: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
const environment = (variables: Readonly<Record<string, string>> = {}): Environment =>
  readEnvironment({ SLURMQL_DATA_DIR: directory, ...variables }, { isInteractive: false, directory });

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

  it.each([
    ['x', 'write at least 16 characters'],
    ['a'.repeat(64), 'write at least 6 different characters'],
    ['0123456789abcde', 'write at least 16 characters'],
    ['two words and more', 'write visible ASCII characters without spaces'],
    ['0123456789abcdef\n0123456789abcdef', 'write visible ASCII characters without spaces'],
    ['schlüssel-für-alles', 'write visible ASCII characters without spaces'],
  ])('of a file that holds %j is refused, and the file stays', async (text, wants) => {
    await writeFile(join(directory, 'token'), `${text}\n`);
    const refused = administratorToken(environment());
    await expect(refused).rejects.toThrow(ConfigurationError);
    await expect(refused).rejects.toThrow(`${join(directory, 'token')}: ${wants}, or remove it: then the next start`);
    if (text.length > 1) await expect(refused).rejects.not.toThrow(text);
    expect(await readFile(join(directory, 'token'), 'utf8')).toBe(`${text}\n`);
  });

  it('that cannot be read is a fault and not replaced', async () => {
    await rm(directory, { recursive: true });
    await writeFile(directory, '');
    await expect(administratorToken(environment())).rejects.toThrow(ConfigurationError);
  });
});
