import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createKey, type SshdOptions } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SshConnection } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import { SshInterrupted, SshUnavailable } from './errors.ts';
import type { LoginMemory } from './reconnect-policy.ts';
import type { SshEnvironment, SshSettings } from './settings.ts';
import { eventually, SshWorld, stateOf, type WorldSshd } from './testing.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

let world: SshWorld;
beforeAll(async () => {
  world = await SshWorld.create();
});
afterAll(() => world.close());

const request = { timeoutMs: 20_000 };
/** Any connection counts as one that has held for long: it is made again at once when it is lost. */
const STEADY = { timing: { steadyAfterMs: 0, quickRetryMs: 50 } };
/** Ends the server's process for this very connection, from within. */
const CUT_CONNECTION = 'kill -KILL $PPID; sleep 5';

const fingerprintOf = (keyFile: string) => execFileSync('ssh-keygen', ['-lf', keyFile]).toString().split(' ')[1] ?? '';

/** A server behind a relay that can hold up everything between the two. */
async function startBehindRelay(options: Partial<SshdOptions> = {}) {
  const sshd = await world.startSshd(options);
  const relay = await world.startRelay(sshd.port);
  const knownHostsLine = sshd.knownHostsLine.replace(`:${sshd.port}`, `:${relay.port}`);
  return { sshd, relay, settings: await world.settings({ ...sshd, port: relay.port, knownHostsLine }) };
}

test('a connection that is not started is idle, does nothing, and says so', async () => {
  const { relay, settings } = await startBehindRelay();
  const connection = new SshConnection(settings, world.environment);
  expect(connection.state).toEqual({ status: 'idle' });
  connection.connectNow();
  await expect(connection.run('true', request)).rejects.toThrow(SshUnavailable);
  await connection.stop();
  expect(relay.connections).toBe(0);
});

test('requests wait while it connects, and share the one connection', async () => {
  const { relay, settings } = await startBehindRelay();
  const connection = world.connect(settings);
  const states: ConnectionState['status'][] = [connection.state.status];
  connection.onStateChange(({ status }) => states.push(status));
  connection.start();
  const results = await Promise.all([
    connection.run('echo one', request),
    connection.run('echo two', request),
    connection.files.isDirectory('.', request),
  ]);
  expect(results).toMatchObject([{ stdout: 'one\n' }, { stdout: 'two\n' }, {}]);
  expect(states).toEqual(['connecting', 'online']);
  expect(relay.connections).toBe(1);
});

test('a request gives up waiting for the connection at its deadline', async () => {
  const { relay, settings } = await startBehindRelay();
  relay.isStalled = true;
  const connection = world.connect(settings);
  const late = connection.run('true', { timeoutMs: 200 });
  await expect(late).rejects.toThrow(SshUnavailable);
  await expect(late).rejects.toThrow('the deadline of 200 ms passed while connecting to the cluster');
});

test('a server that answers nothing is unreachable after the deadline, and the step is named', async () => {
  const { relay, settings } = await startBehindRelay();
  relay.isStalled = true;
  const connection = world.connect(settings, {}, { timing: { connectTimeoutMs: 500 } });
  const { message } = await stateOf(connection, 'unreachable');
  expect(message).toBe(
    `the deadline of 500 ms passed while logging in as ${world.account.name}@127.0.0.1:${relay.port}`,
  );
});

test('a server that is down is unreachable, with the help of its administrator, and comes back by itself', async () => {
  const sshd = await world.startSshd();
  await sshd.stop();
  const settings = { ...(await world.settings(sshd)), help: 'Start the VPN first.\n' };
  const connection = world.connect(settings);
  const { message, retryAt } = await stateOf(connection, 'unreachable');
  expect(message).toBe(
    `127.0.0.1 port ${sshd.port} can't be reached: connection refused, no SSH server listens there. Start the VPN first.`,
  );
  expect(retryAt.getTime() - Date.now()).toBeGreaterThan(1_000);
  await expect(connection.run('true', request)).rejects.toThrow(message);
  await sshd.start();
  await stateOf(connection, 'online');
  expect((await connection.run('echo hello', request)).stdout).toBe('hello\n');
});

