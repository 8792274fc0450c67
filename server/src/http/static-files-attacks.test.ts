import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readdir, readlink, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StageChild } from '../../test/support/stage-child.ts';
import { MOST_BUILT_BYTES } from './static-files.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

/** Larger than what a connection holds that nobody reads. */
const SCRIPT = randomBytes(3_000_000);
const PAGE = '<!doctype html><title>The dashboard</title>';

async function directoryWith(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-web-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, 'assets'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  return directory;
}

async function serve(directory: string): Promise<StageChild> {
  return stack.use(await StageChild.start(directory));
}

async function read(stage: StageChild, path: string): Promise<{ status: number; body: Buffer }> {
  const response = await fetch(`${stage.address}${path}`);
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
}

describe('a file of the dashboard that is asked for and not taken', () => {
  let directory: string;
  let stage: StageChild;
  beforeAll(async () => {
    directory = await directoryWith({ 'index.html': PAGE, 'assets/a.js': SCRIPT });
    stage = await serve(directory);
  });

  const SCRIPT_HEAD = 'GET /assets/a.js HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const PAGE_HEAD = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const UPGRADE = 'GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
  const begun = async (socket: Socket) => {
    socket.once('data', () => socket.pause());
    await once(socket, 'data');
  };
  const sent = async (socket: Socket) => {
    if (socket.writableLength > 0) await once(socket, 'drain');
  };

  /** Files of the directory that the server has open. */
  async function opened(): Promise<string[]> {
    const numbers = await readdir(`/proc/${stage.pid}/fd`);
    const paths = await Promise.all(
      numbers.map((number) => readlink(`/proc/${stage.pid}/fd/${number}`).catch(() => '')),
    );
    return paths.filter((path) => path.startsWith(directory));
  }

  it.each<[string, string, (socket: Socket) => Promise<void>]>([
    ['by one who has left at once', SCRIPT_HEAD, async () => undefined],
    ['by one who leaves when it has been asked for', SCRIPT_HEAD, sent],
    ['by one who leaves in the middle', SCRIPT_HEAD, begun],
    ['by one who asks for the page, and leaves', PAGE_HEAD, sent],
    ['by one who asks for it again and again, and leaves', SCRIPT_HEAD.repeat(8), sent],
    ['by one who asks for its head alone, and leaves', SCRIPT_HEAD.replace('GET', 'HEAD'), sent],
    [
      'by one who says no more, and leaves',
      SCRIPT_HEAD,
      async (socket) => {
        socket.end();
        await begun(socket);
      },
    ],
    ['by one who wants something else instead, and leaves', SCRIPT_HEAD + UPGRADE, begun],
  ])('%s is closed', async (_what, head, leave) => {
    for (let times = 0; times < 5; times += 1) {
      const leaving = Array.from({ length: 20 }, async () => {
        const socket = connect(Number(new URL(stage.address).port), '127.0.0.1');
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(head);
        await Promise.race([leave(socket), once(socket, 'close')]);
        socket.resetAndDestroy();
      });
      await Promise.all(leaving);
    }
    expect((await read(stage, '/')).body.toString()).toBe(PAGE);
    await expect.poll(opened, { timeout: 10_000 }).toEqual([]);
  });
});

describe('the dashboard of a running server', () => {
  const SPOILT: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
    'has gone': (path) => rm(path),
    'is a directory': async (path) => rm(path).then(() => mkdir(path)),
    'is a named pipe': async (path) => rm(path).then(() => execFileSync('mkfifo', [path])),
    'is a link to nothing': async (path) => rm(path).then(() => symlink('nothing', path)),
    'is a device without an end': async (path) => rm(path).then(() => symlink('/dev/zero', path)),
    'is longer': (path) => appendFile(path, 'and more'),
    'is shorter': (path) => truncate(path, 3),
    'is another': (path) => writeFile(path, 'another script'),
  };
  const nameOf = (what: string) => `assets/${what.replaceAll(' ', '-')}.js`;
  let directory: string;
  let stage: StageChild;
  beforeAll(async () => {
    const names = Object.keys(SPOILT).map(nameOf);
    directory = await directoryWith({ 'index.html': PAGE, ...Object.fromEntries(names.map((name) => [name, SCRIPT])) });
    stage = await serve(directory);
  });

  it.each(Object.entries(SPOILT))('is sent as it was, though a file %s', async (what, spoil) => {
    await spoil(join(directory, nameOf(what)));
    // As many as Node has threads for files, and more.
    const answers = await Promise.all(Array.from({ length: 5 }, () => read(stage, `/${nameOf(what)}`)));
    for (const { status, body } of answers) expect([status, body.equals(SCRIPT)]).toEqual([200, true]);
    expect((await read(stage, '/')).body.toString()).toBe(PAGE);
  });

  it('is sent as it was, though its directory has gone', async () => {
    await rm(directory, { recursive: true });
    expect((await read(stage, '/')).body.toString()).toBe(PAGE);
    expect((await read(stage, `/${nameOf('has gone')}`)).body.equals(SCRIPT)).toBe(true);
  });

  it('is none where its directory holds more than a build ever does', async () => {
    const large = await directoryWith({ 'index.html': PAGE, 'assets/a.js': '' });
    await truncate(join(large, 'assets/a.js'), MOST_BUILT_BYTES);
    const { status, body } = await read(await serve(large), '/');
    expect(status).toBe(503);
    expect(body.toString()).toContain('npm run build');
  });
});
