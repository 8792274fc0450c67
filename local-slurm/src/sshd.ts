import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Daemon } from './daemon.ts';
import { createKey, publicKeyOf } from './keys.ts';
import { freePort, retryWhenPortIsTaken } from './ports.ts';
import { makeReachable } from './reachable.ts';

export interface SshdOptions {
  /** Holds its configuration, host key and log; made if needed. Other users have to be able to pass through it. */
  readonly directory: string;
  /** Who may log in. */
  readonly user: string;
  /** Lines of authorized_keys: public keys, with options before them if wanted. */
  readonly authorizedKeys: readonly string[];
  /** The path of a private host key. Default: a new ed25519 key in `directory`. */
  readonly hostKey?: string;
  /** Set in every session. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Lines of sshd_config(5) that come first and so win over those here; from the first `Match` on they come last. */
  readonly extraConfig?: readonly string[];
}

export interface Sshd {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** The private host key's path. */
  readonly hostKeyPath: string;
  /** "ssh-ed25519 AAAA…" */
  readonly hostPublicKey: string;
  /** "[127.0.0.1]:port ssh-ed25519 AAAA…" */
  readonly knownHostsLine: string;
  /** Of the listening process; undefined once it is stopped. */
  readonly pid: number | undefined;
  /** False when it doesn't run. */
  signal(signal: NodeJS.Signals): boolean;
  /** Ends it and every session. May be called again. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
  /** Listens again on the same port after stop(). */
  start(): Promise<void>;
  /** Both: every session ends. */
  restart(): Promise<void>;
}

const HOST = '127.0.0.1';

/**
 * Starts an sshd of its own on a free loopback port. It ends with this process at the latest. Needs root to let in
 * anybody but the user of this process. Leaves nothing outside `directory` but the empty folder /run/sshd, which every
 * sshd of root wants.
 */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const directory = resolve(options.directory);
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await makeReachable(directory);
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  // The files below are read with the rights of the user who logs in.
  await writeFile(join(directory, 'authorized_keys'), `${options.authorizedKeys.join('\n')}\n`, { mode: 0o644 });
  const hostKeyPath = options.hostKey ?? join(directory, 'host_key');
  const hostPublicKey = await (options.hostKey === undefined ? createKey(hostKeyPath) : publicKeyOf(hostKeyPath));

  const configFile = join(directory, 'sshd_config');
  const listen = async (): Promise<{ port: number; daemon: Daemon }> => {
    const port = await freePort();
    await writeFile(configFile, sshdConfig(options, directory, hostKeyPath, port));
    const daemon = new Daemon({
      name: 'sshd',
      command: '/usr/sbin/sshd',
      args: ['-D', '-e', '-f', configFile],
      logFile: join(directory, 'sshd.log'),
      ready: (log) => log.includes(`Server listening on ${HOST} port ${port}.`),
      killDescendants: true,
    });
    await daemon.start();
    return { port, daemon };
  };

  const { port, daemon } = await retryWhenPortIsTaken(listen);
  return {
    host: HOST,
    port,
    hostKeyPath,
    hostPublicKey,
    knownHostsLine: `[${HOST}]:${port} ${hostPublicKey}`,
    get pid() {
      return daemon.pid;
    },
    signal: (signal) => daemon.signal(signal),
    stop: (stopOptions) => daemon.stop(stopOptions),
    start: () => daemon.start(),
    restart: async () => {
      await daemon.stop();
      await daemon.start();
    },
  };
}

function sshdConfig(options: SshdOptions, directory: string, hostKeyPath: string, port: number): string {
  const extra = options.extraConfig ?? [];
  const firstMatch = extra.findIndex((line) => /^\s*Match\b/i.test(line));
  const split = firstMatch === -1 ? extra.length : firstMatch;
  // sshd takes the first SetEnv line alone.
  const environment = Object.entries(options.environment ?? {}).map(([name, value]) => ` "${name}=${value}"`);
  return [
    ...extra.slice(0, split),
    `ListenAddress ${HOST}`,
    `Port ${port}`,
    `HostKey "${hostKeyPath}"`,
    'PidFile none',
    `AllowUsers ${options.user}`,
    `AuthorizedKeysFile "${join(directory, 'authorized_keys')}"`,
    // The folders above belong to whoever started this, not to the user.
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UseDNS no',
    'PrintMotd no',
    'PrintLastLog no',
    'Subsystem sftp internal-sftp',
    ...(environment.length === 0 ? [] : [`SetEnv${environment.join('')}`]),
    ...extra.slice(split),
    '',
  ].join('\n');
}