test('a host name that does not exist is unreachable', async () => {
  const connection = world.connect({ name: 'alpha', host: 'no-such-host.invalid' });
  const { message } = await stateOf(connection, 'unreachable');
  expect(message).toContain("no-such-host.invalid port 22 can't be reached: ");
});

test('what speaks no SSH is unreachable', async () => {
  const { relay, settings } = await startBehindRelay();
  const nothing = await world.startRelay(relay.port);
  await relay.stop();
  const connection = world.connect({ ...settings, port: nothing.port });
  expect((await stateOf(connection, 'unreachable')).message).toContain('broke off before the login');
});

describe('when the connection is lost', () => {
  test('what runs is interrupted, what waits was not sent, and the next request has a new connection', async () => {
    const connection = world.connect(await world.settings(await world.startSshd()), {}, STEADY);
    await stateOf(connection, 'online');
    const sent = Array.from({ length: 3 }, () => connection.run('sleep 30', request));
    const cut = connection.run(`sleep 0.3; ${CUT_CONNECTION}`, request);
    const waiting = connection.run('touch never', request);
    for (const command of [...sent, cut]) await expect(command).rejects.toThrow(SshInterrupted);
    await expect(waiting).rejects.toThrow(SshUnavailable);
    await stateOf(connection, 'connecting');
    expect((await connection.run('echo again', request)).stdout).toBe('again\n');
  });

  test('files being read and written are interrupted, and the next request has a new connection', async () => {
    const connection = world.connect(await world.settings(await world.startSshd()), {}, STEADY);
    const writing = connection.files.write('file', endless(), { mode: 0o600, ...request });
    // Cut any earlier, nothing would have been sent yet.
    await eventually(() => existsSync(join(world.account.home, 'file')));
    await connection.run('pkill -STOP -u "$(id -u)" -f internal-sftp', request);
    const reading = connection.files.read('file', 0, 10, request);
    await expect(connection.run(CUT_CONNECTION, request)).rejects.toThrow(SshInterrupted);
    await expect(reading).rejects.toThrow(SshInterrupted);
    await expect(writing).rejects.toThrow(SshInterrupted);
    expect(await connection.files.stat('file', request)).not.toBeNull();
  });

  test('soon after the login, it is made again at once, and not a second time', async () => {
    const connection = world.connect(await world.settings(await world.startSshd()));
    await expect(connection.run(CUT_CONNECTION, request)).rejects.toThrow(SshInterrupted);
    await stateOf(connection, 'connecting');
    await expect(connection.run(CUT_CONNECTION, request)).rejects.toThrow(SshInterrupted);
    const { message, retryAt } = await stateOf(connection, 'unreachable');
    expect(message).toMatch(/the connection to .* was lost/);
    expect(retryAt.getTime() - Date.now()).toBeGreaterThan(1_000);
  });

  test('without a word, it is noticed, and what runs is interrupted before its deadline', async () => {
    const { relay, settings } = await startBehindRelay();
    const timing = { ...STEADY.timing, keepAliveIntervalMs: 100, keepAliveMisses: 3, connectTimeoutMs: 1_000 };
    const connection = world.connect(settings, {}, { timing });
    await stateOf(connection, 'online');
    const running = connection.run('touch begun; sleep 50', { timeoutMs: 50_000 });
    await eventually(() => existsSync(join(world.account.home, 'begun')));
    relay.isStalled = true;
    await expect(running).rejects.toThrow(SshInterrupted);
    const { message } = await stateOf(connection, 'unreachable');
    expect(message).toContain('the deadline of 1000 ms passed');
  });
});

