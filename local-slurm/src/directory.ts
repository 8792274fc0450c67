import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Account, abandonedAccounts, removeAccount } from './account.ts';
import { removeClockRemains } from './clock.ts';
import { killAll, listProcesses, type ProcessInfo } from './processes.ts';
import { run } from './run.ts';
import { foreignness, isAlive, readState } from './state.ts';

/** Longer paths don't fit the socket of a job step: `<directory>/<cluster>/spool/<node>/<node>_<job>.<step>`, 107 bytes. */
const LONGEST_DIRECTORY = 50;

/**
 * The directory for a new instance: `wanted`, which may hold nothing but what a killed instance left, or a new one in
 * `temporaryDirectory`. It belongs to this user, and others may pass through it.
 */
export async function claimDirectory(wanted: string | undefined, temporaryDirectory: string): Promise<string> {
  const directory = resolve(wanted ?? join(temporaryDirectory, `slurmql-${randomBytes(3).toString('hex')}`));
  if (directory.length > LONGEST_DIRECTORY || !/^[\w./+-]+$/.test(directory)) {
    throw new Error(
      `${directory} can't be used: a path of at most ${LONGEST_DIRECTORY} letters, digits and _ . + - is needed.`,
    );
  }
  const state = await readState(directory);
  if (state !== undefined && isAlive(state)) throw new Error(`${directory} is in use by another instance.`);
  if (state !== undefined) await removeDirectory(directory);
  await mkdir(directory, { recursive: true, mode: 0o755 });
  // Whoever owns the directory could put another configuration into it, and so run commands as root.
  if ((await stat(directory)).uid !== process.getuid?.()) throw new Error(`${directory} belongs to another user.`);
  if ((await readdir(directory)).length > 0) throw new Error(`${directory} isn't empty.`);
  return directory;
}

export async function removeDirectory(directory: string): Promise<void> {
  // What was killed a moment ago may still write: then the directory isn't empty at first.
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

/** What a test mounted, a small file system that fills up, say, would keep its directory from going. */
async function unmountBelow(directory: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').flatMap((line) => {
    // Spaces and the like are written in octal (man fstab).
    const path = line.split(' ')[1]?.replaceAll(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8)));
    return path?.startsWith(`${directory}/`) ? [path] : [];
  });
  for (const path of mounts.reverse()) await run('umount', ['--lazy', path]);
}

/** Kills what the daemons of an instance left and all that its account runs, and removes the account with its home. */
export async function removeLeftovers(account: Account, directory: string): Promise<void> {
  await killAll(async () => slurmProcesses(directory), `what Slurm started in ${directory}`);
  await unmountBelow(directory);
  await removeAccount(account);
  await removeClockRemains();
}

/** Removes what is left of instances whose keeper was killed: by its account, or, where it had no account here, in `temporaryDirectory`. */
export async function removeAbandoned(onProgress: (line: string) => void, temporaryDirectory: string): Promise<void> {
  for (const account of await abandonedAccounts()) {
    const { directory, maker } = account;
    onProgress(`removing what a killed instance left: ${account.name}, ${directory}`);
    const state = (await foreignness(directory)) === undefined ? await readState(directory) : undefined;
    if (state?.keeper.pid === maker.pid && state.keeper.startTime === maker.startTime) {
      await removeLeftovers(account, directory);
      await removeDirectory(directory);
    } else {
      // The directory is somebody else's by now, or never was an instance's.
      await removeAccount(account);
    }
  }
  for (const name of await readdir(temporaryDirectory)) {
    const directory = join(temporaryDirectory, name);
    if (!name.startsWith('slurmql-') || !(await isAbandoned(directory))) continue;
    onProgress(`removing what a killed instance left: ${directory}`);
    await removeDirectory(directory);
  }
}

/** Whether this is the directory of an enclosed instance whose keeper is gone. */
async function isAbandoned(directory: string): Promise<boolean> {
  try {
    const { uid } = await lstat(directory);
    // Root's alone: what others write into a directory of theirs is no reason to remove it.
    if (uid !== process.getuid?.() || (await foreignness(directory)) !== undefined) return false;
    const state = await readState(directory);
    return state?.release !== undefined && !isAlive(state);
  } catch (error) {
    // Removed meanwhile, or no directory.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return false;
    throw error;
  }
}

/**
 * Slurm's own processes of an instance. They outlive their daemons: each job step has a slurmstepd, which belongs to
 * no one. Others with this SLURM_CONF, say a shell or a squeue, are none of them.
 */
function slurmProcesses(directory: string): readonly ProcessInfo[] {
  return listProcesses().filter(({ pid }) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      return (
        basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('slurm') &&
        environment.some((variable) => variable.startsWith(`SLURM_CONF=${directory}/`))
      );
    } catch {
      // It ended between the listing and the look.
      return false;
    }
  });
}
