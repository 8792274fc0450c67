import { execFile as execFileCallback } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { HOLDING, hungDirectory, NO_FILES } from './support/places.ts';
import { ServerProcess, TestServer, until } from './support/server.ts';

const execFile = promisify(execFileCallback);

/** Clusters that nobody listens for: what is configured counts here, not what is reached. */
const yaml = (...names: string[]) =>
  `clusters:\n${names.map((name) => `  ${name}: { host: 127.0.0.1, port: 1 }\n`).join('')}`;

const names = async (server: TestServer) =>
  (await server.query<{ clusters: { name: string }[] }>('{ clusters { name } }')).clusters
    .map(({ name }) => name)
    .join(' ');
const fault = async (server: TestServer) =>
  (await server.query<{ configurationFault: string | null }>('{ configurationFault }')).configurationFault;
const readiness = async (server: TestServer) => (await fetch(`${server.address}/readyz`)).status;
const message = async (server: TestServer) =>
  (await server.query<{ cluster: { statusMessage: string | null } }>('{ cluster(name: "alpha") { statusMessage } }'))
    .cluster.statusMessage;

async function newDirectory(text = yaml('alpha', 'beta')): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-in-place-'));
  await writeFile(join(directory, 'clusters.yaml'), text);
  return directory;
}

/** Starting one takes longer than a test with it: those that are right again are handed on. */
const rested: TestServer[] = [];
const all: TestServer[] = [];
afterAll(() => Promise.all(all.map((server) => server[Symbol.asyncDispose]())));

async function anyServer(): Promise<TestServer> {
  const known = rested.pop();
  if (known !== undefined) return known;
  const server = await TestServer.start(yaml('alpha', 'beta'));
  all.push(server);
  return server;
}

/** Writes the file with one cluster more, and resolves once that is in force. */
async function edit(server: TestServer): Promise<void> {
  const after = `${await names(server)} more-${Date.now()}`;
  await writeFile(join(server.directory, 'clusters.yaml'), yaml(...after.split(' ')));
  await until(
    () => names(server),
    (text) => text === after,
  );
  expect([await fault(server), await readiness(server)]).toEqual([null, 200]);
}

/** The exit code and the last words of a server that finds this there. */
async function refusal(directory: string, variables: Readonly<Record<string, string>> = {}): Promise<string> {
  const server = new ServerProcess(directory, variables);
  const code = await server.exited();
  return `${code} ${server.errors}`;
}