describe('a server that is away', () => {
  /** Whose next attempt is minutes away. */
  async function longAway() {
    const sshd = await world.startSshd();
    await sshd.stop();
    const timing = { askAgainMs: 0, quickRetryMs: 0 };
    const connection = world.connect(await world.settings(sshd), {}, { timing });
    for (let failure = 1; failure < 7; failure += 1) {
      await stateOf(connection, 'unreachable');
      connection.connectNow();
    }
    const { retryAt } = await stateOf(connection, 'unreachable');
    expect(retryAt.getTime() - Date.now()).toBeGreaterThan(120_000);
    return { sshd, connection };
  }

  test('is found when it is back as long as somebody waits for it, and not only by the next attempt', async () => {
    const { sshd, connection } = await longAway();
    await sshd.start();
    await expect(connection.run('true', request)).rejects.toThrow("can't be reached");
    await stateOf(connection, 'online');
    expect((await connection.run('echo back', request)).stdout).toBe('back\n');
  });

  test('is found when something is to be done there', async () => {
    const { sshd, connection } = await longAway();
    await sshd.start();
    await connection.wanted();
    await stateOf(connection, 'online');
  });

  test('is logged in to once for each time that it was away', async () => {
    const sshd = await world.startSshd({ extraConfig: ['LogLevel VERBOSE'] });
    // Not before all of the server is gone.
    const timing = { steadyAfterMs: 0, quickRetryMs: 2_000 };
    const connection = world.connect(await world.settings(sshd), {}, { timing });
    await stateOf(connection, 'online');
    await sshd.stop();
    await stateOf(connection, 'unreachable');
    await sshd.start();
    await stateOf(connection, 'online');
    expect((await sshd.log()).match(/^Connection from/gm)).toHaveLength(2);
  });
});

