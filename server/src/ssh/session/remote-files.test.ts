import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SshConnection } from '../connection.ts';
import { SshInterrupted } from '../errors.ts';
import { eventually, SshWorld } from '../testing.ts';
import type { RemoteFiles } from './remote-files.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

let world: SshWorld;
beforeAll(async () => {
  world = await SshWorld.create();
});
afterAll(() => world.close());

const WITHOUT_SFTP = (config: string) => config.replace(/^Subsystem.*$/m, '');

const request = { timeoutMs: 30_000 };
const inHome = (name: string) => join(world.account.home, name);

describe.each(['sftp', 'commands'] as const)('by %s', (transport) => {
  let connection: SshConnection;
  let files: RemoteFiles;
  beforeAll(async () => {
    const sshd = await world.startSshd();
    if (transport === 'commands') await sshd.reconfigure(WITHOUT_SFTP);
    connection = world.connect(await world.settings(sshd));
    files = connection.files;
    // What the other transport's tests have left.
    await connection.run('chmod -R u+rwx . && rm -rf ./*', request);
    execFileSync('rm', ['-rf', inHome('closed'), inHome('full')]);
  });

  test('the size and time of a file are told, also through a symbolic link and by an absolute path', async () => {
    await connection.run(`printf hello > file; touch -d @1700000000 file; ln -s file link`, request);
    const status = { sizeBytes: 5, modifiedAt: new Date(1_700_000_000_000) };
    expect(await files.stat('file', request)).toEqual(status);
    expect(await files.stat('link', request)).toEqual(status);
    expect(await files.stat(inHome('file'), request)).toEqual(status);
  });

  test('a file that does not exist is null, not a fault', async () => {
    expect(await files.stat('missing', request)).toBeNull();
    expect(await files.stat('missing/file', request)).toBeNull();
  });

  test('to read a file that does not exist is a fault', async () => {
    await expect(files.read('missing', 0, 10, request)).rejects.toMatchObject({
      name: 'RemoteFileError',
      fault: 'no-such-file',
      path: 'missing',
      message: 'missing: no such file on the cluster',
    });
  });

  test('a range is read exactly: short where the file ends, empty past its end', async () => {
    await connection.run('printf 0123456789 > digits', request);
    const read = async (offset: number, length: number) => String(await files.read('digits', offset, length, request));
    expect(await read(0, 4)).toBe('0123');
    expect(await read(4, 6)).toBe('456789');
    expect(await read(8, 1000)).toBe('89');
    expect(await read(10, 5)).toBe('');
    expect(await read(5000, 5)).toBe('');
    expect(await read(0, 0)).toBe('');
  });

  test('a range that is none, or larger than 16 MiB, is turned down', async () => {
    await expect(files.read('digits', -1, 5, request)).rejects.toThrow(RangeError);
    await expect(files.read('digits', 0, 16 * 1024 * 1024 + 1, request)).rejects.toThrow(RangeError);
  });

  test('20 MB arrive byte for byte, and come back the same', async () => {
    const content = randomBytes(20_000_000);
    await files.write('large', content, { mode: 0o640, ...request });
    expect((await readFile(inHome('large'))).equals(content)).toBe(true);
    const parts = [
      await files.read('large', 0, 16 * 1024 * 1024, request),
      await files.read('large', 16 * 1024 * 1024, 16 * 1024 * 1024, request),
    ];
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });

  test('a stream of pieces of any size is written in order', async () => {
    const pieces = [0, 1, 700_000, 3, 0, 131_072, 131_073, 5].map((size) => randomBytes(size));
    await files.write('streamed', streamOf(pieces), { mode: 0o600, ...request });
    expect((await readFile(inHome('streamed'))).equals(Buffer.concat(pieces))).toBe(true);
  });

  test('a source is asked for no more than can be sent', async () => {
    let taken = 0;
    let written = 0;
    async function* source() {
      for (; taken < 64; taken += 1) {
        written = (await stat(inHome('held')).catch(() => ({ size: 0 }))).size;
        expect(taken * 1_000_000 - written).toBeLessThanOrEqual(4_000_000);
        yield Buffer.alloc(1_000_000);
      }
    }
    await files.write('held', source(), { mode: 0o600, ...request });
    expect((await stat(inHome('held'))).size).toBe(64_000_000);
  });

  test('a file is replaced whole, and its mode is the one asked for', async () => {
    await writeFile(inHome('replaced'), 'something longer', { mode: 0o644 });
    await connection.run(`rm -f replaced; printf 'something longer' > replaced; chmod 644 replaced`, request);
    await files.write('replaced', Buffer.from('short'), { mode: 0o600, ...request });
    expect(await readFile(inHome('replaced'), 'utf8')).toBe('short');
    expect((await stat(inHome('replaced'))).mode & 0o777).toBe(0o600);
    await files.write('runnable', Buffer.alloc(0), { mode: 0o777, ...request });
    expect(await stat(inHome('runnable'))).toMatchObject({ size: 0, mode: 0o100777 });
  });

  test('a denied permission is told as such', async () => {
    await mkdir(inHome('closed'));
    await chmod(inHome('closed'), 0o755);
    const denied = { fault: 'permission-denied', message: 'closed/file: the cluster denies permission' };
    await expect(files.write('closed/file', Buffer.from('x'), { mode: 0o600, ...request })).rejects.toMatchObject(
      denied,
    );
  });

  test('any other fault is passed on in the words of the server', async () => {
    await expect(files.read('.', 0, 10, request)).rejects.toMatchObject({ fault: 'failure' });
  });

  test('a full disk is a fault, not a short file taken for whole', async () => {
    // A device that is always full, like /dev/full.
    execFileSync('mknod', [inHome('full'), 'c', '1', '7']);
    await chown(inHome('full'), world.account.uid, world.account.gid);
    await expect(files.write('full', Buffer.from('x'), { mode: 0o600, ...request })).rejects.toMatchObject({
      fault: 'failure',
      message: expect.stringContaining('Is the disk or the quota full'),
    });
  });

  test("a source's own error is passed on", async () => {
    async function* source() {
      yield Buffer.from('x');
      throw new Error('the source failed');
    }
    await expect(files.write('half', source(), { mode: 0o600, ...request })).rejects.toThrow('the source failed');
  });

  test('a source that stops giving is left at the deadline, and told so', async () => {
    const stopped = vi.fn();
    const source: AsyncIterable<Buffer> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: async () => {
          stopped();
          return { done: true, value: undefined };
        },
      }),
    };
    await expect(files.write('never', source, { mode: 0o600, timeoutMs: 300 })).rejects.toThrow(SshInterrupted);
    expect(stopped).toHaveBeenCalledOnce();
  });

  test('a login that prints lines of its own, and files that hold anything, are told apart', async () => {
    await writeFile(inHome('.bashrc'), 'echo begin; echo noise >&2\n');
    const content = randomBytes(300_000);
    await files.write("-it's a file", content, { mode: 0o600, ...request });
    expect((await readFile(inHome("-it's a file"))).equals(content)).toBe(true);
    expect((await files.read("-it's a file", 99_999, 200_001, request)).equals(content.subarray(99_999))).toBe(true);
    expect(await files.stat("-it's a file", request)).toMatchObject({ sizeBytes: 300_000 });
    await rm(inHome('.bashrc'));
  });

  test('what is far behind the beginning of a large file is read at once', async () => {
    await connection.run('truncate -s 10G sparse && printf end >>sparse', request);
    const size = 10 * 1024 ** 3;
    expect(await files.stat('sparse', request)).toMatchObject({ sizeBytes: size + 3 });
    expect(String(await files.read('sparse', size - 1, 100, request))).toBe('\0end');
    await rm(inHome('sparse'));
  });

  test('how files are reached is known', async () => {
    await files.stat('.', request);
    expect(files.transport).toBe(transport);
  });

  test('1000 requests at once are all answered, over one session', async () => {
    await connection.run('printf hello > asked', request);
    const all = await Promise.all(Array.from({ length: 1_000 }, () => files.stat('asked', request)));
    expect(all.every((status) => status?.sizeBytes === 5)).toBe(true);
  });
});