describe.concurrent('in the place of clusters.yaml', () => {
  const texts: readonly (readonly [string, (path: string) => Promise<unknown>, RegExp])[] = [
    ['nothing', async () => undefined, /the file is gone/],
    [
      'an empty file',
      (path) => writeFile(path, ''),
      /no longer names a cluster\. If that is intended, write "clusters: \{\}"/,
    ],
    ['comments alone', (path) => writeFile(path, '# clusters:\n'), /no longer names a cluster/],
    ['the first line of a file', (path) => writeFile(path, 'clusters:\n'), /no longer names a cluster/],
    ['half a file', (path) => writeFile(path, 'clusters:\n  alpha: { host: 127.0'), /clusters\.yaml:2:/],
    ['an image', (path) => writeFile(path, Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1')), /is not a text/],
    [
      'a text in another encoding',
      (path) => writeFile(path, Buffer.from(yaml('älpha'), 'latin1')),
      /is not UTF-8 text/,
    ],
    ['brackets without end', (path) => writeFile(path, '['.repeat(50_000)), /clusters\.yaml:1:/],
  ];

  it.each([...NO_FILES, ...texts])('%s is told, changes nothing, and heals', async (...member) => {
    const [, put, said] = member;
    const server = await anyServer();
    const path = join(server.directory, 'clusters.yaml');
    const before = await names(server);
    await rm(path);
    const takeAway = await put(path);
    const told = await until(
      () => fault(server),
      (text) => text !== null,
    );
    expect(told).toMatch(said);
    expect(told).toContain(path);
    expect([await names(server), await readiness(server)]).toEqual([before, 503]);
    if (typeof takeAway === 'function') await takeAway();
    await rm(path, { recursive: true, force: true });
    await edit(server);
    rested.push(server);
  });

  it.each(HOLDING)('%s keeps nobody from stopping', async (_name, put) => {
    const server = await TestServer.start(yaml('alpha', 'beta'));
    const path = join(server.directory, 'clusters.yaml');
    await rm(path);
    const takeAway = await put(path);
    await until(
      () => fault(server),
      (text) => text !== null,
    );
    expect(await server.stop('SIGTERM')).toBe(0);
    await takeAway?.();
    await rm(server.directory, { recursive: true });
  });

  it.each(NO_FILES)('%s is told at the start, which ends with code 1', async (_name, put, said) => {
    const directory = await newDirectory();
    const path = join(directory, 'own.yaml');
    const takeAway = await put(path);
    const told = await refusal(directory, { SLURMQL_CONFIG: path });
    expect(told).toMatch(/^1 .*\n$/);
    expect(told).toContain(path);
    expect(told).toMatch(said);
    await takeAway?.();
    await rm(directory, { recursive: true });
  });

  it('a disk that hangs is told, and heals; the first signal ends the server meanwhile', async () => {
    const server = await TestServer.start(yaml('alpha', 'beta'));
    const { directory } = server;
    const path = join(directory, 'clusters.yaml');
    {
      await using _hung = await hungDirectory(join(directory, 'hung'));
      await symlink('hung/clusters.yaml', `${path}.link`);
      await rename(`${path}.link`, path);
      expect(
        await until(
          () => fault(server),
          (text) => text !== null,
        ),
      ).toMatch(/its disk has not answered for 5 s/);
      expect([await names(server), await readiness(server)]).toEqual(['alpha beta', 503]);
      await rm(path);
      await writeFile(path, yaml('beta'));
    }
    await until(
      () => names(server),
      (text) => text === 'beta',
    );
    await using _hung = await hungDirectory(join(directory, 'hung-again'));
    await symlink('hung-again/clusters.yaml', `${path}.link`);
    await rename(`${path}.link`, path);
    await until(
      () => fault(server),
      (text) => text !== null,
    );
    expect(await server.stop('SIGTERM')).toBe(0);
  });

  it('a disk that hangs at the start ends it with code 1', async () => {
    const directory = await newDirectory();
    await using _hung = await hungDirectory(join(directory, 'hung'));
    const variables = { SLURMQL_CONFIG: join(directory, 'hung/clusters.yaml') };
    expect(await refusal(directory, variables)).toMatch(
      /^1 .*hung\/clusters\.yaml: .*its disk has not answered for 5 s/,
    );
  });
});

describe.concurrent('beside clusters.yaml', () => {
  it.each(NO_FILES)('%s as clusters.local.yaml is told, and leaves everything as it was', async (_name, put, said) => {
    const server = await anyServer();
    const before = await names(server);
    const own = join(server.directory, 'clusters.local.yaml');
    const takeAway = await put(own);
    const told = await until(
      () => fault(server),
      (text) => text !== null,
    );
    expect(told).toMatch(said);
    expect(told).toContain(own);
    expect(await names(server)).toBe(before);
    await takeAway?.();
    await rm(own, { recursive: true, force: true });
    await until(
      () => fault(server),
      (text) => text === null,
    );
    await edit(server);
    rested.push(server);
  });
});

describe.concurrent("in the place of the user's SSH files", () => {
  const places: readonly (readonly [name: string, configuration: string, RegExp])[] = [
    ['config', '', /the OpenSSH configuration .*\/\.ssh\/config can't be read: it is a named pipe/],
    ['known_hosts', '', /\.ssh\/known_hosts can't be read: it is a named pipe/],
    [
      'more/config',
      'Include ~/.ssh/more/*',
      /the OpenSSH configuration .*\/more\/config can't be read: it is a named pipe/,
    ],
    ['revoked', 'RevokedHostKeys ~/.ssh/revoked', /RevokedHostKeys .* can't be read: it is a named pipe/],
    ['id_rsa', '', /127\.0\.0\.1 port 1/],
    ['id_ed25519', '', /127\.0\.0\.1 port 1/],
    ['id_ed25519.pub', '', /127\.0\.0\.1 port 1/],
    ['id_ed25519-cert.pub', '', /127\.0\.0\.1 port 1/],
  ];

  it.each(places)('a pipe as %s is waited for by nobody', async (name, configuration, said) => {
    const directory = await newDirectory(yaml('alpha'));
    await mkdir(join(directory, '.ssh/more'), { recursive: true });
    if (configuration !== '') await writeFile(join(directory, '.ssh/config'), `${configuration}\n`);
    await execFile('mkfifo', [join(directory, '.ssh', name)]);
    const server = await TestServer.start(yaml('alpha'), directory);
    await until(
      () => message(server),
      (text) => text !== null && said.test(text),
    );
    await server[Symbol.asyncDispose]();
  });

  it('a home that hangs is told, other files are served, and the first signal ends the server', async () => {
    const directory = await newDirectory(yaml('alpha', 'beta', 'gamma', 'delta', 'epsilon'));
    await using _hung = await hungDirectory(join(directory, '.ssh'));
    const server = await TestServer.start(yaml('alpha', 'beta', 'gamma', 'delta', 'epsilon'), directory);
    await until(
      () => message(server),
      (text) => text?.includes('its disk has not answered for 5 s') === true,
    );
    await writeFile(join(directory, 'clusters.yaml'), yaml('alpha'));
    await until(
      () => names(server),
      (text) => text === 'alpha',
    );
    expect(await server.stop('SIGTERM')).toBe(0);
  });
});
