/** The load that one kind of command put on a cluster. */
export interface CommandLoad {
  /** `queue`, `accounting`, `submit`, `cancel`, `inventory`, `probe`, `markers`, `files` …: the purpose. */
  readonly kind: string;
  readonly count: number;
  /** The sum of the durations, from sending to the end. */
  readonly seconds: number;
}

/** The load that the server put on a cluster over a period that ends now. */
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
