/** How one cluster is reached. What is absent here comes from the OpenSSH configuration, then from OpenSSH's defaults. */
export interface SshSettings {
  /** The cluster's name in clusters.yaml: it opens log lines. */
  readonly name: string;
  /** A host name, an address, or a `Host` alias of the OpenSSH configuration. */
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  /** The one private key to log in with; no other key is offered. May start with `~/`. */
  readonly identityFile?: string;
  /** Takes the place of the user's known_hosts files, for every host on the way. May start with `~/`. */
  readonly knownHosts?: string;
  /** `[user@]host[:port]`, several separated by commas, or `none`. */
  readonly proxyJump?: string;
  /** The administrator's words, added to the message when the cluster can't be reached: VPN, whom to ask. */
  readonly help?: string;
}

/** The person and machine the server runs as. It is given, so that only the configuration reads the process's own. */
export interface SshEnvironment {
  readonly homeDirectory: string;
  readonly userName: string;
  /** The socket of the SSH agent (`SSH_AUTH_SOCK`), if there is one. */
  readonly agentSocket?: string;
  /** The user's OpenSSH configuration, normally `~/.ssh/config`. It need not exist. */
  readonly configFile: string;
}

/** Structurally a part of the server's logger: values first, then the message. */
export interface SshLog {
  info(values: object, message: string): void;
  warn(values: object, message: string): void;
  debug(values: object, message: string): void;
}
