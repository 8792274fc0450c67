import type { SshEnvironment, SshSettings } from '../settings.ts';
import type { ConfigFile, Directive } from './config-file.ts';
import { configFor } from './config-rules.ts';
import { type Destination, parseJumps, parsePort } from './destination.ts';
import { expandPath, expandTokens } from './expand.ts';
import { refused } from './failure.ts';
import { type NotFollowed, notFollowed } from './not-followed.ts';

/** One machine on the way to a cluster: a jump host, or, last, the login node itself. */
export interface Hop {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `user@host`, with the port where it isn't 22: how messages name it. */
  readonly label: string;
  /** Replaces host and port in the lookup of host keys. */
  readonly hostKeyAlias: string | undefined;
  /** A new key belongs in the first. */
  readonly knownHostsFiles: readonly string[];
  /** Files of revoked keys, one on each line. */
  readonly revokedKeysFile: string | undefined;
  /** The family of addresses to use, 0 for any, and the local address to connect from. */
  readonly family: 0 | 4 | 6;
  readonly localAddress: string | undefined;
  /** Differences from what OpenSSH would do. */
  readonly notFollowed: readonly NotFollowed[];
  readonly identities: IdentitySources;
  /**
   * Its jump hosts in the OpenSSH configuration.
   *
   * @throws DialFailure refused, if it names a ProxyCommand instead
   */
  jumps(): readonly Destination[];
}

export interface IdentitySources {
  readonly files: readonly string[];
  /** Certificates that the OpenSSH configuration names, besides those beside the files. */
  readonly certificates: readonly string[];
  /**
   * The source of the files. `settings`: clusters.yaml, which must name a usable one; `config`: the OpenSSH
   * configuration; `default`: OpenSSH's default names.
   */
  readonly namedBy: 'settings' | 'config' | 'default';
  /** Offer nothing but the keys of these files, though the agent may hold more. */
  readonly only: boolean;
  readonly agentSocket: string | undefined;
}

const USER_KNOWN_HOSTS = ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
const SYSTEM_KNOWN_HOSTS = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
const USUAL_IDENTITIES = ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'];

/**
 * Determines everything about one host, in this order: the request, the cluster's settings, the OpenSSH configuration,
 * OpenSSH's defaults. For a jump host the settings `user` and `identityFile`, which are the cluster's, come only
 * after the OpenSSH configuration; `knownHosts` holds for every host on the way.
 *
 * not-followed.ts lists the keywords of the OpenSSH configuration that are only reported. Host keys
 * are always checked, whatever StrictHostKeyChecking says.
 *
 * @throws DialFailure refused, for what can't be read or isn't supported
 */
export function resolveHop(
  destination: Destination,
  role: 'cluster' | 'jump host',
  settings: SshSettings,
  environment: SshEnvironment,
  files: readonly ConfigFile[],
): Hop {
  const config = configFor(destination.host, files, environment.userName, destination.user);
  const value = (keyword: string) => config.get(keyword)?.values[0];

  const hostName = config.get('hostname');
  const host = hostName
    ? expandTokens(hostName.values[0] ?? '', { h: destination.host }, hostName.at)
    : destination.host;
  const configuredPort = config.get('port');
  const port = destination.port ?? (configuredPort ? parsePort(configuredPort.values[0] ?? '', configuredPort.at) : 22);
  const user = destination.user ?? value('user') ?? settings.user ?? environment.userName;
  const hostKeyAlias = value('hostkeyalias');

  const tokens = {
    h: host,
    n: destination.host,
    p: String(port),
    r: user,
    u: environment.userName,
    d: environment.homeDirectory,
    k: hostKeyAlias ?? destination.host,
  };
  const path = (text: string, origin: string) => expandPath(text, environment.homeDirectory, tokens, origin);
  const paths = ({ values, at }: Pick<Directive, 'values' | 'at'>) =>
    values.filter((text) => text.toLowerCase() !== 'none').map((text) => path(text, at));
  const builtIn = (values: readonly string[]) => ({ values, at: 'built-in default' });

  function identities(): Omit<IdentitySources, 'agentSocket'> {
    const configured = config.identityFiles.flatMap(paths);
    const only = value('identitiesonly')?.toLowerCase() === 'yes';
    const certificates = config.certificateFiles.flatMap(paths);
    if (value('pubkeyauthentication')?.toLowerCase() === 'no') {
      return { files: [], certificates: [], namedBy: 'config', only: true };
    }
    if (settings.identityFile !== undefined && (role === 'cluster' || configured.length === 0)) {
      return { files: [path(settings.identityFile, 'identity_file')], certificates, namedBy: 'settings', only: true };
    }
    if (config.identityFiles.length > 0) return { files: configured, certificates, namedBy: 'config', only };
    return { files: paths(builtIn(USUAL_IDENTITIES)), certificates, namedBy: 'default', only };
  }

  function agentSocket(): string | undefined {
    const directive = config.get('identityagent');
    const text = directive?.values[0];
    if (directive === undefined || text === undefined) return environment.agentSocket;
    if (/^(SSH_AUTH_SOCK|\$SSH_AUTH_SOCK|\$\{SSH_AUTH_SOCK\})$/.test(text)) return environment.agentSocket;
    return paths(directive)[0];
  }

  function jumps(): readonly Destination[] {
    const command = config.get('proxycommand');
    if (command && command.values[0] !== 'none') {
      throw refused(`${command.at}: ProxyCommand isn't supported. Use ProxyJump, or set proxy_jump for the cluster`);
    }
    const jump = config.get('proxyjump');
    return jump ? parseJumps(jump.values[0] ?? '', jump.at) : [];
  }

  const revoked = config.get('revokedhostkeys');
  const family = value('addressfamily')?.toLowerCase();

  return {
    host,
    port,
    user,
    revokedKeysFile: revoked === undefined ? undefined : paths(revoked)[0],
    family: family === 'inet' ? 4 : family === 'inet6' ? 6 : 0,
    localAddress: value('bindaddress'),
    notFollowed: notFollowed(config),
    label: `${user}@${host.includes(':') ? `[${host}]` : host}${port === 22 ? '' : `:${port}`}`,
    hostKeyAlias,
    knownHostsFiles: [
      ...(settings.knownHosts === undefined
        ? paths(config.get('userknownhostsfile') ?? builtIn(USER_KNOWN_HOSTS))
        : [path(settings.knownHosts, 'known_hosts')]),
      ...paths(config.get('globalknownhostsfile') ?? builtIn(SYSTEM_KNOWN_HOSTS)),
    ],
    identities: { ...identities(), agentSocket: agentSocket() },
    jumps,
  };
}
