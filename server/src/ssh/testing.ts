import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Account,
  createAccount,
  createKey,
  ensurePackages,
  removeAccount,
  type Sshd,
  type SshdOptions,
  startSshd,
} from '@slurmql/local-slurm';
import { type ConnectionOptions, SshConnection } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import type { SshEnvironment, SshSettings } from './settings.ts';

/** A real account with a key, and as many real SSH servers for it as a test wants. Everything ends with `close`. */
export class SshWorld {
  readonly directory: string;
  readonly account: Account;
  /** The private key that logs in. */
  readonly keyFile: string;
  readonly #publicKey: string;
  readonly #cleanUps: (() => Promise<unknown>)[] = [];
  #files = 0;

  private constructor(directory: string, account: Account, keyFile: string, publicKey: string) {
    this.directory = directory;
    this.account = account;
    this.keyFile = keyFile;
    this.#publicKey = publicKey;
  }

  static async create(): Promise<SshWorld> {
    await ensurePackages(['openssh-server', 'openssh-client', 'tcsh']);
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-ssh-'));
    await chmod(directory, 0o755);
    const account = await createAccount({ directory: join(directory, 'account') });
    const keyFile = join(directory, 'key');
    return new SshWorld(directory, account, keyFile, await createKey(keyFile));
  }

  /** A server that the account can log in to with the key. */
  async startSshd(options: Partial<SshdOptions> = {}): Promise<WorldSshd> {
    const directory = this.path('sshd');
    const configFile = join(directory, 'sshd_config');
    const sshd = await startSshd({
      directory,
      user: this.account.name,
      authorizedKeys: [this.#publicKey],
      ...options,
    });
    this.onClose(() => sshd.stop());
    // Not spread: what it knows of the process changes.
    return Object.assign(sshd, {
      log: () => readFile(join(directory, 'sshd.log'), 'utf8'),
      reconfigure: async (edit: (config: string) => string) => {
        await writeFile(configFile, edit(await readFile(configFile, 'utf8')));
        await sshd.restart();
      },
    });
  }

  /** What reaches a server, in full: no file of the machine's own is needed. */
  async settings(
    sshd: Pick<Sshd, 'host' | 'port' | 'knownHostsLine'>,
  ): Promise<Required<Omit<SshSettings, 'proxyJump' | 'help'>>> {
    return {
      name: 'alpha',
      host: sshd.host,
      port: sshd.port,
      user: this.account.name,
      identityFile: this.keyFile,
      knownHosts: await this.file('known_hosts', `${sshd.knownHostsLine}\n`),
    };
  }

  /** A person without any configuration of their own. */
  get environment(): SshEnvironment {
    return {
      homeDirectory: join(this.directory, 'nobody'),
      userName: 'nobody',
      configFile: join(this.directory, 'nobody/.ssh/config'),
    };
  }

  /** A started connection, stopped in the end. */
  connect(
    settings: SshSettings,
    environment: Partial<SshEnvironment> = {},
    options: ConnectionOptions = {},
  ): SshConnection {
    const connection = new SshConnection(settings, { ...this.environment, ...environment }, options);
    this.onClose(() => connection.stop());
    connection.start();
    return connection;
  }

  /** A TCP relay to `port`, which can be made to pass nothing on while its connections stay open. */
  async startRelay(port: number): Promise<Relay> {
    const relay = await startRelay(port);
    this.onClose(() => relay.stop());
    return relay;
  }

  async file(name: string, content: string): Promise<string> {
    const path = this.path(name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }

  /** A path that nothing else uses. */
  path(name: string): string {
    this.#files += 1;
    return join(this.directory, `${this.#files}-${name}`);
  }

  onClose(cleanUp: () => Promise<unknown>): void {
    this.#cleanUps.push(cleanUp);
  }

  async close(): Promise<void> {
    const faults: unknown[] = [];
    for (const cleanUp of [
      ...this.#cleanUps.reverse(),
      () => removeAccount(this.account),
      () => rm(this.directory, { recursive: true, force: true }),
    ]) {
      await cleanUp().catch((error: unknown) => faults.push(error));
    }
    if (faults.length > 0) throw new AggregateError(faults, 'not everything was cleaned up');
  }
}

export interface WorldSshd extends Sshd {
  log(): Promise<string>;
  /** Restarts it with another sshd_config. */
  reconfigure(edit: (config: string) => string): Promise<void>;
}

export interface Relay {
  readonly port: number;
  isStalled: boolean;
  readonly connections: number;
  stop(): Promise<void>;
}

async function startRelay(target: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  const relay = {
    port: 0,
    isStalled: false,
    connections: 0,
    stop: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  const server = createServer((near) => {
    relay.connections += 1;
    const far = tcpConnect(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => {
        if (!relay.isStalled) to.write(chunk);
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address !== null && typeof address === 'object') relay.port = address.port;
  return relay;
}

/** Resolves to the state, once it is one with that status. */
export async function stateOf<S extends ConnectionState['status']>(
  connection: SshConnection,
  status: S,
): Promise<ConnectionState & { status: S }> {
  await eventually(
    () => connection.state.status === status,
    () => `${status}, not ${JSON.stringify(connection.state)}`,
  );
  return connection.state as ConnectionState & { status: S };
}

/** Waits for something to become true. */
export async function eventually(
  probe: () => boolean | Promise<boolean>,
  expected: () => string = () => 'what was awaited',
): Promise<void> {
  const deadline = performance.now() + 45_000;
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`expected ${expected()} within 45 s`);
    await pause(20);
  }
}
