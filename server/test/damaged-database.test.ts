import { execFile } from 'node:child_process';
import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServerProcess, TestServer, until } from './support/server.ts';

const run = promisify(execFile);
const NO_CLUSTERS = 'clusters: {}\n';
const PAGE = 4096;

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-damaged-'));
  file = join(directory, 'data', 'slurmql.db');
  await (await TestServer.start(NO_CLUSTERS, directory)).stop();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Overwrites pages from the first to before the last, counted from 0. */
async function overwrite(first: number, last: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc((last - first) * PAGE, 0xff), 0, undefined, first * PAGE);
  await handle.close();
}

/** Of the table that only the last step of a start reads. */
async function overwriteSecret(): Promise<void> {
  const database = new SqliteDatabase(file, { readonly: true });
  const root = database.prepare("select rootpage from sqlite_master where name = 'session_secret'").pluck().get();
  database.close();
  await overwrite(Number(root) - 1, Number(root));
}

describe('a start on a database that can not be used says so in one line and what to do, and leaves it as it is', () => {
  const RESTORE = /It is damaged, or not a SQLite database: move it away together with .*, and restore a backup\n$/;
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['that is a text', () => writeFile(file, 'This is a text. '.repeat(1000)), RESTORE],
    ['whose first table is damaged', () => overwrite(1, 2), RESTORE],
    ['whose last table is damaged', overwriteSecret, RESTORE],
    ['that lost its end', () => truncate(file, 5 * PAGE), RESTORE],
  ])('%s', async (_what, spoil, said) => {
    await spoil();
    const before = await readFile(file);
    const server = new ServerProcess(directory, {});
    expect(await server.exited()).toBe(1);
    expect(server.errors).toMatch(/^\/.*slurmql\.db: can't be (?:opened|used) \(.*\n$/);
    expect(server.errors).toMatch(said);
    expect(before.equals(await readFile(file))).toBe(true);
  });

  it('that can only be read', async () => {
    await run('mount', ['--bind', file, file]);
    await run('mount', ['-o', 'remount,ro,bind', file]);
    try {
      const server = new ServerProcess(directory, {});
      expect(await server.exited()).toBe(1);
      expect(server.errors).toMatch(/^\/.*slurmql\.db: can't be used \(.*\)\. Check that .* may write to both\n$/);
    } finally {
      await run('umount', [file]);
    }
  });

  it('that another program writes to', async () => {
    const other = new SqliteDatabase(file);
    other.exec('begin immediate');
    const server = new ServerProcess(directory, {});
    expect(await server.exited()).toBe(1);
    expect(server.errors).toMatch(/slurmql\.db: can't be used \(database is locked\)\. .*: end that one\n$/);
    other.close();
  });
});

describe('a server whose database is damaged while it runs', () => {
  it('answers that it has a fault, is not ready, logs what to do, and stops cleanly', async () => {
    const server = await TestServer.start(NO_CLUSTERS, directory);
    await overwrite(1, (await stat(file)).size / PAGE);
    const ask = () => server.send('{ jobs(filter: { search: "nothing" }) { nodes { id } } projects { nodes { id } } }');
    await until(ask, ({ errors }) => errors !== undefined);
    const { errors } = await ask();
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'INTERNAL_SERVER_ERROR' } });
    expect(JSON.stringify(errors)).not.toContain('slurmql.db');
    expect(server.errors).toMatch(/slurmql\.db: can't be used \(.*restore a backup/);
    const headers = { authorization: `Bearer ${server.token}` };
    const readiness = await fetch(`${server.address}/readyz`, { headers });
    expect([readiness.status, await readiness.json()]).toMatchObject([503, { checks: { database: false } }]);
    expect((await fetch(`${server.address}/healthz`)).status).toBe(200);
    expect(await server.stop()).toBe(0);
  });
});
