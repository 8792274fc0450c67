import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { brotliCompress } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DiskAccess } from './disk-access.ts';
import { ServerBusy } from './git-error.ts';

/** In its thread, each call of the system waits as long as there is a pipe beside what it is about: so a dead disk does. */
const HANG = `import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { closeSync, existsSync, openSync } = fs;
for (const name of ['lstatSync', 'openSync', 'opendirSync', 'readlinkSync', 'statSync']) {
  const call = fs[name];
  fs[name] = (path, ...rest) => {
    const pipe = String(path).replace(/[/][^/]*$/, '/hanging');
    if (existsSync(pipe)) closeSync(openSync(pipe, 'r'));
    return call(path, ...rest);
  };
}
syncBuiltinESMExports();`;

const hangingWorker = (workerData: unknown) =>
  new Worker(new URL('./disk-worker.ts', import.meta.url), {
    workerData,
    trackUnmanagedFds: false,
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(HANG)}`],
  });

let stack: AsyncDisposableStack;
let disks: DiskAccess;
beforeEach(() => {
  stack = new AsyncDisposableStack();
  disks = new DiskAccess(hangingWorker);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await stack.disposeAsync();
});

async function newDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'slurmql-disk-'));
  stack.defer(() => rm(path, { recursive: true, force: true }));
  await writeFile(join(path, 'file'), 'text');
  await symlink('file', join(path, 'link'));
  await mkdir(join(path, 'below'));
  return path;
}

/** Its disk hangs until the answer is called. */
async function hang(path: string): Promise<() => Promise<void>> {
  const pipe = join(path, 'hanging');
  const awake = join(path, 'awake');
  await promisify(execFile)('mkfifo', [pipe]);
  let isHanging = true;
  const letGo = async () => {
    if (!isHanging) return;
    isHanging = false;
    await rename(pipe, awake);
    await (await open(awake, 'r+')).close();
  };
  stack.defer(letGo);
  return letGo;
}

/** What else needs the threads of the process. */
async function othersAnswer(): Promise<void> {
  const compressed = Array.from({ length: 8 }, () => promisify(brotliCompress)('text'));
  const files = Array.from({ length: 8 }, () => stat(tmpdir()));
  await Promise.all([...compressed, ...files, lookup('localhost')]);
}

/** What becomes of `work` while the disk stays silent for minutes; whatever else needs a thread has one. */
async function inSilence<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  work.then(end, end);
  await expect
    .poll(async () => {
      await othersAnswer();
      vi.advanceTimersByTime(31_000);
      return isOver;
    })
    .toBe(true);
  return work;
}

const SILENT = 'its disk has not answered for 30 s';
const look = (path: string) => disks.ask(path, 'statuses', path, ['file']);
const FOUND = [expect.objectContaining({ kind: 'file', sizeBytes: 4 })];
const COMMITTED = { path: 'file', kind: 'file', isExecutable: false, objectId: 'f'.repeat(40), sizeBytes: 4 } as const;

describe('a disk that hangs', () => {
  it.each<[string, (path: string) => Promise<unknown>]>([
    ['what lies there', look],
    ['when a file was written', (path) => disks.ask(path, 'modifiedNs', join(path, 'file'))],
    ['whether bytes are the same', (path) => disks.ask(path, 'areAsCommitted', path, [COMMITTED])],
    ['where a link leads', (path) => disks.ask(path, 'target', path, 'link')],
    ['what is in a directory', (path) => disks.ask(path, 'entries', path, 'below', { files: 10, bytes: 1000 })],
    ['to open a file', (path) => disks.ask(path, 'open', path, 'file')],
  ])('is given up when it is asked %s, and asked again once it has answered', async (_what, ask) => {
    const path = await newDirectory();
    const letGo = await hang(path);
    await expect(inSilence(ask(path))).rejects.toThrow(SILENT);
    await expect(look(path)).rejects.toThrow(SILENT);
    await letGo();
    await expect.poll(() => look(path).catch(String)).toEqual(FOUND);
  });

  it('keeps others neither from their disks nor from the threads of the process', async () => {
    const [hanging, sound] = [await newDirectory(), await newDirectory()];
    const letGo = await hang(hanging);
    const looks = Array.from({ length: 200 }, () => look(hanging));
    for (let count = 0; count < 20; count += 1) expect(await look(sound)).toEqual(FOUND);
    await expect(inSilence(Promise.race(looks))).rejects.toThrow(SILENT);
    expect(await look(sound)).toEqual(FOUND);
    await letGo();
    const answers = await Promise.allSettled(looks);
    expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });

  it('takes one of two threads; when another one hangs as well, all are told that the server is busy', async () => {
    const [sound, ...hanging] = [await newDirectory(), await newDirectory(), await newDirectory()];
    const letGo = await Promise.all(hanging.map(hang));
    const refused = hanging.map((path) => expect(look(path)).rejects.toThrow(SILENT));
    await inSilence(Promise.all(refused));
    await expect(look(sound)).rejects.toThrow(ServerBusy);
    await letGo[0]?.();
    await expect.poll(() => look(sound).catch(String)).toEqual(FOUND);
  });

  it('keeps no file open that it opened too late', async () => {
    const path = await newDirectory();
    const letGo = await hang(path);
    await expect(inSilence(disks.ask(path, 'open', path, 'file'))).rejects.toThrow(SILENT);
    await letGo();
    await expect.poll(() => look(path).catch(String)).toEqual(FOUND);
    const opened = async () => {
      const links = (await readdir('/proc/self/fd')).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => ''));
      return (await Promise.all(links)).filter((target) => target.startsWith(path));
    };
    await expect.poll(opened).toEqual([]);
  });

  it('is waited for as long as it answers now and then', async () => {
    const slow = await newDirectory();
    const letGo = await hang(slow);
    const found = look(slow);
    await othersAnswer();
    vi.advanceTimersByTime(29_000);
    await letGo();
    expect(await found).toEqual(FOUND);
  });
});

it('a file stays open for as long as it is read, also when the thread that opened it has ended', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const path = await newDirectory();
  disks = new DiskAccess();
  const opened = await disks.ask(path, 'open', path, 'file');
  vi.advanceTimersByTime(11_000);
  // Its end.
  for (let count = 0; count < 5; count += 1) await othersAnswer();
  const read = await disks.ask(path, 'read', opened?.descriptor ?? -1, 'file', 100);
  expect(Buffer.from(read).toString()).toBe('text');
  await disks.close(path, opened?.descriptor ?? -1);
});

it('no file of a repository is read in another way', async () => {
  const sources = (await readdir(import.meta.dirname)).filter((name) => !/(?:\.test|^testing)\.ts$/.test(name));
  const readers = [];
  for (const name of sources) {
    const text = await readFile(join(import.meta.dirname, name), 'utf8');
    if (/from 'node:fs(?:\/promises)?'/.test(text)) readers.push(name);
  }
  // The others only touch files of the server's own.
  expect(readers.sort()).toEqual([
    'archive.ts',
    'disk-questions.ts',
    'held-files.ts',
    'open-directories.ts',
    'own-places.ts',
    'staging.ts',
    // It begins to watch directories in a thread of its own, and reads none.
    'watch-worker.ts',
  ]);
});
