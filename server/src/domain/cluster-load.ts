/** What one kind of command cost a cluster. */
export interface CommandLoad {
  /** `queue`, `accounting`, `submit`, `cancel`, `inventory`, `probe`, `markers`, `files` …: what it was for. */
  readonly kind: string;
  readonly count: number;
  /** From the moment it was sent to its end, added up. */
  readonly seconds: number;
}

/** What the server has asked of a cluster in some time up to now. */
export interface LoadWindow {
  readonly since: Date;
  /** The most frequent first; kinds that didn't occur are left out. */
  readonly commands: readonly CommandLoad[];
  /** Attempts to log in, those that were refused included. */
  readonly logins: number;
  /** Of all commands together. */
  readonly seconds: number;
}

export interface ClusterLoad {
  readonly hour: LoadWindow;
  readonly day: LoadWindow;
}
