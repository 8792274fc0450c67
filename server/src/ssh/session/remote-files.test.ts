import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SshConnection } from '../connection.ts';
import { SshInterrupted } from '../errors.ts';
import { quote } from '../shell.ts';
import { eventually, SshWorld } from '../testing.ts';
import type { SshTiming } from '../timing.ts';
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

  test('the size and time of a file are told, also by an absolute path', async () => {
    await connection.run(`printf hello > file; touch -d @1700000000 file`, request);
    const status = { sizeBytes: 5, modifiedAt: new Date(1_700_000_000_000) };
    expect(await files.stat('file', request)).toEqual(status);
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

  test.each([
    ['a named pipe', 'mkfifo odd'],
    ['a socket', ''],
    ['a device', ''],
    ['a directory', 'mkdir odd'],
    ['a symbolic link', 'ln -s /etc/passwd odd'],
    ['a symbolic link', 'ln -s nowhere odd'],
    ['a symbolic link', 'mkfifo pipe; ln -s pipe odd'],
  ])('%s is refused as what it is, and not opened (%s)', async (kind, make) => {
    await connection.run('rm -rf odd pipe', request);
    if (kind === 'a socket' || kind === 'a device') makeOdd(kind, inHome('odd'));
    else await connection.run(make, request);
    const refusal = { fault: 'not-a-file', message: `odd is ${kind} and not a file, so it is not opened` };
    await expect(files.stat('odd', request)).rejects.toMatchObject(refusal);
    await expect(files.read('odd', 0, 10, request)).rejects.toMatchObject(refusal);
    const question = { pattern: 'x', isRegex: false, ignoresCase: false, from: 0, length: null, after: 0, limit: 1 };
    await expect(files.search('odd', question, request)).rejects.toMatchObject(refusal);
    // What is written is a new file, in the place of anything but a directory.
    const written = files.write('odd', Buffer.from('new'), { mode: 0o600, ...request });
    if (kind === 'a directory') await expect(written).rejects.toMatchObject(refusal);
    else {
      await written;
      expect(String(await files.read('odd', 0, 10, request))).toBe('new');
    }
    await rm(inHome('odd'), { recursive: true });
  });

  test('a directory is told from what is none, through links too', async () => {
    await connection.run('rm -rf odd; mkdir -p odd; ln -sfn odd linked; printf x >plain', request);
    const told = await Promise.all(
      ['odd', 'linked', 'plain', 'missing'].map((path) => files.isDirectory(path, request)),
    );
    expect(told).toEqual([true, true, false, false]);
    await connection.run('rm -rf odd linked', request);
  });

  test('what is written goes to no other file, of which the old one was a hard link', async () => {
    await connection.run('printf precious >other; ln -f other linked', request);
    await files.write('linked', Buffer.from('new'), { mode: 0o600, ...request });
    expect(await readFile(inHome('other'), 'utf8')).toBe('precious');
  });

  test('a full disk is a fault, not a short file taken for whole', async () => {
    await mkdir(inHome('full'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=4k,uid=${world.account.uid}`, 'room', inHome('full')]);
    try {
      await expect(files.write('full/file', Buffer.alloc(100_000), { mode: 0o600, ...request })).rejects.toMatchObject({
        fault: 'failure',
        message: expect.stringContaining('Is the disk or the quota full'),
      });
    } finally {
      execFileSync('umount', ['-l', inHome('full')]);
    }
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
    await files.isDirectory('.', request);
    expect(files.transport).toBe(transport);
  });

  test('1000 requests at once are all answered, over one session', async () => {
    await connection.run('printf hello > asked', request);
    const all = await Promise.all(Array.from({ length: 1_000 }, () => files.stat('asked', request)));
    expect(all.every((status) => status?.sizeBytes === 5)).toBe(true);
  });
});

/** What hangs on a file system that is down answers nothing, and can't be ended. */
async function stoppedSftp(own: SshConnection): Promise<void> {
  await own.run('pkill -STOP -u "$(id -u)" -x sftp-server', request);
}

describe('where the cluster does not answer for a file, as when its file system hangs', () => {
  let hangs = 0;
  const connect = async (timing: Partial<SshTiming> = {}) => {
    const sshd = await world.startSshd();
    await sshd.reconfigure((config) => config.replace('internal-sftp', '/usr/lib/openssh/sftp-server'));
    const own = world.connect(await world.settings(sshd), {}, { timing });
    hangs = 0;
    await own.run('rm -rf file; printf hello >file', request);
    await own.files.stat('file', request);
    return own;
  };
  const hang = async (own: SshConnection) => {
    hangs += 1;
    expect(await own.files.stat('file', request)).not.toBeNull();
    await stoppedSftp(own);
    await expect(own.files.read(hangs % 2 === 1 ? 'file' : 'other', 0, 1_000, { timeoutMs: 300 })).rejects.toThrow(
      SshInterrupted,
    );
  };
  const release = (own: SshConnection) => own.run('pkill -CONT -u "$(id -u)" -x sftp-server; :', request);

  test('the request ends with its deadline, the next one is served, and commands go on', async () => {
    const own = await connect();
    await hang(own);
    // A second one shows that it is no accident: the cluster is spared a third until one of them ends.
    await hang(own);
    await expect(own.files.stat('file', request)).rejects.toThrow('one of its file systems seems to hang');
    expect((await own.run('echo fine', request)).stdout).toBe('fine\n');

    await release(own);
    await eventually(async () => (await own.files.stat('file', request).catch(() => null)) !== null);
  });

  test('what made it hang is left alone, and others are read', async () => {
    const own = await connect();
    await own.run('printf hello >other', request);
    await hang(own);
    await expect(own.files.read('file', 0, 1_000, request)).rejects.toMatchObject({
      fault: 'failure',
      message: expect.stringContaining('left alone for ten minutes'),
    });
    expect(String(await own.files.read('other', 0, 1_000, request))).toBe('hello');
    await release(own);
  });

  test('what takes the place of a file just as it is opened hangs once, and nothing stays so', async () => {
    const own = await connect({ silenceMs: 3_000 });
    const swap = `import os, time
os.mkfifo('pipe')
open('swapped', 'w').write('hello')
end = time.time() + 3
while time.time() < end:
    for name in ('pipe', 'plain'):
        if name == 'plain': open('plain', 'w').write('hello')
        else: os.path.exists('spare') or os.mkfifo('spare')
        os.rename('spare' if name == 'pipe' else 'plain', 'swapped')
`;
    await own.run(`rm -f pipe spare plain swapped`, request);
    const swapping = own.run(`python3 -c ${quote(swap)}`, request);
    const until = Date.now() + 3_000;
    while (Date.now() < until) await own.files.read('swapped', 0, 10, { timeoutMs: 1_000 }).catch(() => null);
    await swapping;
    expect(String(await own.files.read('file', 0, 10, request))).toBe('hello');
    expect((await own.run('echo fine', request)).stdout).toBe('fine\n');
  });

  test('the others who wait for it are told at once', async () => {
    const own = await connect();
    await stoppedSftp(own);
    const first = own.files.read('file', 0, 1_000, { timeoutMs: 300 });
    const others = [own.files.stat('file', request), own.files.stat('file', request)];
    await expect(first).rejects.toThrow(SshInterrupted);
    for (const other of others) await expect(other).rejects.toThrow('the SFTP session ended before the answer came');
    await release(own);
  });

  test('long deadlines of requests keep nobody waiting', async () => {
    const own = await connect({ silenceMs: 3_000 });
    await stoppedSftp(own);
    await expect(own.files.read('file', 0, 1_000, { timeoutMs: 600_000 })).rejects.toThrow(SshInterrupted);
    expect(await own.files.stat('file', request)).not.toBeNull();
    await release(own);
  });

  test('a person who asks for it has the connection made anew', async () => {
    const own = await connect({ silenceMs: 3_000, askAgainMs: 0 });
    await hang(own);
    await hang(own);
    await expect(own.files.stat('file', request)).rejects.toThrow('one of its file systems seems to hang');
    await eventually(async () => {
      own.connectNow();
      return (await own.files.stat('file', request).catch(() => null)) !== null;
    });
    await release(own);
  });

  test('the connection is made anew by itself once nothing has room beside what hangs', async () => {
    const own = await connect({ silenceMs: 3_000, steadyAfterMs: 0, quickRetryMs: 50 });
    const messages: string[] = [];
    own.onStateChange((state) => 'message' in state && state.message !== null && messages.push(state.message));
    // Each of these ignores what ends others, and keeps its place in the line of four.
    const stuck = () => own.run(`trap '' TERM HUP PIPE; exec sleep 60`, { timeoutMs: 1_000 });
    await Promise.all([1, 2, 3, 4].map(() => expect(stuck()).rejects.toThrow(SshInterrupted)));
    await eventually(() => messages.some((message) => message.includes('block all further ones')));
    expect((await own.run('echo again', request)).stdout).toBe('again\n');
    await own.run('pkill -u "$(id -u)" -x sleep', request);
  });
});

test('an SFTP session that is lost comes back with the next request', async () => {
  const sshd = await world.startSshd();
  await sshd.reconfigure((config) => config.replace('internal-sftp', '/usr/lib/openssh/sftp-server'));
  const own = world.connect(await world.settings(sshd));
  await own.files.isDirectory('.', request);
  await own.run('pkill -u "$(id -u)" -x sftp-server', request);
  await eventually(async () => await own.files.isDirectory('.', request).catch(() => false));
  expect(own.state.status).toBe('online');
});

/** What an sftp-server says first: its version. */
const versionOf = (version: number) => `printf '\\000\\000\\000\\005\\002\\000\\000\\000\\00${version}'`;

test.each([
  ['has no SFTP', '', 'Unable to start subsystem'],
  ['has an SFTP that fails as it starts', 'exit 1', 'exit code 1'],
  ['has an SFTP that ends as it starts', 'exit 0', 'exit code 0'],
  ['has an SFTP that is killed as it starts', 'kill -KILL $$', 'SIGKILL'],
  ['prints before SFTP', 'echo "Welcome, and good luck"; exec /usr/lib/openssh/sftp-server', 'Packet length'],
  ['prints half a word before SFTP hangs', 'printf We; exec sleep 600', 'before it said what it is'],
  ['prints no end of words for SFTP', 'exec yes', 'Packet length'],
  ['prints what looks like a message of SFTP', `printf '\\000\\000\\000\\001z'; exec sleep 600`, 'Unknown packet type'],
  ['has an SFTP of another version', `${versionOf(6)}; exec sleep 600`, 'version 6'],
  ['has an SFTP that ends once it has begun', versionOf(3), 'ended before it answered anything'],
  ['has an SFTP that ends at the first request', `${versionOf(3)}; head -c 20 >/dev/null`, 'ended before it answered'],
  ['has an SFTP that answers no request', `${versionOf(3)}; exec sleep 600`, 'it answers no request'],
  ['has an SFTP that answers with noise', `${versionOf(3)}; head -c 1 >/dev/null; exec yes`, 'Packet length'],
])('a cluster that %s is read and written by commands, and says so', async (_, program, fault) => {
  const sshd = await world.startSshd();
  const path = await world.file('sftp-server', `#!/bin/sh\n${program}\n`);
  await chmod(path, 0o755);
  await sshd.reconfigure((config) => (program === '' ? WITHOUT_SFTP(config) : config.replace('internal-sftp', path)));
  const before = process.memoryUsage().arrayBuffers;
  const own = world.connect(await world.settings(sshd), {}, { timing: { silenceMs: 3_000 } });
  // What breaks after it has begun shows with the first requests.
  await eventually(async () => {
    await own.files.stat('by-commands', request).catch(() => null);
    return own.files.transport === 'commands';
  });
  await own.files.write('by-commands', Buffer.from('written'), { mode: 0o600, ...request });
  expect(String(await own.files.read('by-commands', 0, 100, request))).toBe('written');
  expect(own.sftpFault).toContain(fault);
  expect((await own.run('echo fine', request)).stdout).toBe('fine\n');
  // Nothing keeps a place among the server's sessions, nor memory for messages of a gigabyte.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 1024 * 1024);
});

test('a cluster that has no SFTP, and allows one session, is read and written by commands', async () => {
  const sshd = await world.startSshd();
  await sshd.reconfigure((config) => `MaxSessions 1\n${WITHOUT_SFTP(config)}`);
  const own = world.connect(await world.settings(sshd));
  await own.files.write('by-commands', Buffer.from('written'), { mode: 0o600, ...request });
  for (let round = 0; round < 20; round += 1) {
    expect(String(await own.files.read('by-commands', 0, 100, request))).toBe('written');
  }
  expect(own.files.transport).toBe('commands');
  expect((await own.run('echo fine', request)).stdout).toBe('fine\n');
});

test('a start-up file that prints keeps an external sftp-server from working, and nothing else', async () => {
  const sshd = await world.startSshd();
  await sshd.reconfigure((config) => config.replace('internal-sftp', '/usr/lib/openssh/sftp-server'));
  await writeFile(inHome('.bashrc'), 'echo Welcome; fortune 2>/dev/null; yes noise | head -100\n');
  const own = world.connect(await world.settings(sshd));
  await own.files.write('by-commands', Buffer.from('written'), { mode: 0o600, ...request });
  expect(own.files.transport).toBe('commands');
  expect(own.sftpFault).toContain('Packet length');
  await rm(inHome('.bashrc'));
});

test('where SFTP comes back, the next connection has it', async () => {
  const sshd = await world.startSshd();
  const config: string[] = [];
  await sshd.reconfigure((text) => {
    config.push(text);
    return WITHOUT_SFTP(text);
  });
  const own = world.connect(await world.settings(sshd));
  await own.files.isDirectory('.', request);
  expect(own.files.transport).toBe('commands');
  await sshd.reconfigure(() => config[0] ?? '');
  await eventually(async () => {
    await own.files.isDirectory('.', request).catch(() => null);
    return own.files.transport === 'sftp';
  });
});

/** What only root makes, or only a program. */
function makeOdd(kind: string, path: string): void {
  if (kind === 'a device') execFileSync('mknod', [path, 'c', '1', '3']);
  else execFileSync('python3', ['-c', 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', path]);
}

async function* streamOf(pieces: readonly Buffer[]) {
  yield* pieces;
}
