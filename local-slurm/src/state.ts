import type { Stats } from 'node:fs';
import { lstat, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProcess, type ProcessIdentity } from './processes.ts';

/** One cluster, and how to log in to it. */
export interface LocalCluster {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** An ordinary user, who may submit jobs. */
  readonly user: string;
  /** The path of the private key. */
  readonly identityFile: string;
  /** The path of a file with the host keys of all clusters here. */
  readonly knownHosts: string;
  /** What a login is asked for besides the key; null when nothing is. */
  readonly twoFactor: {
    /** That its codes are computed from (oneTimeCode). */
    readonly codeSecret: string;
    /** Null: the key is asked for in its place. */
    readonly password: string | null;
  } | null;
  /** Holds its configuration and the logs of its daemons. */
  readonly directory: string;
  /** The path of slurm.conf, for SLURM_CONF. */
  readonly slurmConf: string;
}

/** What `state.json` in the directory of an instance says. */
export interface InstanceState {
  readonly keeper: ProcessIdentity;
  /** Of RELEASES, in a system of its own; undefined: the machine's own Slurm. */
  readonly release?: string;
  /** None until all of them are up. */
  readonly clusters: readonly LocalCluster[];
}

/**
 * The state of the instance in this directory, or undefined when there is none. Throws if others could have written it: who
 * names the keeper has it killed, as root, and a cluster's user and host are words of a command line.
 */
export async function readState(directory: string): Promise<InstanceState | undefined> {
  const fault = await foreignness(directory);
  if (fault !== undefined) throw new Error(`${directory} ${fault}: it is left alone.`);
  try {
    return JSON.parse(await readFile(stateFile(directory), 'utf8')) as InstanceState;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Why what lies in a directory may be others'; undefined: it isn't, or there is nothing. */
export async function foreignness(directory: string): Promise<string | undefined> {
  let found: Stats;
  try {
    found = await lstat(directory);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  if (!found.isDirectory()) return 'is no directory';
  if (found.uid !== 0 && found.uid !== process.getuid?.()) return 'belongs to another user';
  return (found.mode & 0o002) === 0 ? undefined : 'can be written by all users';
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Writes the state as a whole: a reader sees the old one or the new one. */
export async function writeState(directory: string, state: InstanceState): Promise<void> {
  const temporary = `${stateFile(directory)}.new`;
  await writeFile(temporary, `${JSON.stringify(state, null, 2)}\n`);
  await rename(temporary, stateFile(directory));
}

/** Whether the keeper that wrote this still runs. */
export function isAlive(state: InstanceState): boolean {
  return findProcess(state.keeper.pid)?.startTime === state.keeper.startTime;
}

function stateFile(directory: string): string {
  return join(directory, 'state.json');
}