describe('where the cluster does not answer for a file, as when its file system hangs', () => {
  // sftp-server opens a named pipe and waits for somebody to write to it.
  const hang = (own: SshConnection) => own.files.read('pipe', 0, 1_000, { timeoutMs: 300 });

  test('the request ends with its deadline, the next one is served, and commands go on', async () => {
    const own = world.connect(await world.settings(await world.startSshd()));
    await own.run('rm -f pipe; mkfifo pipe', request);
    await expect(hang(own)).rejects.toThrow(SshInterrupted);
    expect(await own.files.stat('pipe', request)).not.toBeNull();

    // A second one shows that it is no accident: the cluster is spared a third until one of them ends.
    await expect(hang(own)).rejects.toThrow(SshInterrupted);
    await expect(own.files.stat('pipe', request)).rejects.toThrow('one of its file systems seems to hang');
    expect((await own.run('echo fine', request)).stdout).toBe('fine\n');

    await own.run(': > pipe', request);
    await eventually(async () => (await own.files.stat('pipe', request).catch(() => null)) !== null);
  });

  test('the others who wait for it are told at once', async () => {
    const own = world.connect(await world.settings(await world.startSshd()));
    await own.run('rm -f pipe; mkfifo pipe', request);
    await own.files.stat('.', request);
    const first = hang(own);
    const others = [own.files.stat('file', request), own.files.stat('file', request)];
    await expect(first).rejects.toThrow(SshInterrupted);
    for (const other of others) await expect(other).rejects.toThrow('the SFTP session ended before the answer came');
  });
});

