import { execFile } from 'node:child_process';
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where and with what the figures were measured. */
export interface Environment {
  readonly cores: number;
  readonly processor: string;
  readonly memoryMiB: number;
  readonly system: string;
  /** By program; null where it isn't installed. */
  readonly versions: Readonly<Record<string, string | null>>;
}

export async function describeEnvironment(): Promise<Environment> {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryMiB: Math.round(totalmem() / 1024 ** 2),
    system: `${process.platform} ${release()} ${arch()}`,
    versions: {
      node: process.versions.node,
      commit: await said('git', ['describe', '--always', '--dirty']),
      slurm: await said('sbatch', ['--version']),
      openssh: await said('ssh', ['-V']),
    },
  };
}

async function said(command: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await run(command, args);
    return (stdout || stderr).trim();
  } catch {
    // Not installed: some benchmarks need none of it.
    return null;
  }
}
