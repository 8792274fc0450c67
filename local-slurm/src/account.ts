import { randomBytes, randomInt } from 'node:crypto';
import { chown, mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeServicesOf } from './pam.ts';
import { findProcess, isOfThisSystem, killAll, listProcesses, type ProcessIdentity, thisProcess } from './processes.ts';
import { makeReachable } from './reachable.ts';
import { CommandError, isRoot, type RunOptions, run } from './run.ts';

/** A system account that lives as long as the process that made it. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** An account whose maker is gone. */
export interface AbandonedAccount extends Account {
  /** The directory that was given to createAccount. */
  readonly directory: string;
  readonly maker: ProcessIdentity;
}

const NAME = /^slurmql-[0-9a-f]{6}$/;
/** The comment field of such an account: who made it (pid and start time), and where its directory is. */
const COMMENT = /^SlurmQL local-slurm (\d+)\.(\d+) (\/.*)$/;

export interface AccountOptions {
  readonly directory: string;
  /** The name of its home in `directory`. Default: "home". */
  readonly home?: string;
  /** The path of its login shell. Default: bash. */
  readonly shell?: string;
  /** With a number that neither accounts nor services nor containers are given. Default false. */
  readonly isApart?: boolean;
}

/** Unused on every system (https://systemd.io/UIDS-GIDS/). */
const APART = { first: 60_706, last: 61_183 };
/** Exit code of useradd(8). */
const UID_TAKEN = 4;

/**
 * Makes an account `slurmql-<6 hex>` that can log in with a key and in no other way, with its home in `directory`.
 * Needs root. `directory` is made passable for other users.
 */
export async function createAccount(options: AccountOptions): Promise<Account> {
  if (!isRoot()) throw new Error('Root is needed, to create an ordinary account that jobs run as.');
  const directory = resolve(options.directory);
  const home = join(directory, options.home ?? 'home');
  if (/[:,\n]/.test(home)) throw new Error(`${home} can't be a home: its path has a colon, comma or newline.`);
  const maker = thisProcess();

  await mkdir(home, { recursive: true, mode: 0o755 });
  await makeReachable(directory);

  const name = `slurmql-${randomBytes(3).toString('hex')}`;
  const comment = `SlurmQL local-slurm ${maker.pid}.${maker.startTime} ${directory}`;
  // System: no mail spool, no subordinate ids. Password "*": none fits, yet sshd doesn't take it for locked ("!").
  const args = [
    ...['--system', '--user-group', '--no-create-home', '--no-log-init'],
    ...['--home-dir', home, '--shell', options.shell ?? '/bin/bash', '--password', '*', '--comment', comment, name],
  ];
  if (options.isApart === true) await addApart(args);
  else await whenPasswordFileIsFree('useradd', args);
  const account = (await slurmqlAccounts()).find((one) => one.name === name);
  if (account === undefined) throw new Error(`useradd made no account ${name}`);
  await chown(home, account.uid, account.gid);
  return { name, uid: account.uid, gid: account.gid, home };
}

/** Adds an account with a number of those kept apart, of which others are taken at the same time. */
async function addApart(args: readonly string[]): Promise<void> {
  const count = APART.last + 1 - APART.first;
  const start = randomInt(count);
  for (let tries = 0; ; tries++) {
    const uid = APART.first + ((start + tries) % count);
    try {
      await whenPasswordFileIsFree('useradd', ['--uid', String(uid), ...args]);
      return;
    } catch (error) {
      const isTaken = error instanceof CommandError && error.exitCode === UID_TAKEN;
      if (!isTaken || tries === count - 1) throw error;
    }
  }
}

/** Lets the account log in with a password, too, wherever a server takes one. Needs root. */
export async function setPassword(user: string, password: string): Promise<void> {
  await whenPasswordFileIsFree('chpasswd', ['--crypt-method', 'SHA512'], { input: `${user}:${password}\n` });
}

/** Kills whatever the account runs, then removes the account, its PAM services and its home. An account that is gone already is fine. */
export async function removeAccount(account: Account): Promise<void> {
  // The uid is looked up each time: once the account is gone, the next one may be given it.
  await killAll(async () => {
    const exists = (await slurmqlAccounts()).some((one) => one.name === account.name && one.uid === account.uid);
    return exists ? listProcesses().filter((one) => one.uid === account.uid && isOfThisSystem(one)) : [];
  }, `processes of the account ${account.name}`);
  if ((await slurmqlAccounts()).some((one) => one.name === account.name)) {
    // By force: userdel counts what another user of the same number runs in a container.
    await whenPasswordFileIsFree('userdel', ['--force', account.name]);
  }
  await removeServicesOf(account.name);
  await rm(account.home, { recursive: true, force: true });
}

/** The accounts that were left by makers which no longer run. */
export async function abandonedAccounts(): Promise<readonly AbandonedAccount[]> {
  const accounts = await slurmqlAccounts();
  return accounts.filter(({ maker }) => findProcess(maker.pid)?.startTime !== maker.startTime);
}

async function slurmqlAccounts() {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n');
  return lines.flatMap((line) => {
    const [name = '', , uid, gid, comment = '', home = ''] = line.split(':');
    const [, pid, startTime, directory] = COMMENT.exec(comment) ?? [];
    if (!NAME.test(name) || startTime === undefined || directory === undefined) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home, directory, maker: { pid: Number(pid), startTime } }];
  });
}

/**
 * The tools of passwd(5) give up at once when another one is at work (exit codes 1 and 10 of useradd(8) and userdel(8),
 * 1 of chpasswd(8)), and when a process of the account isn't reaped yet (8).
 */
async function whenPasswordFileIsFree(
  command: 'useradd' | 'userdel' | 'chpasswd',
  args: readonly string[],
  options: RunOptions = {},
): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      await run(command, args, options);
      return;
    } catch (error) {
      const exitCode = error instanceof CommandError ? error.exitCode : null;
      // 6: no such account; another process has just removed it.
      if (command === 'userdel' && exitCode === 6) return;
      const busy = exitCode === 1 || exitCode === 8 || exitCode === 10;
      if (!busy || performance.now() > deadline) throw error;
      await sleep(50 + Math.random() * 150);
    }
  }
}