test('an SFTP session that is lost comes back with the next request', async () => {
  const sshd = await world.startSshd();
  await sshd.reconfigure((config) => config.replace('internal-sftp', '/usr/lib/openssh/sftp-server'));
  const own = world.connect(await world.settings(sshd));
  await own.files.stat('.', request);
  await own.run('pkill -u "$(id -u)" -x sftp-server', request);
  await eventually(async () => (await own.files.stat('.', request).catch(() => null)) !== null);
  expect(own.state.status).toBe('online');
});

test.each([
  ['has no SFTP', WITHOUT_SFTP],
  ['has an SFTP that ends as it starts', (config: string) => config.replace('internal-sftp', '/bin/false')],
  ['has no SFTP, and allows one session', (config: string) => `MaxSessions 1\n${WITHOUT_SFTP(config)}`],
])('a cluster that %s is read and written by commands', async (_, edit) => {
  const sshd = await world.startSshd();
  await sshd.reconfigure(edit);
  const own = world.connect(await world.settings(sshd));
  await own.files.write('by-commands', Buffer.from('written'), { mode: 0o600, ...request });
  for (let round = 0; round < 20; round += 1) {
    expect(String(await own.files.read('by-commands', 0, 100, request))).toBe('written');
  }
  expect(own.files.transport).toBe('commands');
  expect((await own.run('echo fine', request)).stdout).toBe('fine\n');
});

test('where SFTP comes back, the next connection has it', async () => {
  const sshd = await world.startSshd();
  const config: string[] = [];
  await sshd.reconfigure((text) => {
    config.push(text);
    return WITHOUT_SFTP(text);
  });
  const own = world.connect(await world.settings(sshd));
  await own.files.stat('.', request);
  expect(own.files.transport).toBe('commands');
  await sshd.reconfigure(() => config[0] ?? '');
  await eventually(async () => {
    await own.files.stat('.', request).catch(() => null);
    return own.files.transport === 'sftp';
  });
});

async function* streamOf(pieces: readonly Buffer[]) {
  yield* pieces;
}
