import type { CommandResult, RunOptions } from '../ssh/index.ts';

/** Runs scripts on the cluster's login: `SshConnection`. */
export interface Runner {
  run(script: string, options: RunOptions): Promise<CommandResult>;
}
