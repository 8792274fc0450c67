import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setPassword } from './account.ts';
import { Daemon } from './daemon.ts';
import { createKey, publicKeyOf } from './keys.ts';
import { ensurePackages } from './packages.ts';
import { PAM_PACKAGES, PamService } from './pam.ts';
import { freePort, retryWhenPortIsTaken } from './ports.ts';
import { makeReachable } from './reachable.ts';
import { CommandError, run } from './run.ts';

export interface SshdOptions {
  /** Holds its configuration, host key and log; made if needed. Other users have to be able to pass through it. */
  readonly directory: string;
  /** Who may log in. */
  readonly user: string;
  /** Lines of authorized_keys: public keys, with options before them if wanted. */
  readonly authorizedKeys: readonly string[];
  /** The path of a private host key. Default: a new ed25519 key in `directory`. */
  readonly hostKey?: string;
  /**
   * Ask for a one-time code by PAM (keyboard-interactive): after the key, or, where a password is given, after that one,
   * which becomes the account's. Needs root.
   */
  readonly twoFactor?: { readonly password?: string };
  /** Set in every session. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Lines of sshd_config(5) that come first and so win over those here; from the first `Match` on they come last. A
   * `Subsystem` among them takes the place of SFTP, so `Subsystem none /bin/false` leaves a server without.
   */
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
  /** With `twoFactor`: the secret that its codes are computed from (oneTimeCode). */
  readonly codeSecret: string | undefined;
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
 * anybody but the user of this process. Once it is stopped there is nothing outside `directory` but /run/sshd, empty,
 * which every sshd of root wants. What `twoFactor` puts into /etc/pam.d goes with stop(), or, when this process
 * is killed, with the account.
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

  const { twoFactor } = options;
  const pam = twoFactor && new PamService(options.user, directory, twoFactor.password !== undefined);
  if (twoFactor?.password !== undefined) await setPassword(options.user, twoFactor.password);
  if (pam) {
    await ensurePackages(PAM_PACKAGES);
    await pam.prepare();
    await pam.install();
  }
  const pamService = pam && (await takesServiceName(hostKeyPath)) ? [`PAMServiceName ${pam.name}`] : [];

  const configFile = join(directory, 'sshd_config');
  const listen = async (): Promise<{ port: number; daemon: Daemon }> => {
    const port = await freePort();
    await writeFile(configFile, sshdConfig(options, directory, hostKeyPath, port, pamService));
    const daemon = new Daemon({
      name: 'sshd',
      command: pam?.program ?? '/usr/sbin/sshd',
      args: ['-D', '-e', '-f', configFile],
      logFile: join(directory, 'sshd.log'),
      ready: (log) => log.includes(`Server listening on ${HOST} port ${port}.`),
      killDescendants: true,
    });
    await daemon.start();
    return { port, daemon };
  };

  const { port, daemon } = await retryWhenPortIsTaken(listen).catch(async (error: unknown) => {
    await pam?.remove();
    throw error;
  });
  const stop = async (stopOptions?: { readonly graceMs?: number }) => {
    await daemon.stop(stopOptions);
    await pam?.remove();
  };
  const start = async () => {
    await pam?.install();
    await daemon.start();
  };
  return {
    host: HOST,
    port,
    hostKeyPath,
    hostPublicKey,
    knownHostsLine: `[${HOST}]:${port} ${hostPublicKey}`,
    codeSecret: pam?.secret,
    get pid() {
      return daemon.pid;
    },
    signal: (signal) => daemon.signal(signal),
    stop,
    start,
    restart: async () => {
      await stop();
      await start();
    },
  };
}

/** Whether this sshd is told its PAM service by its configuration (from OpenSSH 9.8 on), instead of by its own name. */
async function takesServiceName(hostKeyPath: string): Promise<boolean> {
  try {
    await run('/usr/sbin/sshd', ['-t', '-f', '/dev/null', '-h', hostKeyPath, '-o', 'PAMServiceName=sshd']);
    return true;
  } catch (error) {
    if (error instanceof CommandError && /bad configuration option/i.test(error.stderr)) return false;
    throw error;
  }
}

function sshdConfig(
  options: SshdOptions,
  directory: string,
  hostKeyPath: string,
  port: number,
  pamService: readonly string[],
): string {
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
    // The directories above belong to whoever started this, not to the user.
    'StrictModes no',
    ...loginConfig(options.twoFactor, pamService),
    'UseDNS no',
    'PrintMotd no',
    'PrintLastLog no',
    // sshd takes no second one of the same name.
    ...(extra.some((line) => /^\s*Subsystem\b/i.test(line)) ? [] : ['Subsystem sftp internal-sftp']),
    ...(environment.length === 0 ? [] : [`SetEnv${environment.join('')}`]),
    ...extra.slice(split),
    '',
  ].join('\n');
}

function loginConfig(twoFactor: SshdOptions['twoFactor'], pamService: readonly string[]): readonly string[] {
  if (twoFactor === undefined) {
    return ['UsePAM no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no'];
  }
  const methods = twoFactor.password === undefined ? 'publickey,keyboard-interactive' : 'keyboard-interactive';
  return [
    'UsePAM yes',
    ...pamService,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication yes',
    `AuthenticationMethods ${methods}`,
  ];
}