describe('a login by key that worked and is refused for a while', () => {
  const timing = { ...STEADY.timing, refusedRetryMs: 400 };

  /** The keys of a server's accounts go out of its sight, as with a home that is away, and the connection breaks. */
  async function hideKeys(sshd: WorldSshd, connection: SshConnection): Promise<() => Promise<void>> {
    const file = join(dirname(sshd.hostKeyPath), 'authorized_keys');
    await rename(file, `${file}.away`);
    await expect(connection.run(CUT_CONNECTION, request)).rejects.toThrow(SshInterrupted);
    return () => rename(`${file}.away`, file);
  }

  test('comes back by itself, and says when', async () => {
    const sshd = await world.startSshd();
    const connection = world.connect(await world.settings(sshd), {}, { timing: { ...timing, refusedRetryMs: 3_000 } });
    await stateOf(connection, 'online');
    const showKeys = await hideKeys(sshd, connection);
    const { message, retryAt } = await stateOf(connection, 'refused');
    expect(message).toContain('refused the login');
    const time = retryAt?.toISOString().slice(11, 16);
    expect(message).toContain(`tried again by itself, with the same key alone: at ${time} UTC`);
    await showKeys();
    await stateOf(connection, 'online');
  });

  test('offers nothing but the key that worked, and asks nobody', async () => {
    const sshd = await world.startSshd({ extraConfig: ['LogLevel VERBOSE', 'PasswordAuthentication yes'] });
    const other = world.path('other');
    await createKey(other);
    const configFile = await world.file('config', `IdentityFile ${other}\nIdentityFile ${world.keyFile}\n`);
    const { identityFile: _none, ...withoutKey } = await world.settings(sshd);
    const connection = world.connect(withoutKey, { configFile }, { timing });
    await stateOf(connection, 'online');
    const statuses: string[] = [];
    connection.onStateChange(({ status }) => statuses.push(status));
    await hideKeys(sshd, connection);
    await eventually(() => statuses.filter((status) => status === 'refused').length >= 3);
    expect(statuses).not.toContain('asking');
    const offered = [...(await sshd.log()).matchAll(/^Failed publickey .* (SHA256:\S+)$/gm)].map(([, key]) => key);
    const [one, two] = [other, world.keyFile].map(fingerprintOf);
    // Before the one that worked, at the first login and at the first attempt after the loss; from then on never.
    expect(offered.slice(0, 5)).toEqual([one, one, two, two, two]);
  });

  describe('before a restart', () => {
    /** A server that would take a password, too; what a connection to it that worked has kept; and a key that is away. */
    async function restart() {
      const sshd = await world.startSshd({ extraConfig: ['LogLevel VERBOSE', 'PasswordAuthentication yes'] });
      const kept: { worked: LoginMemory['worked'] } = { worked: null };
      const memory = () => ({
        worked: kept.worked,
        keep: (keys: LoginMemory['worked']) => {
          kept.worked = keys;
        },
      });
      const { identityFile: _none, ...settings } = await world.settings(sshd);
      const configFile = await world.file('config', `IdentityFile ${world.keyFile}\n`);
      const connect = (changes: Partial<SshSettings> = {}, environment: Partial<SshEnvironment> = { configFile }) =>
        world.connect({ ...settings, ...changes }, environment, {
          timing: { ...timing, askAgainMs: 0 },
          memory: memory(),
        });
      const first = connect();
      await stateOf(first, 'online');
      await first.stop();
      const file = join(dirname(sshd.hostKeyPath), 'authorized_keys');
      await rename(file, `${file}.away`);
      return { sshd, kept, connect, showKeys: () => rename(`${file}.away`, file) };
    }

    test('comes back by itself, and asks nobody', async () => {
      const { sshd, kept, connect, showKeys } = await restart();
      expect(kept.worked).toEqual(new Map([[expect.stringContaining('@127.0.0.1'), fingerprintOf(world.keyFile)]]));
      const other = world.path('other');
      await createKey(other);
      const configFile = await world.file('config', `IdentityFile ${other}\nIdentityFile ${world.keyFile}\n`);
      const connection = connect({}, { configFile });
      const statuses: string[] = [];
      connection.onStateChange(({ status }) => statuses.push(status));
      await eventually(() => statuses.filter((status) => status === 'refused').length >= 2);
      await showKeys();
      await stateOf(connection, 'online');
      expect(statuses).not.toContain('asking');
      // The start itself is as any: it may have been given another key meanwhile.
      const refused = [...(await sshd.log()).matchAll(/^Failed publickey .* (SHA256:\S+)$/gm)].map(([, key]) => key);
      expect(refused.filter((key) => key === fingerprintOf(other))).toHaveLength(1);
    });

    test('asks a person if it is one of another user, or with another key, now', async () => {
      const { connect } = await restart();
      const other = world.path('other');
      await createKey(other);
      for (const changes of [{ user: 'somebody' }, { identityFile: other }]) {
        await stateOf(connect(changes), 'asking');
      }
    });

    test('is left to a person once it has asked one', async () => {
      const { kept, connect } = await restart();
      const connection = connect();
      await stateOf(connection, 'refused');
      connection.connectNow();
      await stateOf(connection, 'asking');
      await connection.stop();
      expect(kept.worked).toBeNull();
      await stateOf(connect(), 'asking');
    });
  });

  test('is not tried again if it never worked', async () => {
    const sshd = await world.startSshd({ extraConfig: ['AuthorizedKeysFile none'] });
    const connection = world.connect(await world.settings(sshd), {}, { timing });
    expect(await stateOf(connection, 'refused')).toMatchObject({
      retryAt: null,
      message: expect.stringContaining('Nothing more is tried until you ask for it'),
    });
  });

  test('is not tried again if its host has another key', async () => {
    const sshd = await world.startSshd();
    const settings = await world.settings(sshd);
    const connection = world.connect(settings, {}, { timing });
    await stateOf(connection, 'online');
    await writeFile(settings.knownHosts ?? '', '');
    await expect(connection.run(CUT_CONNECTION, request)).rejects.toThrow(SshInterrupted);
    expect(await stateOf(connection, 'refused')).toMatchObject({ retryAt: null });
  });
});

