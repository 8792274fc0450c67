import { isIP } from 'node:net';
import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Everything the process takes from its environment. */
export interface Environment {
  /** The first of these that exists is used; if none does, errors name the last. */
  readonly configFiles: readonly [string, ...string[]];
  readonly dataDirectory: string;
  readonly databaseFile: string;
  readonly host: string;
  /** 0: the system picks a free one. */
  readonly port: number;
  /** Null: generated at the first start and kept in the data directory. */
  readonly token: string | null;
  /** Origins, as browsers write them, whose pages may use a token here; "*": all. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and subnets of reverse proxies, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: 'pretty' | 'json';
  readonly homeDirectory: string;
  readonly userName: string;
  /** The SSH agent's socket. */
  readonly agentSocket: string | null;
  /**
   * The part that git gets. Variables that the user set for other git commands (GIT_DIR, GIT_INDEX_FILE,
   * GIT_ATTR_SOURCE …) are not meant for SlurmQL's, and the server's own (its token) are not meant for git.
   */
  readonly gitVariables: Readonly<Record<string, string>>;
}

/** SUDO_UID: the owner of repositories that git, run as root, also trusts. */
const GIT_VARIABLES = ['PATH', 'HOME', 'XDG_CONFIG_HOME', 'SUDO_UID'] as const;

export interface ConfigurationFault {
  readonly message: string;
}

/** How many faults are reported; the rest probably follows from them. */
const MOST_FAULTS = 20;

/** A fault in the configuration; the message has one line for each fault. */
export class ConfigurationError extends Error {
  constructor(faults: readonly ConfigurationFault[], options?: ErrorOptions) {
    const told = faults.slice(0, MOST_FAULTS).map((fault) => fault.message);
    const rest = faults.length - told.length;
    super([...told, ...(rest > 0 ? [`and ${rest} more faults`] : [])].join('\n'), options);
    this.name = 'ConfigurationError';
  }
}

/** The shortest token that can't feasibly be guessed. */
const MINIMUM_TOKEN_LENGTH = 16;
/** A random token has more; a key held down on a keyboard gives one. */
const MINIMUM_TOKEN_CHARACTERS = 6;

/** What is wrong with an administrator's token; null: nothing. */
export function tokenFault(token: string): string | null {
  if (!/^[\x21-\x7e]+$/.test(token)) return 'write visible ASCII characters without spaces';
  if (token.length < MINIMUM_TOKEN_LENGTH) return `write at least ${MINIMUM_TOKEN_LENGTH} characters`;
  if (new Set(token).size < MINIMUM_TOKEN_CHARACTERS)
    return `write at least ${MINIMUM_TOKEN_CHARACTERS} different characters`;
  return null;
}

/** Reads the environment; throws one ConfigurationError that names every faulty variable. */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  terminal: { readonly isInteractive: boolean; readonly directory: string },
): Environment {
  const faults: ConfigurationFault[] = [];
  const fault = (variable: string, wants: string) => {
    faults.push({ message: `${variable}=${JSON.stringify(variables[variable])}: ${wants}` });
  };
  // An empty variable counts as not set, as `VARIABLE= command` means in a shell.
  const read = (variable: string): string | null => variables[variable] || null;
  // npm runs a workspace's scripts inside the workspace, and says from where it was called.
  const absolute = (path: string) => resolve(read('INIT_CWD') ?? terminal.directory, path);

  // git ignores it in the repository, whose clusters.yaml is part of the product.
  const own = absolute('clusters.local.yaml');
  const configFile = read('SLURMQL_CONFIG');

  const dataDirectory = absolute(read('SLURMQL_DATA_DIR') ?? 'data');
  let databaseFile = join(dataDirectory, 'slurmql.db');
  const databaseUrl = read('SLURMQL_DATABASE_URL');
  if (databaseUrl !== null) {
    if (/^sqlite:.+/.test(databaseUrl)) databaseFile = absolute(databaseUrl.slice('sqlite:'.length));
    // A URL can hold a password, so it isn't repeated.
    else faults.push({ message: 'SLURMQL_DATABASE_URL: write sqlite:PATH' });
  }

  const portText = read('PORT') ?? '4000';
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port > 65_535) fault('PORT', 'write a port from 0 (any free one) to 65535');

  const token = read('SLURMQL_TOKEN');
  const wants = token === null ? null : tokenFault(token);
  // The value is a secret, so it isn't repeated.
  if (wants !== null) faults.push({ message: `SLURMQL_TOKEN: ${wants}` });

  const originTexts = (read('SLURMQL_ALLOWED_ORIGINS') ?? '').split(/[\s,]+/).filter(Boolean);
  const allowedOrigins = originTexts.flatMap((text) => originOf(text) ?? []);
  if (allowedOrigins.length < originTexts.length) {
    fault('SLURMQL_ALLOWED_ORIGINS', 'write origins such as https://lab.example.org, with commas between them, or *');
  }

  const trustedProxies = (read('SLURMQL_TRUSTED_PROXIES') ?? '').split(/[\s,]+/).filter(Boolean);
  if (!trustedProxies.every(isNetwork)) {
    fault(
      'SLURMQL_TRUSTED_PROXIES',
      'write addresses or subnets such as 127.0.0.1, 10.0.0.0/8, with commas between them',
    );
  }

  const levelText = read('LOG_LEVEL') ?? 'info';
  const logLevel = LOG_LEVELS.find((level) => level === levelText);
  if (logLevel === undefined) fault('LOG_LEVEL', `write one of ${LOG_LEVELS.join(', ')}`);

  const formatText = read('LOG_FORMAT') ?? (terminal.isInteractive ? 'pretty' : 'json');
  const logFormat = formatText === 'pretty' || formatText === 'json' ? formatText : undefined;
  if (logFormat === undefined) fault('LOG_FORMAT', 'write pretty or json');

  if (faults.length > 0 || logLevel === undefined || logFormat === undefined) throw new ConfigurationError(faults);
  return {
    configFiles: configFile === null ? [own, absolute('clusters.yaml')] : [absolute(configFile)],
    dataDirectory,
    databaseFile,
    host: read('HOST') ?? '127.0.0.1',
    port,
    token,
    allowedOrigins,
    trustedProxies,
    logLevel,
    logFormat,
    homeDirectory: read('HOME') ?? homedir(),
    userName: read('USER') ?? userInfo().username,
    agentSocket: read('SSH_AUTH_SOCK'),
    gitVariables: Object.fromEntries(
      GIT_VARIABLES.flatMap((name) => {
        const value = read(name);
        return value === null ? [] : [[name, value]];
      }),
    ),
  };
}

/** An origin as browsers write it, without a default port; null: it is none. */
function originOf(text: string): string | null {
  if (text === '*') return text;
  const url = URL.parse(text);
  const isBare =
    url !== null && url.host !== '' && url.username === '' && /^[a-z][a-z0-9+.-]*:\/\/[^/?#*]+\/?$/i.test(text);
  return isBare ? `${url.protocol}//${url.host}` : null;
}

/** An IP address, or a subnet in CIDR notation. */
function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (bits === -1 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

/** The person and machine that SSH logs in from. */
export function sshEnvironment({ homeDirectory, userName, agentSocket }: Environment) {
  return {
    homeDirectory,
    userName,
    configFile: join(homeDirectory, '.ssh', 'config'),
    ...(agentSocket === null ? {} : { agentSocket }),
  };
}
