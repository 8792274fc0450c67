import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServerProcess } from './support/server.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-startup-'));
  await writeFile(join(directory, 'clusters.yaml'), 'clusters: {}\n');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** What a server that can't start says, and its exit code. */
async function failure(
  variables: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; said: string }> {
  const server = new ServerProcess(directory, variables);
  const code = await server.exited();
  expect(await server.firstLine()).toBe('');
  return { code, said: server.errors };
}

describe('a start that fails says one clear line and ends with code 1', () => {
  it('when the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    expect(await failure({ PORT: port })).toEqual({
      code: 1,
      said: `Port ${port} of 127.0.0.1 is in use: set PORT to another one, or to 0 for any free one\n`,
    });
    other.close();
  });

  it('when the data directory cannot be written', async () => {
    await writeFile(join(directory, 'file'), '');
    const { code, said } = await failure({ SLURMQL_DATA_DIR: join(directory, 'file', 'data') });
    expect(code).toBe(1);
    expect(said).toBe(
      `SLURMQL_DATA_DIR: ${join(directory, 'file')} is a file, not a directory. Move it away, or name another\n`,
    );
  });

  it('when the database is from a newer version', async () => {
    const first = new ServerProcess(directory, {});
    await first.firstLine();
    await first.stop('SIGTERM');
    const database = new SqliteDatabase(join(directory, 'data', 'slurmql.db'));
    database.prepare("insert into kysely_migration (name, timestamp) values ('9999-later', '')").run();
    database.close();
    const { code, said } = await failure();
    expect(code).toBe(1);
    expect(said).toMatch(/^.*slurmql\.db: was written by a newer version \(it has "9999-later"\)\. .*\n$/);
  });

  it('when clusters.yaml has a typo, with its line and column and what was meant', async () => {
    await writeFile(join(directory, 'clusters.yaml'), 'clusters:\n  alpha:\n    host: here\n    worksapce: ~/x\n');
    const { code, said } = await failure();
    expect(code).toBe(1);
    expect(said).toBe(
      `${join(directory, 'clusters.yaml')}:4:5: clusters.alpha.worksapce: unknown key; did you mean "workspace"?\n`,
    );
  });

  it('when there is no clusters.yaml', async () => {
    const { code, said } = await failure({ SLURMQL_CONFIG: join(directory, 'nowhere.yaml') });
    expect(code).toBe(1);
    expect(said).toMatch(/nowhere\.yaml: no such file\. .*SLURMQL_CONFIG\n$/);
  });

  it('when variables are wrong, all of them at once and no secret repeated', async () => {
    const { code, said } = await failure({ PORT: '70000', LOG_LEVEL: 'loud', SLURMQL_TOKEN: 'hunter2' });
    expect(code).toBe(1);
    expect(said.trimEnd().split('\n')).toHaveLength(3);
    expect(said).toContain('PORT="70000"');
    expect(said).toContain('LOG_LEVEL="loud"');
    expect(said).not.toContain('hunter2');
  });
});

describe('a server', () => {
  it('makes a token at its first start, shows it once, and keeps it for its owner alone', async () => {
    const first = new ServerProcess(directory, {});
    const address = /http:\S+/.exec(await first.firstLine())?.[0];
    expect(await first.stop('SIGTERM')).toBe(0);
    const token = (await readFile(join(directory, 'data', 'token'), 'utf8')).trim();
    expect(first.errors).toContain(`Open the dashboard: ${address}/?token=${token}\n`);
    for (const [name, mode] of [
      ['.', 0o700],
      ['token', 0o600],
      ['slurmql.db', 0o600],
    ] as const) {
      expect((await stat(join(directory, 'data', name))).mode & 0o777).toBe(mode);
    }
    const second = new ServerProcess(directory, {});
    await second.firstLine();
    expect(await second.stop('SIGINT')).toBe(0);
    expect(second.errors).not.toContain(token);
    expect(second.errors).toContain(join(directory, 'data', 'token'));
  });

  it('starts and stops while a cluster does not answer', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await writeFile(join(directory, 'clusters.yaml'), `clusters:\n  dead:\n    host: 127.0.0.1\n    port: ${port}\n`);
    const server = new ServerProcess(directory, {});
    expect(await server.firstLine()).toMatch(/^SlurmQL listening on http:\/\/127\.0\.0\.1:\d+$/);
    expect(await server.stop('SIGTERM')).toBe(0);
    silent.close();
  });
});
