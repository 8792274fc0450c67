import type { StartedInstance } from './instance.ts';
import type { LocalClusterOptions } from './layout.ts';

/** The first line on the keeper's stdin: what to start. */
export interface KeeperRequest {
  readonly clusters: readonly LocalClusterOptions[];
  readonly directory?: string;
  /** One of RELEASES. Default: the machine's own Slurm. */
  readonly release?: string;
  /** As EnclosedInstanceOptions. */
  readonly shared?: readonly string[];
  /** As InstanceOptions. */
  readonly isEnclosed?: boolean;
  /** Where base systems of other releases are kept. */
  readonly cacheDirectory: string;
  /** Where a new directory is made when none is given. */
  readonly temporaryDirectory: string;
  /** The uid that gets the scratch directory and the client key. */
  readonly owner: number;
  /** The end of stdin, which the owner's death is too, takes everything down; if true, only until the clusters are up. */
  readonly detached: boolean;
}

/** Every further line on the keeper's stdin: what to do to a daemon. */
export interface DaemonCommand {
  readonly id: number;
  readonly daemon: string;
  readonly action: 'start' | 'stop' | 'signal';
  readonly signal?: NodeJS.Signals;
}

/** A line on the keeper's stdout. It ends with exit code 0 when nothing is left, or 1 after a message `failed`. */
export type KeeperMessage =
  | { readonly type: 'progress'; readonly line: string }
  | ({ readonly type: 'ready' } & StartedInstance)
  | { readonly type: 'done'; readonly id: number; readonly problem: string | null }
  | { readonly type: 'failed'; readonly problem: string };
