import { execFile } from 'node:child_process';
import { chmod, chown, link, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hungDirectory } from './support/places.ts';
import { ServerProcess, TestServer } from './support/server.ts';

const run = promisify(execFile);
const SOMEBODY = 12_345;

let directory: string;
let data: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-data-'));
  await writeFile(join(directory, 'clusters.yaml'), 'clusters: {}\n');
  data = join(directory, 'data');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Everything below the directory, with its kind, mode, owner and size. */
async function everything(): Promise<string[]> {
  const names = ['.', ...(await readdir(directory, { recursive: true }))];
  return Promise.all(
    names.map(async (name) => {
      const { mode, uid, gid, size } = await lstat(join(directory, name));
      return `${name} ${mode.toString(8)} ${uid} ${gid} ${size}`;
    }),
  );
}

async function refusal(variables: Readonly<Record<string, string>> = {}): Promise<string> {
  const server = new ServerProcess(directory, variables);
  const code = await server.exited();
  return `${code} ${server.errors}`;
}

/** What is wrong, and what is said of it behind the directory's name. */
type Member = readonly [name: string, spoil: () => Promise<unknown>, said: RegExp];

describe('what is in the place of the data directory is left as it is, and refused with what to do', () => {
  const members: readonly Member[] = [
    [
      'a directory that others may read',
      () => mkdir(data).then(() => chmod(data, 0o755)),
      /data is open to others \(mode 0755\)\. Run "chmod 700 .*data"/,
    ],
    [
      'a directory of a group',
      () => mkdir(data).then(() => chmod(data, 0o2770)),
      /data is open to others \(mode 2770\)/,
    ],
    [
      'a directory like /tmp',
      () => mkdir(data).then(() => chmod(data, 0o1777)),
      /data is open to others \(mode 1777\)/,
    ],
    [
      "somebody else's directory",
      () => mkdir(data, 0o700).then(() => chown(data, SOMEBODY, SOMEBODY)),
      /data belongs to user 12345, and the server runs as user 0\. Run it as that user, or chown 0 /,
    ],
    [
      'a directory in one that others may write to',
      openParent,
      /others may write to .*open \(mode 0777\) and could replace what is in it\. Run "chmod go-w .*open"/,
    ],
    ["a directory in somebody else's", foreignParent, /theirs belongs to user 12345, who could replace what is there/],
    ["somebody else's link", foreignLink, /data is a link that belongs to user 12345/],
    ['a link into a directory that others may write to', linkIntoOpen, /others may write to .*open \(mode 0777\)/],
    ['a link that leads nowhere', () => symlink('nowhere', data), /data is a link to .*nowhere, which does not exist/],
    ['a link that leads in a circle', () => symlink('data', data), /data is a symbolic link that leads back to itself/],
    ['a named pipe', () => run('mkfifo', [data]), /data is a named pipe, not a directory/],
    ['a file', () => writeFile(data, 'mine'), /data is a file, not a directory/],
  ];

  async function openParent() {
    await mkdir(join(directory, 'open', 'data'), { recursive: true, mode: 0o700 });
    await chmod(join(directory, 'open'), 0o777);
    data = join(directory, 'open', 'data');
  }
  async function foreignParent() {
    data = join(directory, 'theirs', 'data');
    await mkdir(data, { recursive: true, mode: 0o700 });
    await chown(join(directory, 'theirs'), SOMEBODY, SOMEBODY);
  }
  async function foreignLink() {
    await mkdir(join(directory, 'mine'), 0o700);
    await symlink('mine', data);
    await run('chown', ['--no-dereference', String(SOMEBODY), data]);
  }
  async function linkIntoOpen() {
    await openParent();
    data = join(directory, 'data');
    await symlink('open/data', data);
  }

  it.each(members)('%s', async (_name, spoil, said) => {
    await spoil();
    const before = await everything();
    const told = await refusal({ SLURMQL_DATA_DIR: data });
    expect(told).toMatch(/^1 SLURMQL_DATA_DIR: .*, or name another\n$/);
    expect(told).toMatch(said);
    expect(await everything()).toEqual(before);
  });

  it('and a directory on a disk that hangs', async () => {
    await using _hung = await hungDirectory(data);
    expect(await refusal()).toMatch(/^1 SLURMQL_DATA_DIR: .*data can't be read: its disk has not answered for 5 s/);
  });

  it('and one that can only be read', async () => {
    await mkdir(data, 0o700);
    await run('mount', ['-t', 'tmpfs', '-o', 'ro,mode=700', 'slurmql', data]);
    try {
      expect(await refusal()).toMatch(/^1 SLURMQL_DATA_DIR: can't write to .*data \(EROFS\)\. Make it writable/);
    } finally {
      await run('umount', [data]);
    }
  });
});

describe('what is in the data directory is left as it is, and refused with what to do', () => {
  const own = (name: string, content = '', mode = 0o600) => writeFile(join(data, name), content, { mode });
  const members: readonly Member[] = [
    ['a token of one character', () => own('token', 'x\n'), /token: write at least 16 characters, or remove it/],
    ['a token that one key wrote', () => own('token', 'a'.repeat(40)), /token: write at least 6 different characters/],
    [
      'a token that others may read',
      () => own('token', '0123456789abcdef0123', 0o644),
      /token is open to others \(mode 0644\)\. Run "chmod 600/,
    ],
    [
      "somebody else's token",
      () => own('token', '0123456789abcdef0123').then(() => chown(join(data, 'token'), SOMEBODY, 0)),
      /token belongs to user 12345/,
    ],
    ['a directory as the token', () => mkdir(join(data, 'token')), /token is a directory, not a file/],
    [
      'a pipe as the token',
      () => run('mkfifo', ['-m', '600', join(data, 'token')]),
      /token is a named pipe, not a file/,
    ],
    ['an image as the token', () => own('token', '\x00\x01'), /token is not a text/],
    ['a token without end', () => own('token', 'abcdefgh'.repeat(10_000)), /token has more than 4096 bytes/],
    [
      'a database that others may read',
      () => own('slurmql.db', '', 0o640),
      /slurmql\.db is open to others \(mode 0640\)/,
    ],
    [
      'a database with a second name',
      () => own('slurmql.db').then(() => link(join(data, 'slurmql.db'), join(directory, 'other.db'))),
      /slurmql\.db has 2 names \(hard links\)/,
    ],
    [
      'a pipe as the database',
      () => run('mkfifo', ['-m', '600', join(data, 'slurmql.db')]),
      /slurmql\.db is a named pipe, not a file/,
    ],
    [
      "a pipe as the database's log",
      () => run('mkfifo', ['-m', '600', join(data, 'slurmql.db-wal')]),
      /slurmql\.db-wal is a named pipe/,
    ],
    ['a device as the lock', () => symlink('/dev/full', join(data, 'lock')), /full is a device, not a file/],
    [
      'a directory for archives that others may read',
      () => mkdir(join(data, 'staging'), 0o755),
      /staging is open to others/,
    ],
  ];

  it.each(members)('%s', async (_name, spoil, said) => {
    await mkdir(data, 0o700);
    await spoil();
    const before = await everything();
    const told = await refusal();
    expect(told).toMatch(/^1 .*\n$/);
    expect(told).toMatch(said);
    // The locks may have come; the directory's own size and that of nothing else changes by it.
    expect(await everything()).toEqual(expect.arrayContaining(before.filter((line) => !line.startsWith('data '))));
  });
});

describe('a second server on the same data', () => {
  const IN_USE =
    /^1 .*data is in use by another SlurmQL, which holds .*data\/(?:lock|slurmql\.db-lock)\. Stop that one/;
  const otherData = () => join(directory, 'other');
  const members: readonly (readonly [name: string, variables: () => Promise<Record<string, string>>, said: RegExp])[] =
    [
      ['by the same name', async () => ({}), IN_USE],
      [
        'by another name of the path',
        async () => ({ SLURMQL_DATA_DIR: `${directory}/../${directory.split('/').at(-1)}//data/.` }),
        IN_USE,
      ],
      ['by a link', async () => symlink(data, otherData()).then(() => ({ SLURMQL_DATA_DIR: otherData() })), IN_USE],
      [
        'by the database alone',
        async () => ({ SLURMQL_DATA_DIR: otherData(), SLURMQL_DATABASE_URL: `sqlite:${data}/slurmql.db` }),
        IN_USE,
      ],
      [
        'by a link to the database',
        async () =>
          symlink(join(data, 'slurmql.db'), join(directory, 'own.db')).then(() => ({
            SLURMQL_DATA_DIR: otherData(),
            SLURMQL_DATABASE_URL: `sqlite:${directory}/own.db`,
          })),
        IN_USE,
      ],
      [
        'by another database beside the same files',
        async () => ({ SLURMQL_DATABASE_URL: `sqlite:${directory}/own.db` }),
        IN_USE,
      ],
      [
        'by a hard link to the database',
        async () =>
          link(join(data, 'slurmql.db'), join(directory, 'own.db')).then(() => ({
            SLURMQL_DATA_DIR: otherData(),
            SLURMQL_DATABASE_URL: `sqlite:${directory}/own.db`,
          })),
        /own\.db has 2 names \(hard links\)/,
      ],
    ];

  it.each(members)('%s is refused, and the first one goes on', async (_name, variables, said) => {
    const first = await TestServer.start('clusters: {}\n', directory);
    expect(await refusal(await variables())).toMatch(said);
    expect(await first.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } });
    expect(await first.stop()).toBe(0);
  });

  it('by a directory that is mounted twice is refused', async () => {
    await mkdir(join(directory, 'other'), 0o700);
    const first = await TestServer.start('clusters: {}\n', directory);
    await run('mount', ['--bind', data, join(directory, 'other')]);
    try {
      expect(await refusal({ SLURMQL_DATA_DIR: join(directory, 'other') })).toMatch(
        /^1 .*other is in use by another SlurmQL/,
      );
    } finally {
      await run('umount', [join(directory, 'other')]);
    }
    await first.stop();
  });

  it('is refused while the first one stands still, and starts as soon as that one is killed', async () => {
    const first = await TestServer.start('clusters: {}\n', directory);
    process.kill(first.pid, 'SIGSTOP');
    expect(await refusal()).toMatch(IN_USE);
    await first.stop('SIGKILL');
    const second = await TestServer.start('clusters: {}\n', directory);
    expect(await refusal()).toMatch(IN_USE);
    expect(await second.stop()).toBe(0);
  });
});

describe('whatever the umask, what the server makes is for its owner alone', () => {
  it.each(['0o000', '0o002', '0o022', '0o277', '0o777'])('%s', async (umask) => {
    const server = new ServerProcess(directory, {
      NODE_OPTIONS: `--import=data:text/javascript,process.umask(${umask})`,
      SLURMQL_DATA_DIR: join(directory, 'made/data'),
    });
    expect(await server.firstLine()).toMatch(/^SlurmQL listening/);
    const made = (await everything()).filter((line) => line.startsWith('made'));
    for (const line of made) expect(line).toMatch(/^\S+ (?:40700|100600) 0 0 /);
    expect(made.map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining([
        ...[
          'made',
          'made/data',
          'made/data/.gitignore',
          'made/data/token',
          'made/data/lock',
          'made/data/slurmql.db-lock',
        ],
        ...['made/data/slurmql.db', 'made/data/slurmql.db-wal', 'made/data/slurmql.db-shm'],
      ]),
    );
    expect(await server.stop('SIGTERM')).toBe(0);
  });
});