describe('connectNow', () => {
  test('tries again at once where an attempt was only planned', async () => {
    const sshd = await world.startSshd();
    await sshd.stop();
    const connection = world.connect(await world.settings(sshd), {}, { timing: { askAgainMs: 0 } });
    await stateOf(connection, 'unreachable');
    await sshd.start();
    connection.connectNow();
    expect(connection.state.status).toBe('connecting');
    await stateOf(connection, 'online');
  });

  test('asked for again and again makes one attempt at a time, with time between them', async () => {
    const { relay, settings } = await startBehindRelay();
    const knownHosts = await world.file('known_hosts', '');
    const connection = world.connect({ ...settings, knownHosts }, {}, { timing: { askAgainMs: 400 } });
    const begun: number[] = [];
    connection.onStateChange(({ status }) => {
      if (status === 'refused') begun.push(performance.now());
    });
    while (begun.length < 3) {
      connection.connectNow();
      await eventually(() => true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(relay.connections).toBe(3);
    const [first = 0, , third = 0] = begun;
    // Two pauses of 400 ms from beginning to beginning; the ends of the attempts are somewhat less regular.
    expect(third - first).toBeGreaterThan(600);
  });
});

test('a listener that fails disturbs neither the connection nor the other listeners', async () => {
  const warn = vi.fn();
  const connection = world.connect(
    await world.settings(await world.startSshd()),
    {},
    { log: { info() {}, debug() {}, warn } },
  );
  connection.onStateChange(() => {
    throw new Error('the listener failed');
  });
  const heard = vi.fn();
  connection.onStateChange(heard);
  await stateOf(connection, 'online');
  expect(heard).toHaveBeenCalledOnce();
  expect(warn).toHaveBeenCalledOnce();
});

test('a listener that has left hears nothing more', async () => {
  const connection = world.connect(await world.settings(await world.startSshd()));
  const heard = vi.fn();
  connection.onStateChange(heard)();
  await stateOf(connection, 'online');
  expect(heard).not.toHaveBeenCalled();
});

test('a connection that was stopped can be started again', async () => {
  const connection = world.connect(await world.settings(await world.startSshd()));
  expect((await connection.run('echo one', request)).stdout).toBe('one\n');
  await connection.stop();
  connection.start();
  expect((await connection.run('echo two', request)).stdout).toBe('two\n');
});

describe('stop leaves nothing behind that keeps a process alive', () => {
  const online = `await until('online');`;
  const phases: readonly (readonly [phase: string, script: string, settings: object])[] = [
    ['before it is started', '', {}],
    ['at once after its start', 'connection.start();', {}],
    ['while it connects', `connection.start(); await pause(300);`, { isStalled: true }],
    ['once it is online', `connection.start(); ${online}`, {}],
    [
      'while commands and files are under way',
      `connection.start(); ${online}
       await connection.run('mkfifo held', { timeoutMs: 20000 });
       for (let index = 0; index < 20; index += 1) {
         connection.run('sleep 60', { timeoutMs: 60000 }).catch(expectSshError);
         connection.files.read('held', 0, 10, { timeoutMs: 60000 }).catch(expectSshError);
       }
       await pause(300);`,
      {},
    ],
    ['while the connection is stalled', `connection.start(); ${online} process.send('stall'); await pause(300);`, {}],
    ['while it is unreachable', `connection.start(); await until('unreachable');`, { port: 1 }],
    ['while it asks a person', `connection.start(); await until('asking');`, { twoFactor: true }],
    ['while it is refused', `connection.start(); await until('refused');`, { identityFile: '/nonexistent' }],
  ];

  interface Circumstances {
    readonly isStalled?: boolean;
    readonly twoFactor?: boolean;
  }
  test.each(phases)('%s', async (_, script, { isStalled = false, twoFactor, ...changes }: Circumstances) => {
    const { relay, settings } = await startBehindRelay(twoFactor ? { twoFactor: {} } : {});
    relay.isStalled = isStalled;
    const program = `
      import { setTimeout as pause } from 'node:timers/promises';
      const { SshConnection, SshError } = await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)});
      const connection = new SshConnection(
        ${JSON.stringify({ ...settings, ...changes })},
        ${JSON.stringify(world.environment)},
      );
      const until = async (status) => {
        while (connection.state.status !== status) await pause(10);
      };
      const expectSshError = (error) => {
        if (!(error instanceof SshError)) throw error;
      };
      ${script}
      await Promise.all([connection.stop(), connection.stop()]);
      await connection.stop();
      const left = () => process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY/.test(name));
      // The requests' own rejections may take some turns more.
      for (let turn = 0; turn < 100 && left().length > 0; turn += 1) await pause(10);
      console.log('left: ' + left().join(' '));
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    child.on('message', () => {
      relay.isStalled = true;
    });
    child.channel?.unref();
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    let exitCode: number | null | undefined;
    child.on('close', (code) => {
      exitCode = code;
    });
    try {
      await eventually(
        () => exitCode !== undefined,
        () => `the process to end by itself, not: ${output}`,
      );
    } finally {
      child.kill('SIGKILL');
    }
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: 'left: \n' });
  });
});

async function* endless() {
  for (;;) yield Buffer.alloc(10_000);
}
