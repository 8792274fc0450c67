import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Puts something in a file's place. What it gives takes away what `rm` doesn't. */
type Put = (path: string) => Promise<(() => Promise<unknown>) | undefined>;

/** What may lie where a file should be, and what is said of it. */
export const NO_FILES: readonly (readonly [name: string, put: Put, said: RegExp])[] = [
  ['a named pipe', (path) => run('mkfifo', [path]).then(nothing), /is a named pipe, not a file/],
  ['a link to a pipe', (path) => pipeBehindLink(path).then(nothing), /is a named pipe, not a file/],
  ['a device', (path) => run('mknod', [path, 'c', '1', '5']).then(nothing), /is a device, not a file/],
  ['a link to a terminal', (path) => symlink('/dev/ptmx', path).then(nothing), /is a device, not a file/],
  ['a socket', listenAt, /is a socket, not a file/],
  ['a directory', (path) => mkdir(path).then(nothing), /is a directory, not a file/],
  [
    'a link that leads nowhere',
    (path) => symlink('nowhere', path).then(nothing),
    /is a link to nowhere, which does not exist/,
  ],
  [
    'a link that leads to itself',
    (path) => symlink(path, path).then(nothing),
    /is a symbolic link that leads back to itself/,
  ],
  // Of this file, the system reads nothing to anybody.
  [
    'a file with a fault',
    (path) => symlink('/proc/self/mem', path).then(nothing),
    /can't be read: its disk has a fault/,
  ],
  ['a file of a terabyte', (path) => hugeFile(path).then(nothing), /has more than \d+ bytes/],
];

/** Those that whoever opens or asks them waits for. */
export const HOLDING = NO_FILES.slice(0, 5);

const nothing = () => undefined;

async function pipeBehindLink(path: string): Promise<void> {
  const pipe = `${path}.pipe-${Date.now()}`;
  await run('mkfifo', [pipe]);
  await symlink(pipe, path);
}

async function listenAt(path: string): Promise<() => Promise<unknown>> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return () => new Promise((resolve) => server.close(resolve));
}

async function hugeFile(path: string): Promise<void> {
  await writeFile(path, '');
  await truncate(path, 2 ** 40);
}

/** A directory on a file system whose server never answers: whoever looks into it waits until they are killed. */
export async function hungDirectory(path: string): Promise<AsyncDisposable> {
  await mkdir(path);
  // Nobody reads the device; it is held open for as long as the file system is to hang.
  const script = `exec 3<>/dev/fuse
mount -t fuse -o fd=3,rootmode=040000,user_id=0,group_id=0 slurmql "$1" && echo mounted && read -r _`;
  const holder = spawn('sh', ['-c', script, 'sh', path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'close');
  const mounted = once(createInterface(holder.stdout), 'line');
  await Promise.race([mounted, ended.then(() => Promise.reject(new Error(`Nothing could be mounted on ${path}`)))]);
  return {
    [Symbol.asyncDispose]: async () => {
      await run('umount', ['--lazy', path]);
      holder.stdin.end();
      await ended;
    },
  };
}
