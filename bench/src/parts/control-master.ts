import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ControlMasterOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Files as in ssh_config(5). */
  readonly identityFile: string;
  readonly knownHosts: string;
}

/** OpenSSH's way of running many commands on one connection, which a person uses who works by hand. */
export class ControlMaster implements AsyncDisposable {
  readonly #directory: string;
  readonly #options: readonly string[];

  private constructor(directory: string, options: readonly string[]) {
    this.#directory = directory;
    this.#options = options;
  }

  static async open({ host, port, user, identityFile, knownHosts }: ControlMasterOptions): Promise<ControlMaster> {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-ssh-'));
    const master = new ControlMaster(directory, [
      ...['-F', 'none', '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${knownHosts}`],
      ...['-i', identityFile, '-p', String(port), '-S', join(directory, 'control'), `${user}@${host}`],
    ]);
    await master.#ssh('-M', '-f', '-N', '-o', 'ControlPersist=yes');
    return master;
  }

  /** Resolves with what the command prints, and throws if it fails. */
  async run(command: string, input: Buffer = Buffer.alloc(0)): Promise<string> {
    const running = run('ssh', [...this.#options, command]);
    running.child.stdin?.end(input);
    return (await running).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ssh('-O', 'exit');
    await rm(this.#directory, { recursive: true });
  }

  async #ssh(...args: readonly string[]): Promise<void> {
    await run('ssh', [...args, ...this.#options]);
  }
}
